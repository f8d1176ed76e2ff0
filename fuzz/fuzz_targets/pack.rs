//! A pack whose checksum is right, so that what is in it is looked at.
#![no_main]

use sha1::{Digest as _, Sha1};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut pack = b"PACK\0\0\0\x02\0\0\0".to_vec();
    pack.extend_from_slice(data);
    pack.extend_from_slice(&Sha1::digest(&pack));
    let directory = tempfile::tempdir().expect("a directory");
    git_remote::fuzzing::pack(&pack, directory.path());
});
