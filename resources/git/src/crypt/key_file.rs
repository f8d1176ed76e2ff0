//! The file that `git-crypt export-key` writes: numbered fields in big-endian order, of which the odd ones must be understood.

/// How a key file begins.
const MAGIC: &[u8] = b"\0GITCRYPTKEY";
const FORMAT: u32 = 2;

const HEADER_END: u32 = 0;
const HEADER_NAME: u32 = 1;
const ENTRY_END: u32 = 0;
const ENTRY_VERSION: u32 = 1;
const ENTRY_AES: u32 = 3;
const ENTRY_HMAC: u32 = 5;

const AES_BYTES: usize = 32;
const HMAC_BYTES: usize = 64;
const LONGEST_NAME: usize = 128;
/// The version that files are encrypted with: they do not tell another.
const USED: u32 = 0;

/// A key with which files are decrypted.
pub(super) struct KeyFile {
    /// None for the key that is used where no name is said.
    pub(super) name: Option<String>,
    pub(super) aes: [u8; AES_BYTES],
    pub(super) hmac: [u8; HMAC_BYTES],
}

impl KeyFile {
    /// Reads a key file; the error says what is wrong with it.
    pub(super) fn parse(file: &[u8]) -> Result<Self, String> {
        let mut rest = file.strip_prefix(MAGIC).ok_or("it does not begin as one")?;
        let format = number(&mut rest)?;
        if format != FORMAT {
            return Err(format!("its format is {format}, not {FORMAT}"));
        }
        let mut name = None;
        while let Some((field, value)) = field(&mut rest, HEADER_END)? {
            match field {
                HEADER_NAME => name = Some(checked_name(value)?),
                _ => refuse_critical(field)?,
            }
        }
        while !rest.is_empty() {
            let (version, aes, hmac) = entry(&mut rest)?;
            if version == USED {
                return Ok(Self {
                    name: name.filter(|name| !name.is_empty()),
                    aes: aes.ok_or("it has no AES key")?,
                    hmac: hmac.ok_or("it has no HMAC key")?,
                });
            }
        }
        Err(format!("it has no key of version {USED}"))
    }
}

type Entry = (u32, Option<[u8; AES_BYTES]>, Option<[u8; HMAC_BYTES]>);

fn entry(rest: &mut &[u8]) -> Result<Entry, String> {
    let (mut version, mut aes, mut hmac) = (0, None, None);
    while let Some((field, mut value)) = field(rest, ENTRY_END)? {
        match field {
            ENTRY_VERSION => version = number(&mut value)?,
            ENTRY_AES => aes = Some(value.try_into().map_err(|_| "its AES key has the wrong length")?),
            ENTRY_HMAC => {
                hmac = Some(
                    value
                        .try_into()
                        .map_err(|_| "its HMAC key has the wrong length")?,
                );
            }
            _ => refuse_critical(field)?,
        }
    }
    Ok((version, aes, hmac))
}

/// The next field, unless it is the last.
fn field<'a>(rest: &mut &'a [u8], end: u32) -> Result<Option<(u32, &'a [u8])>, String> {
    let field = number(rest)?;
    if field == end {
        return Ok(None);
    }
    let length = usize::try_from(number(rest)?).unwrap_or(usize::MAX);
    let (value, after) = rest.split_at_checked(length).ok_or("it is cut off")?;
    *rest = after;
    Ok(Some((field, value)))
}

fn number(rest: &mut &[u8]) -> Result<u32, String> {
    let (number, after) = rest.split_first_chunk().ok_or("it is cut off")?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

fn refuse_critical(field: u32) -> Result<(), String> {
    if field % 2 == 1 {
        return Err(format!("it has a field {field}, which is unknown"));
    }
    Ok(())
}

/// It becomes the name of a file, and part of a command line.
fn checked_name(name: &[u8]) -> Result<String, String> {
    let is_good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.len() > LONGEST_NAME || !name.iter().all(is_good) || name == b"default" {
        return Err("the name of the key is not valid".to_owned());
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn number(number: u32) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    fn field(field: u32, value: &[u8]) -> Vec<u8> {
        let length = u32::try_from(value.len()).unwrap();
        [number(field), number(length), value.to_vec()].concat()
    }

    /// A key file with this header.
    pub(in crate::crypt) fn key_file(header: &[u8]) -> Vec<u8> {
        let entry = [
            field(ENTRY_VERSION, &number(0)),
            field(ENTRY_AES, &[1; 32]),
            field(8, b"not critical"),
            field(ENTRY_HMAC, &[2; 64]),
            number(0),
        ];
        [MAGIC, &number(2), header, &number(0), &entry.concat()].concat()
    }

    #[test]
    fn a_key_file_is_read() {
        let key = KeyFile::parse(&key_file(b"")).ok().unwrap();
        assert_eq!((key.name, key.aes, key.hmac), (None, [1; 32], [2; 64]));
        let key = KeyFile::parse(&key_file(&field(HEADER_NAME, b"ops_1-x")))
            .ok()
            .unwrap();
        assert_eq!(key.name.as_deref(), Some("ops_1-x"));
        // Newer versions of the key come first; files do not use them.
        let newer = [
            field(1, &number(1)),
            field(3, &[9; 32]),
            field(5, &[9; 64]),
            number(0),
        ]
        .concat();
        let whole = key_file(b"");
        let at = MAGIC.len() + 8;
        let both = [&whole[..at], &newer, &whole[at..]].concat();
        assert_eq!(KeyFile::parse(&both).ok().unwrap().aes, [1; 32]);
    }

    #[test]
    fn what_is_no_key_file_is_explained() {
        let whole = key_file(b"");
        let wrong_version = [MAGIC, &number(3), &whole[16..]].concat();
        for (file, why) in [
            (b"abc".to_vec(), "it does not begin as one"),
            (MAGIC.to_vec(), "it is cut off"),
            (wrong_version, "its format is 3, not 2"),
            (whole[..20].to_vec(), "it has no key of version 0"),
            (key_file(&field(7, b"x")), "it has a field 7, which is unknown"),
            (
                key_file(&field(1, b"../../config")),
                "the name of the key is not valid",
            ),
            (
                key_file(&field(1, b"default")),
                "the name of the key is not valid",
            ),
            (
                [&whole[..20], &field(3, &[1; 31]), &number(0)].concat(),
                "its AES key has the wrong length",
            ),
            (
                [&whole[..20], &field(3, &[1; 32]), &number(0)].concat(),
                "it has no HMAC key",
            ),
            (
                [&whole[..20], &number(3), &number(u32::MAX)].concat(),
                "it is cut off",
            ),
        ] {
            assert_eq!(KeyFile::parse(&file).err().as_deref(), Some(why));
        }
        for length in 0..whole.len() {
            assert!(KeyFile::parse(&whole[..length]).is_err(), "{length}");
        }
    }
}
