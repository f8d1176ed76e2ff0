//! How git-crypt encrypts: AES-256 in counter mode, from a nonce that is the HMAC-SHA1 of the content, so that what is equal stays equal.

use std::io::{self, Read, Write};

use aes::Aes256;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::key_file::KeyFile;

/// How an encrypted file begins; the nonce follows.
const MAGIC: &[u8] = b"\0GITCRYPT\0";
const NONCE: usize = 12;
const HEADER: usize = MAGIC.len() + NONCE;
/// How much is decrypted at a time.
const PIECE: usize = 64 * 1024;

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// It was encrypted with this key, and is whole.
    Genuine,
    /// It was encrypted with another key, or changed since.
    Wrong,
    /// It is not encrypted; nothing was written.
    NotEncrypted,
}

/// Decrypts a file.
pub(super) fn decrypt(key: &KeyFile, from: &mut impl Read, to: &mut impl Write) -> io::Result<Opened> {
    let mut header = Vec::new();
    Read::by_ref(from).take(HEADER as u64).read_to_end(&mut header)?;
    let nonce = header
        .strip_prefix(MAGIC)
        .and_then(|nonce| <[u8; NONCE]>::try_from(nonce).ok());
    let Some(nonce) = nonce else {
        return Ok(Opened::NotEncrypted);
    };
    let mut cipher = cipher(key, nonce);
    let mut hmac = hmac(key)?;
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            break;
        }
        let piece = &mut piece[..length];
        cipher
            .try_apply_keystream(piece)
            .map_err(|_| io::Error::other("it is too large for git-crypt"))?;
        hmac.update(piece);
        to.write_all(piece)?;
    }
    to.flush()?;
    let is_genuine = hmac.verify_truncated_left(&nonce).is_ok();
    Ok(if is_genuine {
        Opened::Genuine
    } else {
        Opened::Wrong
    })
}

/// Encrypts the content of a file.
pub(super) fn encrypt(key: &KeyFile, mut content: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut hmac = hmac(key)?;
    hmac.update(&content);
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(&hmac.finalize().into_bytes()[..NONCE]);
    cipher(key, nonce)
        .try_apply_keystream(&mut content)
        .map_err(|_| io::Error::other("it is too large for git-crypt"))?;
    Ok([MAGIC, &nonce, &content].concat())
}

fn cipher(key: &KeyFile, nonce: [u8; NONCE]) -> ctr::Ctr32BE<Aes256> {
    let mut counter = [0; 16];
    counter[..NONCE].copy_from_slice(&nonce);
    ctr::Ctr32BE::new(&key.aes.into(), &counter.into())
}

fn hmac(key: &KeyFile) -> io::Result<Hmac<Sha1>> {
    Hmac::new_from_slice(&key.hmac).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::super::key_file::tests::key_file;
    use super::*;

    fn decrypted(content: &[u8]) -> (Opened, Vec<u8>) {
        let key = KeyFile::parse(&key_file(b"")).ok().unwrap();
        let mut plain = Vec::new();
        let opened = decrypt(&key, &mut &*content, &mut plain).unwrap();
        (opened, plain)
    }

    #[test]
    fn only_files_with_the_whole_header_are_encrypted() {
        for (file, opened) in [
            (&b"\0GITCRYPT\0nonce-nonce-"[..], Opened::Wrong),
            (b"\0GITCRYPT\0nonce-nonce", Opened::NotEncrypted),
            (b"\0GITCRYPT nonce-nonce-", Opened::NotEncrypted),
            (b"", Opened::NotEncrypted),
        ] {
            assert_eq!(decrypted(file), (opened, Vec::new()), "{file:?}");
        }
    }

    #[test]
    fn changed_content_is_found() {
        let key = KeyFile::parse(&key_file(b"")).ok().unwrap();
        let plain = b"a secret".repeat(20_000);
        let mut file = encrypt(&key, plain.clone()).unwrap();
        assert_eq!(decrypted(&file), (Opened::Genuine, plain.clone()));
        assert_eq!(decrypted(&file[..file.len() - 1]).0, Opened::Wrong);
        file[100_000] ^= 1;
        assert_eq!(decrypted(&file).0, Opened::Wrong);
    }
}
