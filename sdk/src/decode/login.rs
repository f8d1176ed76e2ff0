//! Logins in URLs are secrets, wherever they stand.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::console::Console;

/// Registers the logins in all strings of a value.
pub(crate) fn register(value: &Value, log: &Console) {
    register_here(value, log);
    match value {
        Value::Array(items) => items.iter().for_each(|item| register(item, log)),
        Value::Object(fields) => fields.values().for_each(|value| register(value, log)),
        _ => {}
    }
}

/// Registers the logins in this value, if it is a string.
pub(super) fn register_here(value: &Value, log: &Console) {
    let Value::String(text) = value else { return };
    for login in logins(text) {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let secret = match login.split_once(':') {
            // A name with a password is no secret by itself, and often an ordinary word; the two together are.
            Some((_, password)) if !password.is_empty() => {
                log.redact(login);
                log.redact(&decoded(login));
                password
            }
            // A token.
            Some((name, _)) => name,
            None => login,
        };
        log.redact(secret);
        log.redact(&decoded(secret));
    }
}

/// What stands between `://` and `@`, for every URL in the text.
fn logins(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("://").filter_map(|(at, separator)| {
        let scheme = text[..at]
            .rsplit(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        let rest = &text[at + separator.len()..];
        let rest = &rest[..rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>'))
            .unwrap_or(rest.len())];
        let login = &rest[..login_end(rest)?];
        // `ssh://deploy@host` names an account; its key is the secret.
        let is_account = scheme.eq_ignore_ascii_case("ssh") && !login.contains(':');
        (!login.is_empty() && !is_account).then_some(login)
    })
}

fn login_end(rest: &str) -> Option<usize> {
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if let Some(end) = authority.rfind('@') {
        return Some(end);
    }
    // `user:pass/word@host` is no valid URL, but what people write: `pass` is no port, so the login goes on.
    let (_, port) = authority.rsplit_once(':')?;
    let is_port = port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) || port.ends_with(']');
    if is_port { None } else { rest.rfind('@') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found() {
        for (text, expected) in [
            ("https://u:p@host/x", vec!["u:p"]),
            ("https://token@host", vec!["token"]),
            ("https://u:p@ss@host/x", vec!["u:p@ss"]),
            ("https://u:pa/ss@host/x", vec!["u:pa/ss"]),
            ("https://u:pa#s@host/x", vec!["u:pa#s"]),
            ("from http://a:b@c to socks5://d:e@f", vec!["a:b", "d:e"]),
            ("https://host:8080/x@2", vec![]),
            ("https://[::1]/x@2", vec![]),
            ("https://host/x@2", vec![]),
            ("ssh://deploy@host/x", vec![]),
            ("ssh://deploy:pw@host/x", vec!["deploy:pw"]),
            ("git@host:x/y", vec![]),
            ("://", vec![]),
        ] {
            assert_eq!(logins(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
