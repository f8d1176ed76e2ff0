//! What a remote's address means.

use std::path::PathBuf;

use concourse_resource_sdk::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::Login;
use crate::error::{Error, Result};
use crate::uri::Uri;

/// Where a repository is.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// Behind HTTP(S); user and password were taken out of the address.
    Http {
        base: Url,
        user: Option<String>,
        password: Option<Secret>,
    },
    /// Behind SSH.
    Ssh {
        user: Option<String>,
        host: String,
        port: Option<u16>,
        path: String,
    },
    /// Behind a `git daemon`.
    Daemon {
        host: String,
        port: Option<u16>,
        path: String,
    },
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
        let bad_place = |why: &str| Error::Address {
            uri: Uri::new(uri).to_string(),
            why: why.to_owned(),
        };
        if uri.is_empty() {
            return Err(bad("it is empty"));
        }
        if let Some((scheme, rest)) = uri.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => Self::http(uri),
                "file" => Ok(Self::Local(file(rest))),
                "ssh" | "git+ssh" | "ssh+git" => {
                    let (user, host, port, path) = authority(rest).map_err(bad_place)?;
                    Ok(Self::Ssh {
                        user,
                        host,
                        port,
                        path,
                    })
                }
                "git" => {
                    let (_, host, port, path) = authority(rest).map_err(bad_place)?;
                    Ok(Self::Daemon { host, port, path })
                }
                _ => Err(bad_place("its scheme is none of https, http, file, ssh and git")),
            };
        }
        if uri
            .split_once("::")
            .is_some_and(|(helper, _)| helper.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            return Err(bad("remote helpers are not supported"));
        }
        if is_scp_form(uri) {
            return scp(uri).map_err(bad);
        }
        Ok(Self::Local(PathBuf::from(uri)))
    }

    fn http(uri: &str) -> Result<Self> {
        let bad = |why: String| Error::Address {
            uri: Uri::new(uri).to_string(),
            why,
        };
        let mut base = Url::parse(uri).map_err(|error| bad(error.to_string()))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = Some(decoded(base.username())).filter(|user| !user.is_empty());
        let password = base.password().map(|password| Secret::new(decoded(password)));
        base.set_username("")
            .and_then(|()| base.set_password(None))
            .map_err(|()| bad("it has no host".to_owned()))?;
        base.set_fragment(None);
        Ok(Self::Http { base, user, password })
    }
}

/// Where a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginPlace {
    /// In the address.
    Address,
    /// In fields of its own.
    Fields,
}

/// The login to use, and where it stands: a whole one in the address wins; a user alone does not hide a password that is given elsewhere.
pub(crate) fn login(
    user: Option<String>,
    password: Option<Secret>,
    given: Option<Login>,
) -> Option<(Login, LoginPlace)> {
    let in_address = |username, password| Some((Login { username, password }, LoginPlace::Address));
    match (user, password, given) {
        (user, Some(password), _) => in_address(user.unwrap_or_default(), password),
        (_, None, Some(given)) => Some((given, LoginPlace::Fields)),
        (Some(username), None, None) => in_address(username, Secret::default()),
        (None, None, None) => None,
    }
}

/// The path in a `file://` address, whose host, if any, is ignored.
fn file(rest: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let path = rest.find('/').map_or("/", |start| &rest[start..]);
    PathBuf::from(std::ffi::OsString::from_vec(percent_decode_str(path).collect()))
}

type Place = (Option<String>, String, Option<u16>, String);

/// The parts of `[user[:password]@]host[:port]/path`. A path that begins with `/~` is below somebody's home.
fn authority(rest: &str) -> Result<Place, &'static str> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    // A server may have its repository at the root.
    let (authority, path) = rest.split_at(rest.find('/').ok_or("it has no path")?);
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (user.split(':').next(), place),
        None => (None, authority),
    };
    let (host, port) = host_and_port(place)?;
    let path = decoded(path);
    let path = if path.starts_with("/~") {
        path[1..].to_owned()
    } else {
        path
    };
    let user = user.filter(|user| !user.is_empty()).map(decoded);
    checked((user, host, port, path))
}

/// The parts of `[user@]host:path`, where the host may be `[host:port]`.
fn scp(uri: &str) -> Result<Address, &'static str> {
    let (user, rest) = match uri.split_once('@') {
        Some((user, rest)) if !user.contains([':', '/']) => (Some(user.to_owned()), rest),
        _ => (None, uri),
    };
    let (place, path) = match rest.strip_prefix('[').and_then(|inner| inner.split_once("]:")) {
        Some(found) => found,
        None => rest.split_once(':').ok_or("it has no path")?,
    };
    let (host, port) = if place.matches(':').count() > 1 {
        (place.to_owned(), None)
    } else {
        host_and_port(place)?
    };
    let path = if path.starts_with("/~") { &path[1..] } else { path };
    let (user, host, port, path) = checked((user, host, port, path.to_owned()))?;
    Ok(Address::Ssh {
        user,
        host,
        port,
        path,
    })
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, tail)) => (host, tail.strip_prefix(':')),
        None => match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => Some(
            port.parse()
                .map_err(|_| "its port is no number from 0 to 65535")?,
        ),
        None => None,
    };
    Ok((host.to_owned(), port))
}

/// What no server should be asked for.
fn checked(place: Place) -> Result<Place, &'static str> {
    let (user, host, _, path) = &place;
    if host.is_empty() {
        return Err("it has no host");
    }
    if path.is_empty() {
        return Err("it has no path");
    }
    // As git does: a server might take it for an option.
    if path.starts_with('-') || host.starts_with('-') {
        return Err("host and path must not begin with a hyphen");
    }
    if [host, path]
        .into_iter()
        .chain(user)
        .any(|part| part.contains(['\0', '\n']))
    {
        return Err("it has a line break in it");
    }
    Ok(place)
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
            Ok(Address::Http { base, user, password }) => {
                let login = login(user, password, None);
                let login =
                    login.map(|(login, _)| format!("{}:{}@", login.username, login.password.expose()));
                format!("http {}{base}", login.unwrap_or_default())
            }
            Ok(Address::Local(path)) => format!("local {}", path.display()),
            Ok(Address::Ssh {
                user,
                host,
                port,
                path,
            }) => format!("ssh {user:?} {host} {port:?} {path}"),
            Ok(Address::Daemon { host, port, path }) => format!("daemon {host} {port:?} {path}"),
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
            (
                "git@example.org:a/b.git",
                "ssh Some(\"git\") example.org None a/b.git",
            ),
            ("example.org:a", "ssh None example.org None a"),
            ("example.org:/~ada/a", "ssh None example.org None ~ada/a"),
            ("[example.org:2222]:a", "ssh None example.org Some(2222) a"),
            ("git@[::1]:/a", "ssh Some(\"git\") ::1 None /a"),
            ("ssh://git@example.org/a", "ssh Some(\"git\") example.org None /a"),
            (
                "ssh://u%40x:hidden@example.org:2222/a%20b",
                "ssh Some(\"u@x\") example.org Some(2222) /a b",
            ),
            ("ssh://[::1]:2222/~/a", "ssh None ::1 Some(2222) ~/a"),
            ("git+ssh://example.org:/a", "ssh None example.org None /a"),
            ("git://example.org/a", "daemon example.org None /a"),
            ("git://example.org:99/a", "daemon example.org Some(99) /a"),
            ("git://localhost:9419/", "daemon localhost Some(9419) /"),
            ("ssh://host/", "ssh None host None /"),
            ("http://host/", "http http://host/"),
            (
                "ssh://example.org",
                "error the address \"ssh://example.org\" cannot be used: it has no path",
            ),
            (
                "ssh:///a",
                "error the address \"ssh:///a\" cannot be used: it has no host",
            ),
            (
                "ssh://h:x/a",
                "error the address \"ssh://h:x/a\" cannot be used: its port is no number from 0 to 65535",
            ),
            (
                "h:-oProxyCommand=x",
                "error the address \"h:-oProxyCommand=x\" cannot be used: host and path must not begin with a hyphen",
            ),
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
        for uri in [
            "https://u:hunter2@:99999/",
            "htps://u:hunter2@example.org/a",
            "ftp://u:hunter2@x@y/",
        ] {
            assert!(!show(uri).contains("hunter2"), "{uri}");
        }
    }

    #[test]
    fn a_user_in_the_address_does_not_hide_the_password_of_the_source() {
        let given = || {
            Some(Login {
                username: "g".to_owned(),
                password: Secret::new("pw"),
            })
        };
        let shown = |user: Option<&str>, password: Option<&str>, given| {
            login(user.map(str::to_owned), password.map(Secret::new), given)
                .map(|(login, _)| format!("{}:{}", login.username, login.password.expose()))
        };
        for (user, password, given, wanted) in [
            (Some("u"), Some("p"), given(), Some("u:p")),
            (None, Some("p"), given(), Some(":p")),
            (Some("u"), None, given(), Some("g:pw")),
            (Some("u"), None, None, Some("u:")),
            (None, None, given(), Some("g:pw")),
            (None, None, None, None),
        ] {
            assert_eq!(
                shown(user, password, given).as_deref(),
                wanted,
                "{user:?} {password:?}"
            );
        }
    }
}
