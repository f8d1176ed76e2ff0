//! Why talking to a remote failed.

use std::fmt;
use std::path::{Path, PathBuf};

use concourse_resource_sdk::Error as SdkError;
use concourse_resource_sdk::compat::ErrorExt as _;
use git2::Oid;

use crate::LoginPlace;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Git's own exit status of a fatal error.
const GIT_EXIT: u8 = 128;

/// What to do about a failure of the local file system, as far as its words tell: those of the operating system, which
/// libgit2 passes on without a code.
#[must_use]
pub fn disk_hint(text: &str) -> Option<&'static str> {
    let full = ["No space left on device", "Disk quota exceeded"];
    full.iter()
        .any(|words| text.contains(words))
        .then_some("the disk is full: free some space on the worker")
}

/// Why talking to a remote failed. Never holds a secret.
#[derive(Debug)]
pub enum Error {
    /// An address that cannot be read.
    Address {
        /// The address, without a login.
        uri: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection can be made.
    Unreachable {
        /// Host and port.
        host: String,
        /// Why.
        why: String,
    },
    /// An SSH server does not accept the user or the key.
    SshLogin {
        /// The user.
        user: String,
        /// The server.
        host: String,
        /// Whether a key was offered.
        sent: bool,
    },
    /// An SSH server has a host key that is not known.
    HostKey {
        /// The server.
        host: String,
        /// Kind and fingerprint of the key.
        fingerprint: String,
    },
    /// The client could not be made, or the server not be reached.
    Network(SdkError),
    /// The server wants a login, or another one.
    Login {
        /// The server.
        host: String,
        /// The login that was sent, by where it stands.
        sent: Option<LoginPlace>,
    },
    /// The server answered with a status that is no success.
    Status {
        /// The repository's address.
        url: String,
        /// The status.
        status: u16,
    },
    /// What answers is no git server.
    NotGit {
        /// The address.
        url: String,
    },
    /// The server refused, in its own words.
    Server(String),
    /// The server does not have, or does not give, an object that was asked for by its id.
    NotOurRef {
        /// The server's words.
        message: String,
    },
    /// The connection broke, or what arrived is not what the protocol says.
    Broken(String),
    /// The remote's object format.
    ObjectFormat(String),
    /// The local file system.
    Io {
        /// What was being done, as in "failed to …".
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// A local repository.
    Repository {
        /// What was being done, as in "failed to …".
        doing: &'static str,
        /// What happened.
        error: git2::Error,
    },
    /// A local repository whose hooks would not run.
    Hooks {
        /// The repository.
        path: PathBuf,
        /// The hook.
        hook: &'static str,
    },
    /// The server takes no push options.
    NoPushOptions,
    /// A push failed on its way, after a part of it had landed.
    Partly {
        /// The full name of the ref that was updated.
        landed: String,
        /// What happened then.
        error: Box<Error>,
    },
    /// An abort was asked for.
    Interrupted,
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io {
            doing,
            path: path.to_owned(),
            error,
        }
    }

    pub(crate) fn repository(doing: &'static str) -> impl Fn(git2::Error) -> Self {
        move |error| Self::Repository { doing, error }
    }

    /// The words of a server that refuses a request.
    pub(crate) fn refused(message: &str) -> Self {
        let message = message.trim().to_owned();
        // Git's and JGit's words.
        if message.contains("not our ref") || (message.contains("want ") && message.contains(" not valid")) {
            return Self::NotOurRef { message };
        }
        Self::Server(message)
    }

    pub(crate) fn not_here(id: Oid) -> Self {
        Self::NotOurRef {
            message: format!("not our ref {id}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { uri, why } => write!(f, "the address \"{uri}\" cannot be used: {why}"),
            Self::Unreachable { host, why } => write!(f, "failed to reach {host}: {why}"),
            Self::SshLogin { user, host, .. } => write!(f, "{user}@{host}: Permission denied"),
            Self::HostKey { host, fingerprint } => {
                write!(
                    f,
                    "the host key of {host} is not one of those that are known: {fingerprint}"
                )
            }
            Self::Network(error) => write!(f, "{error}"),
            Self::Login { host, sent: Some(_) } => write!(f, "{host} refused the login"),
            Self::Login { host, sent: None } => write!(f, "{host} requires a login"),
            Self::Status { url, status: 403 } => write!(f, "access to {url} is forbidden (status 403)"),
            Self::Status { url, status: 404 } => write!(f, "repository {url} not found (status 404)"),
            Self::Status { url, status } => write!(f, "{url} answered with status {status}"),
            Self::NotGit { url } => write!(f, "{url} is not a git repository served over smart HTTP"),
            Self::Server(message) => write!(f, "the remote refused: {message}"),
            Self::NotOurRef { message } => {
                write!(f, "the remote does not have what was asked for: {message}")
            }
            Self::Broken(what) => write!(f, "the connection to the remote broke: {what}"),
            Self::ObjectFormat(format) => write!(f, "the remote repository uses the object format {format}"),
            Self::Io { doing, path, error } => write!(f, "failed to {doing} {}: {error}", path.display()),
            Self::Repository { doing, error } => write!(f, "failed to {doing}: {}", error.message()),
            Self::Hooks { path, hook } => {
                write!(
                    f,
                    "the local repository {} has a {hook} hook, which cannot be run",
                    path.display()
                )
            }
            Self::NoPushOptions => f.write_str("the receiving end does not support push options"),
            Self::Partly { landed, error } => write!(f, "{landed} was pushed, and then it failed: {error}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

impl From<SdkError> for Error {
    fn from(error: SdkError) -> Self {
        Self::Network(error)
    }
}

impl From<Error> for SdkError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let reported = match &error {
            Error::Io { .. } | Error::Repository { .. } | Error::Interrupted => Self::internal(text.clone()),
            _ => Self::remote(text.clone()),
        };
        let hint = match &error {
            Error::Unreachable { .. } => Some("check source.uri; is the server reachable from the worker?"),
            Error::SshLogin { sent: true, .. } => Some(
                "the server does not accept source.private_key for this user: check both, and who may read the repository",
            ),
            Error::SshLogin { sent: false, .. } => Some("set source.private_key"),
            Error::HostKey { .. } => {
                Some("if the server has a new key, add it to source.known_hosts; else somebody may listen in")
            }
            Error::Login {
                sent: Some(LoginPlace::Fields),
                ..
            } => Some("check source.username and source.password"),
            Error::Login {
                sent: Some(LoginPlace::Address),
                ..
            } => Some("check the login in source.uri"),
            Error::Login { sent: None, .. } => Some("set source.username and source.password"),
            Error::Status { status: 403, .. } => Some("check the permissions of source.username"),
            Error::Status { status: 404, .. } => {
                Some("check source.uri; some servers also answer so when a login is missing")
            }
            Error::NotGit { .. } | Error::Address { .. } => Some("check source.uri"),
            Error::ObjectFormat(_) => Some("only sha1 repositories are supported"),
            Error::Io { .. } | Error::Repository { .. } => disk_hint(&text),
            Error::Hooks { .. } => Some("push to it over ssh or http(s), so that its hooks run"),
            _ => None,
        };
        match (error, hint) {
            // It says all that there is to say.
            (Error::Network(error), _) => error.exit(GIT_EXIT),
            (_, Some(hint)) => reported.hint(hint).exit(GIT_EXIT),
            (_, None) => reported.exit(GIT_EXIT),
        }
    }
}
