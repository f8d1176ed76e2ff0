//! An address as it was written, which shows itself without the login that may stand in it.

use std::fmt;

/// The address of a repository, in any of git's forms. Shown (`Display`, `Debug`), it has neither user nor password, but for the user of the form
/// `user@host:path`, which holds no password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Uri(String);

impl Uri {
    /// Takes it as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// All of it, with its login: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts of an address with a scheme: the scheme, the login, and host with all that follows.
    #[must_use]
    pub fn parts(&self) -> Option<(&str, Option<&str>, &str)> {
        let (scheme, rest) = self.0.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A password may hold an `@` of its own.
        Some(match rest[..end].rfind('@') {
            Some(at) => (scheme, Some(&rest[..at]), &rest[at + 1..]),
            None => (scheme, None, rest),
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some((scheme, _, place)) => write!(to, "{scheme}://{place}"),
            None => to.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Uri({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_login() {
        for (uri, shown) in [
            ("https://u:p@h:1/a@b", "https://h:1/a@b"),
            ("https://u:p@ss@h/a", "https://h/a"),
            ("https://token@h", "https://h"),
            ("https://h/a?x=u@b", "https://h/a?x=u@b"),
            ("ssh://git:pw@h:22/a", "ssh://h:22/a"),
            ("git@h:a/b", "git@h:a/b"),
            ("/a@b", "/a@b"),
        ] {
            assert_eq!(Uri::new(uri).to_string(), shown);
            assert_eq!(format!("{:?}", Uri::new(uri)), format!("Uri({shown})"));
        }
    }
}
