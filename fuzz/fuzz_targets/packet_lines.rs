//! Packet lines, the bands of an answer, and the report on a push.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| git_remote::fuzzing::packet_lines(data));
