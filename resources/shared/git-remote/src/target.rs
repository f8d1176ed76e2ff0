//! Where an address leads, for what is not git's own protocol.

use std::path::PathBuf;

use concourse_resource_sdk::console::Console;
use url::Url;

use crate::address::{self, Address};
use crate::error::{Error, Result};
use crate::ssh::{self, Ssh};
use crate::{Login, SshOptions, Uri};

/// Where a repository, or what belongs to it, is.
#[derive(Debug, Clone)]
pub enum Target {
    /// Behind HTTP(S): the address without its login, and the login, if it was a whole one.
    Http(Url, Option<Login>),
    /// Behind SSH: the host, and the path there.
    Ssh(String, String),
    /// Behind a `git daemon`: the host, and the path there.
    Daemon(String, String),
    /// In this file system.
    Local(PathBuf),
}

impl Target {
    /// Reads an address as git does.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn of(uri: &Uri) -> Result<Self> {
        Ok(match Address::parse(uri.as_str())? {
            Address::Http { base, user, password } => {
                let login = password.is_some().then(|| address::login(user, password, None));
                Self::Http(base, login.flatten().map(|(login, _)| login))
            }
            Address::Ssh { host, path, .. } => Self::Ssh(host, path),
            Address::Daemon { host, path, .. } => Self::Daemon(host, path),
            Address::Local(path) => Self::Local(path),
        })
    }
}

/// What a program on an SSH server prints when it gets the path of the repository and an argument.
///
/// # Errors
/// Fails where the address is not one of SSH, the server cannot be reached, or nothing is printed.
pub fn ask_over_ssh(
    uri: &Uri,
    options: SshOptions,
    log: Console,
    program: &str,
    argument: &str,
) -> Result<Vec<u8>> {
    let Address::Ssh {
        user,
        host,
        port,
        path,
    } = Address::parse(uri.as_str())?
    else {
        return Err(Error::Address {
            uri: uri.to_string(),
            why: "it is not an address for SSH".to_owned(),
        });
    };
    Ssh::new(user, (host, port.unwrap_or(ssh::PORT)), path, options, log).ask(program, argument)
}
