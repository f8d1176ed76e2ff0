//! Where the repository is and how to get in.

use concourse_resource_sdk::{Context, Problem, Result};
use git_remote::{Login, Remote, SshOptions};

use crate::config::Source;
use crate::ssh;

/// The address of a repository, the branch to follow, and the login: the part of `source` that connections need.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    pub(crate) uri: String,
    pub(crate) branch: Option<String>,
    login: Option<Login>,
    ssh: SshOptions,
    skip_verification: bool,
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
        })
    }

    /// Connects on first use; nothing is sent before that.
    pub(crate) fn open(&self, cx: &Context) -> Result<Remote> {
        if let Some(login) = &self.login {
            // As the header carries it.
            cx.log()
                .redact(&format!("{}:{}", login.username, login.password.expose()));
        }
        let (options, skip) = (cx.http(), self.skip_verification);
        Ok(Remote::open(
            &self.uri,
            git_remote::Options {
                http: Box::new(move || options.clone().skip_verification(skip).build()),
                login: self.login.clone(),
                ssh: self.ssh.clone(),
                log: cx.log().clone(),
                interrupt: cx.interrupt(),
            },
        )?)
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
