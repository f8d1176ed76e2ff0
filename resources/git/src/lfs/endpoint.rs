//! Where the objects of a repository are.

use std::path::PathBuf;

use concourse_resource_sdk::{Error, Result};
use git_remote::{Login, Target, Uri};
use git_source::GitConfig;
use url::Url;

/// Where objects are asked for.
#[derive(Debug, Clone)]
pub(super) enum Endpoint {
    /// At a server that speaks the batch API, perhaps with a login that stands in the address.
    Http(Url, Option<Login>),
    /// Behind SSH, where a program says at which server.
    Ssh(Uri),
    /// In a repository of this file system.
    Local(PathBuf),
}

/// What objects are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Download,
    Upload,
}

impl Operation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

impl Endpoint {
    /// What `git_config` says counts, then `.lfsconfig` of the commit, then the remote's own address.
    pub(super) fn find(
        uri: &Uri,
        config: &GitConfig,
        lfsconfig: Option<&str>,
        operation: Operation,
    ) -> Result<Self> {
        let is_push = operation == Operation::Upload;
        let committed = LfsConfig::parse(lfsconfig.unwrap_or_default());
        let given = |name: &str| config.given(name).filter(|url| !url.is_empty());
        let own = is_push.then(|| given("lfs.pushurl")).flatten();
        if let Some(url) = own
            .or_else(|| given("lfs.url"))
            .or_else(|| given("remote.origin.lfsurl"))
        {
            return Self::named(&config.rewritten(&Uri::new(url), is_push));
        }
        let remote = config.rewritten(uri, is_push);
        if let Some(url) = committed.url(is_push) {
            let named = Self::named(&config.rewritten(&Uri::new(url), is_push))?;
            // A commit does not get to read files of this machine.
            if matches!(named, Self::Local(_)) && !matches!(Target::of(&remote)?, Target::Local(_)) {
                return Err(Error::remote(format!(
                    ".lfsconfig names \"{}\", which is in this file system",
                    url.escape_debug()
                ))
                .hint("only a repository that is here itself may name such a place"));
            }
            return Ok(named);
        }
        Self::beside(&remote)
    }

    /// The endpoint at an address.
    fn named(uri: &Uri) -> Result<Self> {
        Ok(match Target::of(uri)? {
            Target::Http(url, login) => Self::Http(url, login),
            Target::Ssh(..) => Self::Ssh(uri.clone()),
            Target::Daemon(host, path) => Self::Http(daemon(&host, &path)?, None),
            Target::Local(path) => Self::Local(path),
        })
    }

    /// The endpoint of a repository at an address.
    fn beside(uri: &Uri) -> Result<Self> {
        Ok(match Self::named(uri)? {
            Self::Http(url, login) => Self::Http(below(url), login),
            elsewhere => elsewhere,
        })
    }
}

/// The endpoint that servers have for a repository.
pub(super) fn below(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/');
    let path = format!("{}.git/info/lfs", path.strip_suffix(".git").unwrap_or(path));
    url.set_path(&path);
    url
}

/// A daemon has no objects; what serves it by HTTPS may.
fn daemon(host: &str, path: &str) -> Result<Url> {
    secure(host, path).ok_or_else(|| Error::remote(format!("there is no LFS server for git://{host}{path}")))
}

/// A repository at a host, behind HTTPS.
pub(super) fn secure(host: &str, path: &str) -> Option<Url> {
    Url::parse(&format!("https://{host}/{}", path.trim_start_matches('/'))).ok()
}

/// What `.lfsconfig` of a commit may say of places; it says no more here.
#[derive(Debug, Default, PartialEq, Eq)]
struct LfsConfig {
    url: Option<String>,
    push_url: Option<String>,
    remote_url: Option<String>,
}

impl LfsConfig {
    fn parse(text: &str) -> Self {
        let mut config = Self::default();
        let mut section = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
                section = name.0.trim().to_ascii_lowercase();
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let value = Some(plain(value)).filter(|value| !value.is_empty());
            match (section.as_str(), key.trim().to_ascii_lowercase().as_str()) {
                ("lfs", "url") => config.url = value,
                ("lfs", "pushurl") => config.push_url = value,
                ("remote \"origin\"", "lfsurl") => config.remote_url = value,
                _ => {}
            }
        }
        config
    }

    fn url(&self, is_push: bool) -> Option<&str> {
        let push = self.push_url.as_ref().filter(|_| is_push);
        push.or(self.url.as_ref())
            .or(self.remote_url.as_ref())
            .map(String::as_str)
    }
}

/// A value without comment and quotes.
fn plain(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((quoted, _)) => quoted.to_owned(),
        None => value
            .split([';', '#'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use git_source::GitConfigEntry;
    use serde_json::json;

    use super::*;

    fn shown(uri: &str, config: &[(&str, &str)], lfsconfig: &str, operation: Operation) -> String {
        let entries = config
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }));
        let entries: Vec<GitConfigEntry> = serde_json::from_value(entries.collect()).unwrap();
        let config = GitConfig::new(&entries).unwrap();
        match Endpoint::find(&Uri::new(uri), &config, Some(lfsconfig), operation) {
            Ok(Endpoint::Http(url, login)) => {
                format!("{url}{}", login.map_or("", |_| " with a login"))
            }
            Ok(Endpoint::Ssh(uri)) => format!("by {uri}"),
            Ok(Endpoint::Local(path)) => format!("in {}", path.display()),
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn the_endpoint_is_found_as_git_lfs_finds_it() {
        use Operation::{Download, Upload};
        let named = "# where\n[lfs]\n  url = \"https://l/x\" # there\n[core]\nurl = https://no\n";
        for (uri, config, lfsconfig, operation, endpoint) in [
            (
                "https://h/r.git",
                &[][..],
                "",
                Download,
                "https://h/r.git/info/lfs",
            ),
            ("https://h/r", &[], "", Download, "https://h/r.git/info/lfs"),
            (
                "https://u:p@h/r/",
                &[],
                "",
                Download,
                "https://h/r.git/info/lfs with a login",
            ),
            ("git://h/r", &[], "", Download, "https://h/r.git/info/lfs"),
            ("ssh://git@h:7/r.git", &[], "", Upload, "by ssh://h:7/r.git"),
            ("git@h:r.git", &[], "", Upload, "by git@h:r.git"),
            ("/srv/r", &[], "", Download, "in /srv/r"),
            ("file:///srv/r", &[], "", Download, "in /srv/r"),
            ("https://h/r", &[], named, Download, "https://l/x"),
            (
                "https://h/r",
                &[("lfs.url", "https://c/")],
                named,
                Download,
                "https://c/",
            ),
            (
                "https://h/r",
                &[("lfs.pushUrl", "https://p/")],
                named,
                Upload,
                "https://p/",
            ),
            (
                "https://h/r",
                &[("lfs.pushUrl", "https://p/")],
                named,
                Download,
                "https://l/x",
            ),
            (
                "https://h/r",
                &[("url.https://m/.insteadOf", "https://l/")],
                named,
                Download,
                "https://m/x",
            ),
            (
                "https://h/r",
                &[],
                "[LFS]\npushurl=https://p",
                Upload,
                "https://p/",
            ),
            (
                "https://h/r",
                &[],
                "[remote \"origin\"]\nlfsurl = ssh://s/x",
                Download,
                "by ssh://s/x",
            ),
            ("/srv/r", &[], "[lfs]\nurl = /srv/o", Download, "in /srv/o"),
            (
                "https://h/r",
                &[],
                "[lfs]\nurl = file:///etc",
                Download,
                ".lfsconfig names \"file:///etc\", which is in this file system",
            ),
        ] {
            assert_eq!(
                shown(uri, config, lfsconfig, operation),
                endpoint,
                "{uri} {config:?} {lfsconfig}"
            );
        }
    }
}
