//! `git_config`, and what of git's configuration in HOME concerns the transport: CONTRACT 2 and 7.

use concourse_resource_sdk::{Error, Result};
use git_remote::Uri;
use git2::{Config, ConfigLevel, Repository};

use crate::config::GitConfigEntry;
use crate::git_failed;

/// Settings by their names, of which the last one counts.
#[derive(Debug, Clone, Default)]
pub struct GitConfig {
    /// What HOME says about the transport.
    home: Vec<(String, String)>,
    given: Vec<(String, String)>,
}

impl GitConfig {
    /// Reads entries, of which the last one of a name counts, and HOME.
    ///
    /// # Errors
    /// Names the entry whose name is none.
    pub fn new(entries: &[GitConfigEntry]) -> Result<Self> {
        let mut given: Vec<(String, String)> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let name = entry.name.get().unwrap_or_default();
            let name = normal(name).ok_or_else(|| invalid(index, name))?;
            given.retain(|(known, _)| *known != name);
            // CONTRACT F16: exactly as given, and null is empty.
            given.push((name, entry.value.get().unwrap_or_default().to_owned()));
        }
        Ok(Self {
            home: home().unwrap_or_default(),
            given,
        })
    }

    /// The value of a setting that is given in the source.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Writes what is given into a repository's own configuration.
    pub fn write(&self, repo: &Repository) -> Result<()> {
        let failed = git_failed("write the clone's configuration");
        let config = repo.config().map_err(&failed)?;
        let mut own = config.open_level(ConfigLevel::Local).map_err(&failed)?;
        for (name, value) in &self.given {
            own.set_str(name, value).map_err(&failed)?;
        }
        Ok(())
    }

    /// The address that is meant by one: `url.<base>.insteadOf`, of which the longest match counts.
    #[must_use]
    pub fn rewritten(&self, uri: &Uri, is_push: bool) -> Uri {
        let longest = |key: &str| {
            self.all()
                .filter_map(|(name, prefix)| {
                    let base = name.strip_prefix("url.")?.strip_suffix(key)?;
                    let rest = uri.as_str().strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
                    Some((prefix.len(), format!("{base}{rest}")))
                })
                .max_by_key(|(length, _)| *length)
                .map(|(_, uri)| uri)
        };
        is_push
            .then(|| longest(".pushinsteadof"))
            .flatten()
            .or_else(|| longest(".insteadof"))
            .map_or_else(|| uri.clone(), Uri::new)
    }

    /// A setting of `http`, for an address: `http.<url>.<key>` of the longest URL that is above it, else `http.<key>`. An empty
    /// value takes back what was said before.
    #[must_use]
    pub fn http(&self, uri: &Uri, key: &str) -> Option<&str> {
        self.all()
            .filter_map(|(name, value)| {
                let place = name.strip_prefix("http.")?.strip_suffix(key)?;
                match place.strip_suffix('.') {
                    Some(url) => is_below(uri, url).then_some((url.len(), value)),
                    None => place.is_empty().then_some((0, value)),
                }
            })
            .max_by_key(|(length, _)| *length)
            .map(|(_, value)| value)
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.home.iter().chain(&self.given);
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Whether an address is that URL, or is in a directory of it.
fn is_below(uri: &Uri, url: &str) -> bool {
    let url = url.trim_end_matches('/');
    let uri = uri.to_string();
    uri.strip_prefix(url)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Section and key in lower case; what is between them counts as it is. None where there is no section, or no key.
fn normal(name: &str) -> Option<String> {
    let (section, rest) = name.split_once('.')?;
    let (between, key) = match rest.rsplit_once('.') {
        Some((between, key)) => (Some(between), key),
        None => (None, rest),
    };
    let is_word = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_key = is_word(key) && key.starts_with(|c: char| c.is_ascii_alphabetic());
    if section.is_empty() || !is_word(section) || !is_key || name.contains(['\n', '\0']) {
        return None;
    }
    let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
    Some(match between {
        Some(between) => format!("{section}.{between}.{key}"),
        None => format!("{section}.{key}"),
    })
}

fn invalid(index: usize, name: &str) -> Error {
    let path = format!("source.git_config[{index}].name");
    if name.contains('.') {
        return Error::config(path, format!("\"{name}\" is not a valid key"));
    }
    Error::config(path, format!("key does not contain a section: {name}"))
        .hint("a name is a section and a key, such as user.email")
}

/// CONTRACT 7: what the configuration of HOME says about the transport.
fn home() -> Option<Vec<(String, String)>> {
    let file = std::path::Path::new(&std::env::var_os("HOME")?).join(".gitconfig");
    if !file.is_file() {
        return None;
    }
    git_remote::init();
    let config = Config::open(&file).ok()?;
    let mut entries = Vec::new();
    config
        .entries(Some(r"^(http|url)\."))
        .ok()?
        .for_each(|entry| {
            if let (Ok(name), Ok(value)) = (entry.name(), entry.value()) {
                entries.push((name.to_owned(), value.to_owned()));
            }
        })
        .ok()?;
    Some(entries)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(entries: &[(&str, &str)]) -> GitConfig {
        let entries: Vec<_> = entries
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        let entries: Vec<GitConfigEntry> = serde_json::from_value(json!(entries)).unwrap();
        GitConfig {
            home: Vec::new(),
            ..GitConfig::new(&entries).unwrap()
        }
    }

    #[test]
    fn the_longest_prefix_is_rewritten() {
        let config = config(&[
            ("url.https://mirror/.insteadOf", "https://h/"),
            ("url.https://mirror/team/.insteadOf", "https://h/a/"),
            ("url.ssh://git@h/.pushInsteadOf", "https://h/"),
        ]);
        for (uri, is_push, meant) in [
            ("https://h/x.git", false, "https://mirror/x.git"),
            ("https://h/a/x.git", false, "https://mirror/team/x.git"),
            ("https://h/a/x.git", true, "ssh://git@h/a/x.git"),
            ("https://other/x", true, "https://other/x"),
        ] {
            assert_eq!(config.rewritten(&Uri::new(uri), is_push), Uri::new(meant));
        }
    }

    #[test]
    fn a_setting_of_the_nearest_url_counts() {
        let config = config(&[
            ("http.proxy", "http://a"),
            ("http.https://h.proxy", "http://b"),
            ("HTTP.https://h/team/.Proxy", "http://c"),
            ("http.proxy", "http://d"),
        ]);
        for (uri, value) in [
            ("https://x/r", "http://d"),
            ("https://h/r", "http://b"),
            ("https://u:p@h/r", "http://b"),
            ("https://hh/r", "http://d"),
            ("https://h/team/r", "http://c"),
        ] {
            assert_eq!(config.http(&Uri::new(uri), "proxy"), Some(value), "{uri}");
        }
        assert_eq!(config.http(&Uri::new("https://h"), "sslverify"), None);
        assert_eq!(config.given("http.proxy"), Some("http://d"));
    }

    #[test]
    fn a_name_has_a_section_and_a_key() {
        for (name, normal_name) in [
            ("user.Email", Some("user.email")),
            ("URL.https://A.b/.InsteadOf", Some("url.https://A.b/.insteadof")),
            ("user", None),
            (".x", None),
            ("user.", None),
            ("us er.x", None),
            ("user.1x", None),
            ("", None),
        ] {
            assert_eq!(normal(name).as_deref(), normal_name, "{name}");
        }
    }
}
