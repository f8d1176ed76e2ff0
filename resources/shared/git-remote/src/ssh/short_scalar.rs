//! Works around ssh-key 0.7, which refuses the one key in 512 of the curve P-256 whose secret number is shorter than 32 bytes
//! in OpenSSH's format: it is written anew with the zeros that are missing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// Bytes of a number of P-256.
const SIZE: usize = 32;
/// What the secret part of an unencrypted key is padded to.
const BLOCK: usize = 8;

/// The same key with a secret number of full length. None if it is no such key.
pub(super) fn padded(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let bytes = STANDARD.decode(inner.replace('\n', "")).ok()?;
    let mut all = Reader(bytes.strip_prefix(MAGIC)?);
    let head = [all.string()?, all.string()?, all.string()?];
    let count = all.take(4)?;
    let public = all.string()?;
    let secret = padded_secret(all.string()?)?;
    let mut out = MAGIC.to_vec();
    for part in head {
        put(&mut out, part);
    }
    out.extend(count);
    put(&mut out, public);
    put(&mut out, &secret);
    let encoded = STANDARD.encode(out);
    let lines: Vec<_> = encoded
        .as_bytes()
        .chunks(70)
        .filter_map(|line| str::from_utf8(line).ok())
        .collect();
    Some(format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")))
}

fn padded_secret(secret: &[u8]) -> Option<Vec<u8>> {
    let mut from = Reader(secret);
    let mut out = from.take(8)?.to_vec();
    let kind = from.string()?;
    if kind != b"ecdsa-sha2-nistp256" {
        return None;
    }
    put(&mut out, kind);
    for _ in 0..2 {
        put(&mut out, from.string()?);
    }
    let number = from.string()?;
    let missing = (SIZE + 1).checked_sub(number.len())?;
    let mut full = vec![0; missing];
    full.extend(number);
    put(&mut out, &full);
    put(&mut out, from.string()?);
    for filler in 1_u8.. {
        if out.len() % BLOCK == 0 {
            break;
        }
        out.push(filler);
    }
    Some(out)
}

/// Reads SSH's strings: four bytes of length, then the bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.take(4)?.try_into().ok().map(u32::from_be_bytes)?;
        self.take(usize::try_from(length).ok()?)
    }
}

fn put(out: &mut Vec<u8>, string: &[u8]) {
    // Taken from a string whose length fitted.
    let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
    out.extend(length.to_be_bytes());
    out.extend(string);
}

#[cfg(test)]
mod tests {
    use russh::keys::decode_secret_key;

    use super::*;

    /// A key that ssh-keygen made for this test, and that opens nothing: the secret number has 31 bytes.
    fn short_key() -> String {
        let bytes = STANDARD.decode(SHORT).unwrap();
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(bytes))
    }

    const SHORT: &str = concat!(
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS",
        "1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQT41cjE0YZ+yanr58k6WzeYp0j9NmCB",
        "lscnN3p4nwnVH4s/s86n9ls8PDJDZb1rEFmXXmJrd6W7XTNhJ7i+cESUAAAAoCLcmjQi3J",
        "o0AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPjVyMTRhn7Jqevn",
        "yTpbN5inSP02YIGWxyc3enifCdUfiz+zzqf2Wzw8MkNlvWsQWZdeYmt3pbtdM2EnuL5wRJ",
        "QAAAAfUqVL6jYJPCH5t/YmhYIXB3e/UTyX65Y2VCrcteDE1AAAAAdyb290QHZtAQI=",
    );

    #[test]
    fn a_short_number_is_read_after_it_was_padded() {
        let text = padded(&short_key()).unwrap();
        let key = decode_secret_key(&text, None).unwrap();
        assert_eq!(key.algorithm().as_str(), "ecdsa-sha2-nistp256");
        // Once ssh-key reads it by itself, this module can go.
        assert!(decode_secret_key(&short_key(), None).is_err());
    }

    #[test]
    fn what_is_no_such_key_is_left_alone() {
        for text in [
            "",
            BEGIN,
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        ] {
            assert_eq!(padded(text), None);
        }
    }
}
