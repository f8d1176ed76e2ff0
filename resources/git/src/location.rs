//! Where the repository is and how to get in.

use concourse_resource_sdk::http::{ProxyRules, Redirects};
use concourse_resource_sdk::{Context, Problem, Result, Secret};
use git_remote::{Login, Remote, SshOptions};

use crate::config::Source;
use crate::git_config::GitConfig;
use crate::ssh;

/// As many as the SDK follows by itself.
const MOST_REDIRECTS: usize = 10;

/// The address of a repository, the branch to follow, and the login: the part of `source` that connections need.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    pub(crate) uri: String,
    pub(crate) branch: Option<String>,
    login: Option<Login>,
    ssh: SshOptions,
    skip_verification: bool,
    pub(crate) config: GitConfig,
}

impl Location {
    /// CONTRACT 1, trim1: blanks around `uri` and `branch` come from interpolated pipeline variables and mean nothing.
    pub(crate) fn new(source: &Source) -> Result<Self> {
        let branch = trimmed(source.branch.get());
        if let Some(branch) = &branch {
            check_branch("source.branch", branch)?;
        }
        let login = match (source.username.non_empty(), source.password.non_empty()) {
            (Some(username), Some(password)) => Some(Login {
                username: username.to_owned(),
                password: password.clone(),
            }),
            _ => None,
        };
        Ok(Self {
            uri: trimmed(source.uri.get()).unwrap_or_default(),
            branch,
            login,
            ssh: ssh::options(source)?,
            skip_verification: source.skip_ssl_verification.0,
            config: GitConfig::new(source)?,
        })
    }

    /// Connects on first use; nothing is sent before that.
    pub(crate) fn open(&self, cx: &Context) -> Result<Remote> {
        self.open_at(cx, &self.config.rewritten(&self.uri, false))
    }

    /// The same for a push, which may go elsewhere.
    pub(crate) fn open_for_push(&self, cx: &Context) -> Result<Remote> {
        self.open_at(cx, &self.config.rewritten(&self.uri, true))
    }

    fn open_at(&self, cx: &Context, uri: &str) -> Result<Remote> {
        if let Some(login) = &self.login {
            // As the header carries it.
            cx.log()
                .redact(&format!("{}:{}", login.username, login.password.expose()));
        }
        let skip = self.skip_verification
            || self.config.http(uri, "sslverify").is_some_and(|value| {
                matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0")
            });
        let mut http = cx.http().skip_verification(skip);
        if let Some(proxy) = self.config.http(uri, "proxy") {
            let rules = if proxy.is_empty() {
                ProxyRules::none()
            } else {
                ProxyRules::all(proxy, "")?
            };
            for secret in rules.secrets() {
                cx.log().redact(&secret);
            }
            http = http.proxies(rules);
        }
        let headers = headers(self.config.http(uri, "extraheader"))?;
        for (_, value) in &headers {
            cx.log().redact(value.expose());
            // A token goes nowhere else.
            http = http.redirects(Redirects::SameOrigin(MOST_REDIRECTS));
        }
        Ok(Remote::open(
            uri,
            git_remote::Options {
                http: Box::new(move || http.clone().build()),
                login: self.login.clone(),
                headers,
                ssh: self.ssh.clone(),
                log: cx.log().clone(),
                interrupt: cx.interrupt(),
            },
        )?)
    }
}

/// `http.extraHeader`; empty is none.
fn headers(line: Option<&str>) -> Result<Vec<(String, Secret)>> {
    let Some(line) = line.filter(|line| !line.trim().is_empty()) else {
        return Ok(Vec::new());
    };
    match line.split_once(':') {
        Some((name, value)) => Ok(vec![(name.trim().to_owned(), Secret::new(value.trim()))]),
        None => Err(Problem::new(
            "source.git_config",
            "http.extraHeader needs a name, a colon and a value",
        )
        .into()),
    }
}

/// The address for people: without a login.
pub(crate) fn without_login(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn trimmed(text: Option<&str>) -> Option<String> {
    text.map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Git's own rules for the names of refs.
pub(crate) fn check_branch(path: &str, branch: &str) -> Result<()> {
    if git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        return Ok(());
    }
    Err(Problem::new(path, format!("\"{branch}\" is not a valid branch name")).into())
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
            ("git@h:a/b", "git@h:a/b"),
            ("/a@b", "/a@b"),
        ] {
            assert_eq!(without_login(uri), shown);
        }
    }
}
