//! What a remote's address means.

use std::path::PathBuf;

use concourse_resource_sdk::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::Login;
use crate::error::{Error, Result};

/// Where a repository is.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// Behind HTTP(S); the login was taken out of the address.
    Http { base: Url, login: Option<Login> },
    /// In this file system.
    Local(PathBuf),
}

impl Address {
    /// Reads an address as git does.
    pub(crate) fn parse(uri: &str) -> Result<Self> {
        let bad = |why: &str| Error::Address {
            uri: uri.to_owned(),
            why: why.to_owned(),
        };
        if uri.is_empty() {
            return Err(bad("it is empty"));
        }
        if let Some((scheme, rest)) = uri.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => Self::http(uri),
                "file" => Ok(Self::Local(file(rest))),
                "ssh" | "git+ssh" | "ssh+git" => Err(Error::Transport { name: "ssh" }),
                "git" => Err(Error::Transport { name: "git://" }),
                _ => Err(bad("its scheme is none of https, http, file, ssh and git")),
            };
        }
        if uri
            .split_once("::")
            .is_some_and(|(helper, _)| helper.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            return Err(bad("remote helpers are not supported"));
        }
        if is_scp_form(uri) {
            return Err(Error::Transport { name: "ssh" });
        }
        Ok(Self::Local(PathBuf::from(uri)))
    }

    fn http(uri: &str) -> Result<Self> {
        // The address may hold a password: it is not repeated.
        let bad = |why: String| Error::Address {
            uri: "http(s)://…".to_owned(),
            why,
        };
        let mut base = Url::parse(uri).map_err(|error| bad(error.to_string()))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = match (base.username(), base.password()) {
            ("", _) => None,
            (user, password) => Some(Login {
                username: decoded(user),
                password: Secret::new(decoded(password.unwrap_or_default())),
            }),
        };
        base.set_username("")
            .and_then(|()| base.set_password(None))
            .map_err(|()| bad("it has no host".to_owned()))?;
        base.set_fragment(None);
        Ok(Self::Http { base, login })
    }
}

/// The path in a `file://` address, whose host, if any, is ignored.
fn file(rest: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let path = rest.find('/').map_or("/", |start| &rest[start..]);
    PathBuf::from(std::ffi::OsString::from_vec(percent_decode_str(path).collect()))
}

/// `[user@]host:path`: a colon before any slash.
fn is_scp_form(uri: &str) -> bool {
    match (uri.find(':'), uri.find('/')) {
        (Some(colon), Some(slash)) => colon < slash,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(uri: &str) -> String {
        match Address::parse(uri) {
            Ok(Address::Http { base, login }) => {
                let login = login.map(|login| format!("{}:{}@", login.username, login.password.expose()));
                format!("http {}{base}", login.unwrap_or_default())
            }
            Ok(Address::Local(path)) => format!("local {}", path.display()),
            Err(Error::Transport { name }) => format!("not yet {name}"),
            Err(error) => format!("error {error}"),
        }
    }

    #[test]
    fn addresses_mean_what_git_takes_them_for() {
        for (uri, meaning) in [
            ("https://example.org/a.git", "http https://example.org/a.git"),
            ("HTTPS://Example.org:8443/a", "http https://example.org:8443/a"),
            (
                "https://u%40x:p%3a1@example.org/a",
                "http u@x:p:1@https://example.org/a",
            ),
            ("https://token@example.org/a", "http token:@https://example.org/a"),
            ("file:///srv/a%20b.git", "local /srv/a b.git"),
            ("file://host/srv/a.git", "local /srv/a.git"),
            ("/srv/a.git", "local /srv/a.git"),
            ("./a:b", "local ./a:b"),
            ("../a", "local ../a"),
            ("git@example.org:a/b.git", "not yet ssh"),
            ("example.org:a", "not yet ssh"),
            ("ssh://git@example.org/a", "not yet ssh"),
            ("git://example.org/a", "not yet git://"),
            ("", "error the address \"\" cannot be used: it is empty"),
            (
                "ftp://example.org/a",
                "error the address \"ftp://example.org/a\" cannot be used: its scheme is none of https, http, file, ssh and git",
            ),
            (
                "ext::sh -c id",
                "error the address \"ext::sh -c id\" cannot be used: remote helpers are not supported",
            ),
        ] {
            assert_eq!(show(uri), meaning, "{uri}");
        }
    }

    #[test]
    fn a_password_is_not_repeated_in_an_error() {
        assert!(!show("https://u:hunter2@:99999/").contains("hunter2"));
    }
}
