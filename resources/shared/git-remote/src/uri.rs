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
            Some((scheme, _, place)) => write!(to, "{scheme}://{}", without_login(place)),
            // `user@host:path`, but for `user:password@host:path`, which is a mistake.
            None if self.0.starts_with(['/', '.']) => to.write_str(&self.0),
            None => match self.0.rsplit_once('@') {
                Some((login, place)) if login.contains(':') && !login.contains('@') => to.write_str(place),
                _ => to.write_str(&self.0),
            },
        }
    }
}

/// A place without what looks like the login of somebody who forgot to encode `/`, `?` or `#` in it: showing too little does no harm.
fn without_login(place: &str) -> &str {
    let end = place.find(['/', '?', '#']).unwrap_or(place.len());
    let is_host = place[end..].starts_with('/')
        && !place[..end].rsplit_once(':').is_some_and(|(host, port)| {
            !host.ends_with(']') && !port.bytes().all(|byte| byte.is_ascii_digit())
        });
    let is_address = place.starts_with('[') || is_host;
    match place.rfind('@') {
        Some(at) if !is_address => &place[at + 1..],
        _ => place,
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
            ("./a:b@c", "./a:b@c"),
            ("https://h:8443/a@b", "https://h:8443/a@b"),
            ("https://[::1]/a@b", "https://[::1]/a@b"),
            // Passwords that should have been encoded.
            ("https://u:1#s3@h/a", "https://h/a"),
            ("https://u:p?s3@h/a", "https://h/a"),
            ("https://u:p/s3@h/a", "https://h/a"),
            ("u:p@h:a", "h:a"),
            ("https:/u:p@h/a", "h/a"),
        ] {
            assert_eq!(Uri::new(uri).to_string(), shown);
            assert_eq!(format!("{:?}", Uri::new(uri)), format!("Uri({shown})"));
        }
    }
}
