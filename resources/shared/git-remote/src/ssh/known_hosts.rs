//! Which host keys are trusted: the lines of a `known_hosts` file, as sshd(8) describes it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, PublicKey};
use sha1::Sha1;

/// Trusted host keys.
#[derive(Debug, Clone)]
pub struct KnownHosts(Vec<Entry>);

impl KnownHosts {
    /// Reads lines; blank ones and comments are skipped.
    ///
    /// # Errors
    /// The number, from 1, of the first line that makes no sense.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                entries.push(line.parse().map_err(|_| index + 1)?);
            }
        }
        Ok(Self(entries))
    }

    /// Whether a host has this key, and it was not revoked.
    pub(crate) fn trusts(&self, host: &str, port: u16, key: &PublicKey) -> bool {
        let same = |entry: &&Entry| entry.public_key().key_data() == key.key_data();
        let mut entries = self.of(host, port).filter(same).peekable();
        entries.peek().is_some() && entries.all(|entry| entry.marker().is_none())
    }

    /// The kinds of keys that a host has, so that it is asked for one of them.
    pub(crate) fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let entries = self.of(host, port).filter(|entry| entry.marker().is_none());
        entries.map(|entry| entry.public_key().algorithm()).collect()
    }

    /// The lines about a host. Those of certificate authorities are not used.
    fn of(&self, host: &str, port: u16) -> impl Iterator<Item = &Entry> {
        let name = if port == super::PORT {
            host.to_ascii_lowercase()
        } else {
            format!("[{}]:{port}", host.to_ascii_lowercase())
        };
        self.0.iter().filter(move |entry| {
            !matches!(entry.marker(), Some(Marker::CertAuthority)) && names(entry.host_patterns(), &name)
        })
    }
}

fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|hmac| hmac.chain_update(name).verify_slice(hash).is_ok()),
        HostPatterns::Patterns(patterns) => {
            let hits = |pattern: &str| matches(&pattern.to_ascii_lowercase(), name);
            let refused = patterns
                .iter()
                .filter_map(|pattern| pattern.strip_prefix('!'))
                .any(hits);
            !refused
                && patterns
                    .iter()
                    .any(|pattern| !pattern.starts_with('!') && hits(pattern))
        }
    }
}

/// Whether a pattern with `*` and `?` is a name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            name.char_indices().any(|(at, _)| matches(rest, &name[at..])) || matches(rest, "")
        }
        Some(first) => name
            .chars()
            .next()
            .filter(|own| first == '?' || first == *own)
            .is_some_and(|own| matches(&pattern[first.len_utf8()..], &name[own.len_utf8()..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn trusts(text: &str, host: &str, port: u16) -> bool {
        KnownHosts::parse(text)
            .unwrap()
            .trusts(host, port, &A.parse().unwrap())
    }

    #[test]
    fn a_host_is_trusted_with_the_keys_of_its_lines() {
        for (text, host, port, trusted) in [
            (format!("example.org {A}"), "example.org", 22, true),
            (format!("example.org {A}"), "EXAMPLE.org", 22, true),
            (format!("example.org {A}"), "example.org", 2222, false),
            (format!("example.org {A}"), "www.example.org", 22, false),
            (format!("[example.org]:2222 {A}"), "example.org", 2222, true),
            (format!("a,example.org,10.0.0.1 {A}"), "example.org", 22, true),
            (format!("*.example.org {A}"), "www.example.org", 22, true),
            (
                format!("*.example.org,!www.example.org {A}"),
                "www.example.org",
                22,
                false,
            ),
            (format!("ex?mple.org {A}"), "example.org", 22, true),
            (format!("example.org {B}"), "example.org", 22, false),
            (
                format!("# comment\n\nexample.org {B}\nexample.org {A} name\n"),
                "example.org",
                22,
                true,
            ),
            (
                format!("example.org {A}\n@revoked example.org {A}"),
                "example.org",
                22,
                false,
            ),
            (
                format!("@cert-authority example.org {A}"),
                "example.org",
                22,
                false,
            ),
            (String::new(), "example.org", 22, false),
        ] {
            assert_eq!(trusts(&text, host, port), trusted, "{text}: {host}:{port}");
        }
    }

    #[test]
    fn a_hashed_name_is_found() {
        // By `ssh-keygen -H`.
        let line = format!("|1|7UhkDiWBLDxbEMAuwmM4oA/ETTQ=|SIjU3tgGyh9tPxcDQu7k8+wX2Wo= {A}");
        assert!(!trusts(&line, "example.org", 22));
        let salt = [7; 20];
        let hash = Hmac::<Sha1>::new_from_slice(&salt)
            .unwrap()
            .chain_update("example.org")
            .finalize();
        let encoded =
            |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        let line = format!("|1|{}|{} {A}", encoded(&salt), encoded(&hash.into_bytes()));
        assert!(trusts(&line, "example.org", 22));
        assert!(!trusts(&line, "example.com", 22));
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for (text, line) in [
            ("example.org", 1),
            ("\n# x\nexample.org ssh-ed25519 AAAA", 3),
            ("|1|x|y ssh-ed25519 A", 1),
        ] {
            assert_eq!(KnownHosts::parse(text).unwrap_err(), line, "{text}");
        }
    }
}
