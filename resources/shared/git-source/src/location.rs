//! Where the repository is and how to get in.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use concourse_resource_sdk::http::{HttpOptions, ProxyRules, Redirects};
use concourse_resource_sdk::{Context, Error, Result, Secret};
use git_remote::{Login, Remote, SshOptions, Uri};

use crate::access::Access;
use crate::git_config::GitConfig;
use crate::ssh;

/// As many as the SDK follows by itself.
const MOST_REDIRECTS: usize = 10;

/// The address of a repository, the branch to follow, and the login: the part of `source` that connections need.
#[derive(Debug, Clone)]
pub struct Location {
    /// Address of the repository.
    pub uri: Uri,
    /// Branch to follow.
    pub branch: Option<String>,
    login: Option<Login>,
    ssh: SshOptions,
    skip_verification: bool,
    /// Settings that count for connections and commits.
    pub config: GitConfig,
    /// What stops connections, where that is not an abort.
    interrupt: Option<Arc<AtomicBool>>,
}

impl Location {
    /// CONTRACT 1, trim1: blanks around `uri` and `branch` come from interpolated pipeline variables and mean nothing.
    ///
    /// # Errors
    /// Names the field that cannot be used: a branch, a key, a tunnel, a setting.
    pub fn new(access: &Access<'_>) -> Result<Self> {
        let branch = trimmed(access.branch);
        if let Some(branch) = &branch {
            check_branch("source.branch", branch)?;
        }
        let login = match (access.username, access.password) {
            (Some(username), Some(password)) => Some(Login {
                username: username.to_owned(),
                password: password.clone(),
            }),
            _ => None,
        };
        Ok(Self {
            uri: Uri::new(trimmed(access.uri).unwrap_or_default()),
            branch,
            login,
            ssh: ssh::options(access)?,
            skip_verification: access.skip_ssl_verification,
            config: GitConfig::new(access.git_config)?,
            interrupt: None,
        })
    }

    /// The same, for connections that an abort does not stop: those that undo what must not be left.
    #[must_use]
    pub fn beyond_abort(&self) -> Self {
        Self {
            interrupt: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// Connects on first use; nothing is sent before that.
    pub fn open(&self, cx: &Context) -> Result<Remote> {
        self.open_at(cx, &self.config.rewritten(&self.uri, false))
    }

    /// The same for a push, which may go elsewhere.
    pub fn open_for_push(&self, cx: &Context) -> Result<Remote> {
        self.open_at(cx, &self.config.rewritten(&self.uri, true))
    }

    fn open_at(&self, cx: &Context, uri: &Uri) -> Result<Remote> {
        let (http, headers) = self.http(cx, uri)?;
        Ok(Remote::open(
            uri,
            git_remote::Options {
                http: Box::new(move || http.clone().build()),
                login: self.login.clone(),
                headers,
                ssh: self.ssh.clone(),
                log: cx.log().clone(),
                interrupt: self.interrupt.clone().unwrap_or_else(|| cx.interrupt()),
            },
        )?)
    }

    /// The login for HTTP(S) that the source gives, beside what may stand in an address.
    #[must_use]
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// What SSH connections are made with.
    #[must_use]
    pub fn ssh(&self) -> &SshOptions {
        &self.ssh
    }

    /// What HTTP(S) connections to an address are made with, and the headers of its requests.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn http(&self, cx: &Context, uri: &Uri) -> Result<(HttpOptions, Vec<(String, Secret)>)> {
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
        Ok((http, headers))
    }
}

/// `http.extraHeader`; empty is none.
fn headers(line: Option<&str>) -> Result<Vec<(String, Secret)>> {
    let Some(line) = line.filter(|line| !line.trim().is_empty()) else {
        return Ok(Vec::new());
    };
    match line.split_once(':') {
        Some((name, value)) => Ok(vec![(name.trim().to_owned(), Secret::new(value.trim()))]),
        None => Err(Error::config(
            "source.git_config",
            "http.extraHeader needs a name, a colon and a value",
        )),
    }
}

fn trimmed(text: Option<&str>) -> Option<String> {
    text.map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Git's own rules for the names of refs.
pub fn check_branch(path: &str, branch: &str) -> Result<()> {
    if git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        return Ok(());
    }
    Err(Error::config(
        path,
        format!("\"{branch}\" is not a valid branch name"),
    ))
}
