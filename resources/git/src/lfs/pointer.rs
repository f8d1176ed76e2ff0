//! Pointer files: what git stores of a file whose content is elsewhere.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// No pointer is as large.
pub(super) const LARGEST: usize = 1024;

const VERSION: &str = "https://git-lfs.github.com/spec/v1";
/// Names of the same version from before it was called so.
const OLD_VERSIONS: [&str; 3] = [
    "http://git-media.io/v/2",
    "https://hawser.github.com/spec/v1",
    "http://hawser.github.com/spec/v1",
];

/// The id of an object: the SHA-256 of its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ObjectId(String);

impl ObjectId {
    /// Only 64 lower-case hexadecimal digits: it becomes the name of a file.
    pub(super) fn new(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    pub(super) fn of(digest: Sha256) -> Self {
        use std::fmt::Write as _;
        let digits = digest.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self(digits)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a pointer file says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pointer {
    pub(super) id: ObjectId,
    pub(super) size: u64,
}

impl Pointer {
    /// Nothing where the content is no pointer.
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        if content.len() >= LARGEST {
            return None;
        }
        let text = std::str::from_utf8(content).ok()?;
        let mut lines = text.trim_end().lines().map(|line| line.split_once(' '));
        let (key, version) = lines.next()??;
        if key != "version" || !(version == VERSION || OLD_VERSIONS.contains(&version)) {
            return None;
        }
        let (mut id, mut size) = (None, None);
        for line in lines {
            match line? {
                // What extensions have made of it is beyond us, as it is for git-lfs without them.
                (key, _) if key.starts_with("ext-") => return None,
                ("oid", value) => id = Some(ObjectId::new(value.strip_prefix("sha256:")?)?),
                ("size", value) => size = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(Self { id: id?, size: size? })
    }

    /// Reads a pointer; nothing where the content is none. What was read is answered, too.
    pub(super) fn read(from: &mut impl Read) -> io::Result<(Option<Self>, Vec<u8>)> {
        let mut content = Vec::new();
        from.take(LARGEST as u64).read_to_end(&mut content)?;
        Ok((Self::parse(&content), content))
    }

    /// The pointer of some content; of a pointer, and of nothing, itself.
    pub(super) fn clean(from: &mut impl Read) -> io::Result<Vec<u8>> {
        let (pointer, content) = Self::read(from)?;
        if pointer.is_some() || content.is_empty() {
            return Ok(content);
        }
        let mut digest = Sha256::new();
        digest.update(&content);
        let mut size = content.len() as u64;
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut piece)?;
            if length == 0 {
                break;
            }
            digest.update(&piece[..length]);
            size += length as u64;
        }
        let id = ObjectId::of(digest);
        Ok(Self { id, size }.to_string().into_bytes())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "version {VERSION}\noid sha256:{}\nsize {}\n",
            self.id, self.size
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    #[test]
    fn pointers_are_told_from_other_files() {
        let pointer = format!("version {VERSION}\noid sha256:{ID}\nsize 12345\n");
        for (content, is_pointer) in [
            (pointer.clone(), true),
            (pointer.trim_end().to_owned(), true),
            (pointer.replace(VERSION, OLD_VERSIONS[0]), true),
            (pointer.replace('\n', "\r\n"), true),
            (pointer.replace("sha256:", "md5:"), false),
            (pointer.replace(ID, &ID.to_uppercase()), false),
            (pointer.replace(ID, &ID[1..]), false),
            (pointer.replace(&ID[..4], "../."), false),
            (pointer.replace("12345", "-1"), false),
            (pointer.replace("size 12345\n", ""), false),
            (pointer.replace("size", "ext-0-x sha256:00\nsize"), false),
            (format!("{pointer}{}", "x y\n".repeat(300)), false),
            (String::new(), false),
            ("version 1\n".to_owned(), false),
        ] {
            let found = Pointer::parse(content.as_bytes());
            assert_eq!(found.is_some(), is_pointer, "{content:?}");
            if let Some(found) = found {
                assert_eq!((found.id.as_str(), found.size), (ID, 12345));
            }
        }
    }

    #[test]
    fn content_becomes_a_pointer_and_a_pointer_stays() {
        // sha256sum of "hello\n".
        let hello = "version https://git-lfs.github.com/spec/v1\n\
            oid sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\nsize 6\n";
        for (content, cleaned) in [("hello\n", hello), (hello, hello), ("", "")] {
            let found = Pointer::clean(&mut content.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), cleaned);
        }
        let large = vec![7; 200_000];
        let found = Pointer::parse(&Pointer::clean(&mut &large[..]).unwrap()).unwrap();
        let mut digest = Sha256::new();
        digest.update(&large);
        assert_eq!(
            found,
            Pointer {
                id: ObjectId::of(digest),
                size: 200_000
            }
        );
    }
}
