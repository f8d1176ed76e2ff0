//! A path that stays below the directory it is taken in.

use std::fmt::{self, Write as _};

/// The longest name of a file that Linux takes, in bytes (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// A path below some directory: names with `/` between them, none of which leads out of it.
///
/// Shown (`Display`), it is safe for a log: control characters are escaped, and bytes that are not UTF-8 replaced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(Vec<u8>);

/// Why bytes are no [`RelativePath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// There is nothing.
    Empty,
    /// It begins with `/`.
    Absolute,
    /// Nothing is between two `/`, or after the last one.
    EmptyName,
    /// A name is `.` or `..`.
    Dots,
    /// It has a NUL byte.
    Nul,
    /// A name has more bytes than Linux allows: 255.
    LongName {
        /// How many it has.
        bytes: usize,
    },
}

impl RelativePath {
    /// Checks a path.
    ///
    /// # Errors
    /// Says what makes it none.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let path = path.into();
        if path.is_empty() {
            return Err(PathError::Empty);
        }
        if path.starts_with(b"/") {
            return Err(PathError::Absolute);
        }
        if path.contains(&0) {
            return Err(PathError::Nul);
        }
        for name in path.split(|&byte| byte == b'/') {
            match name {
                b"" => return Err(PathError::EmptyName),
                b"." | b".." => return Err(PathError::Dots),
                name if name.len() > LONGEST_NAME => {
                    return Err(PathError::LongName { bytes: name.len() });
                }
                _ => {}
            }
        }
        Ok(Self(path))
    }

    /// All of it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.split().1
    }

    /// What the last name is in; none where that is the directory itself.
    #[must_use]
    pub fn parent(&self) -> Option<&[u8]> {
        self.split().0
    }

    fn split(&self) -> (Option<&[u8]>, &[u8]) {
        match self.0.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (Some(&self.0[..at]), &self.0[at + 1..]),
            None => (None, &self.0),
        }
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in String::from_utf8_lossy(&self.0).chars() {
            if character.is_control() {
                write!(to, "{}", character.escape_default())?;
            } else {
                to.write_char(character)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => to.write_str("it is empty"),
            Self::Absolute => to.write_str("it is absolute"),
            Self::EmptyName => to.write_str("a name in it is empty"),
            Self::Dots => to.write_str("a name in it is \".\" or \"..\""),
            Self::Nul => to.write_str("it has a NUL byte"),
            Self::LongName { bytes } => {
                write!(
                    to,
                    "a name in it has {bytes} bytes, and no file system of Linux takes more than {LONGEST_NAME}"
                )
            }
        }
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_is_no_relative_path() {
        for (path, why) in [
            ("", PathError::Empty),
            ("/a", PathError::Absolute),
            ("a//b", PathError::EmptyName),
            ("a/", PathError::EmptyName),
            (".", PathError::Dots),
            ("a/../b", PathError::Dots),
            ("a/.", PathError::Dots),
            ("a\0b", PathError::Nul),
        ] {
            assert_eq!(RelativePath::new(path), Err(why), "{path:?}");
        }
        let long = "n".repeat(256);
        assert_eq!(
            RelativePath::new(format!("a/{long}")),
            Err(PathError::LongName { bytes: 256 })
        );
        for path in ["a", "...", "a/..b/c.", "~", "-", "a\\b", "\u{1b}[31m", &long[1..]] {
            assert!(RelativePath::new(path).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn it_has_a_name_and_a_parent() {
        let path = RelativePath::new("a/b/c").unwrap();
        assert_eq!((path.parent(), path.name()), (Some(&b"a/b"[..]), &b"c"[..]));
        let path = RelativePath::new("c").unwrap();
        assert_eq!((path.parent(), path.name()), (None, &b"c"[..]));
    }

    #[test]
    fn shown_it_is_safe_for_a_log() {
        let path = RelativePath::new(b"a\x1b[31m\nb\xff".to_vec()).unwrap();
        assert_eq!(path.to_string(), "a\\u{1b}[31m\\nb\u{fffd}");
    }
}
