//! Where the repository is and how to get in.

use concourse_resource_sdk::{Context, Problem, Result};
use git_remote::{Login, Remote};

use crate::config::Source;

/// The address of a repository, the branch to follow, and the login: the part of `source` that connections need.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    pub(crate) uri: String,
    pub(crate) branch: Option<String>,
    login: Option<Login>,
    skip_verification: bool,
    debug: bool,
}

impl Location {
    /// CONTRACT 1, trim1: blanks around `uri` and `branch` come from interpolated pipeline variables and mean nothing.
    pub(crate) fn new(source: &Source) -> Result<Self> {
        let branch = trimmed(source.branch.get());
        if let Some(branch) = &branch {
            check_branch("source.branch", branch)?;
        }
        let login = match (source.username.non_empty(), source.password.non_empty()) {
            (Some(username), Some(password)) => {
                Some(Login { username: username.to_owned(), password: password.clone() })
            }
            _ => None,
        };
        Ok(Self {
            uri: trimmed(source.uri.get()).unwrap_or_default(),
            branch,
            login,
            skip_verification: source.skip_ssl_verification.0,
            debug: source.debug.0,
        })
    }

    /// Connects on first use; nothing is sent before that.
    pub(crate) fn open(&self, cx: &Context) -> Result<Remote> {
        let (options, skip) = (cx.http(), self.skip_verification);
        Ok(Remote::open(
            &self.uri,
            git_remote::Options {
                http: Box::new(move || options.clone().skip_verification(skip).build()),
                login: self.login.clone(),
                interrupt: cx.interrupt(),
                trace: self.debug,
            },
        )?)
    }
}

fn trimmed(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Git's own rules for the names of refs.
pub(crate) fn check_branch(path: &str, branch: &str) -> Result<()> {
    if git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        return Ok(());
    }
    Err(Problem::new(path, format!("\"{branch}\" is not a valid branch name")).into())
}
