//! What a server says of itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| git_remote::fuzzing::advertisement(data));
