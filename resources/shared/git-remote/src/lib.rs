//! Talk to a git remote: read its refs, fetch just what is needed, push.
//!
//! Blocking: call it from `spawn_blocking` of a tokio runtime. Protocol version 2 is spoken where the server can, version 0
//! else. No process is started, no configuration is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use concourse_resource_sdk::console::Console;
use concourse_resource_sdk::http::HttpClient;
use concourse_resource_sdk::{Context, Secret};
pub use git2::Oid;

mod address;
mod advertisement;

mod byte_channel;
mod copy;
mod cuts;
mod daemon;
mod decide;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod http;
mod large;
mod local;
mod local_push;

mod pack;
mod pack_to_send;

mod pktline;
mod push;
mod pushed;
mod remote_lines;
mod repo_for_packing;
mod report;
mod setup;
mod ssh;
mod stream;
mod streamed_body;
mod target;
mod upload;
mod uri;
mod wire;

pub use address::LoginPlace;
pub use cuts::{read_cuts, write_cuts};
pub use error::{Error, Result, disk_hint};
pub use graph::ancestors;
pub use large::LargeBlobs;
pub use pack::Pack;
pub use pushed::{Push, Pushed, RefOutcome, Update, Why};
pub use setup::init;
pub use ssh::{KnownHosts, SshKey, SshKeyError, SshOptions};
pub use target::{Target, ask_over_ssh};
pub use uri::Uri;

use address::Address;
use local::Local;
use repo_for_packing::RepoForPacking;
use stream::Stream;
use upload::Upload;

/// How this client names itself to servers.
const AGENT: &str = concat!("agent=concourse-git/", env!("CARGO_PKG_VERSION"));

/// A login for HTTP(S). It goes to the origin (scheme, host, port) of the remote's address and nowhere else.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// Makes the HTTP client when it is first needed, so that a local remote loads no TLS roots.
pub type HttpClientSource = Box<dyn Fn() -> concourse_resource_sdk::Result<HttpClient> + Send + Sync>;

/// What a connection is made with.
pub struct Options {
    /// Where the HTTP client comes from.
    pub http: HttpClientSource,
    /// The login; one in the address wins if it has a password.
    pub login: Option<Login>,
    /// Headers of every HTTP(S) request to the origin of the remote's address, by name.
    pub headers: Vec<(String, Secret)>,
    /// What SSH connections are made with.
    pub ssh: SshOptions,
    /// Where warnings, and what servers say to people, are shown.
    pub log: Console,
    /// Becomes true when an abort is asked for.
    pub interrupt: Arc<AtomicBool>,
}

/// A ref as the remote advertises it. Names are bytes that need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// The full name, or `HEAD`.
    pub name: Vec<u8>,
    /// What it points to.
    pub id: Oid,
    /// What an annotated tag peels to.
    pub peeled: Option<Oid>,
    /// What a symbolic ref such as `HEAD` points to.
    pub target: Option<Vec<u8>>,
}

/// Which objects are left out of a fetch. A server that cannot filter sends all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// None.
    #[default]
    None,
    /// Contents of files.
    BlobNone,
    /// Contents of files, and directories.
    TreeZero,
}

/// Where a fetch cuts the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Where it is cut now.
    #[default]
    Keep,
    /// After that many commits, counted from the wants. At least 1.
    To(u32),
    /// Nowhere.
    Unlimited,
}

/// One fetch.
#[derive(Debug, Clone, Default)]
pub struct Fetch {
    /// The objects to get, with all that they need.
    pub wants: Vec<Oid>,
    /// What the other side may take for present here, with all its history up to the cuts in `shallow`.
    pub haves: Vec<Oid>,
    /// Where the history is cut now. This crate neither reads nor writes `.git/shallow`.
    pub shallow: Vec<Oid>,
    /// Where it is cut after the fetch.
    pub depth: Depth,
    /// What is left out.
    pub filter: Filter,
    /// Sends annotated tags along that point at what is sent.
    pub include_tags: bool,
    /// Stops instead of taking the whole history when the server knows none of `haves`. Needs
    /// [`Remote::supports_probing`].
    pub need_common: bool,
}

/// What came of a fetch.
#[derive(Debug)]
pub enum FetchOutcome {
    /// What was asked for is here.
    Fetched(Fetched),
    /// Nothing was fetched: [`Fetch::need_common`] was asked for, and there is nothing in common.
    NothingInCommon,
}

/// What a fetch brought.
#[derive(Debug, Default)]
pub struct Fetched {
    /// None when there was nothing to send, and for local remotes.
    pub pack: Option<Pack>,
    /// Commits at which the history is cut from now on.
    pub new_shallow: Vec<Oid>,
    /// Commits at which it is not cut any more.
    pub unshallow: Vec<Oid>,
}

/// A remote repository: a local one, or one behind a wire.
pub struct Remote {
    place: Place,
    is_http: bool,
    interrupt: Arc<AtomicBool>,
}

enum Place {
    Local(Local),
    Far(Box<Upload>),
}

impl Remote {
    /// A remote at an address: `http(s)://`, `ssh://` or the scp form, `git://`, `file://` or a path. Nothing is sent yet.
    ///
    /// Call it in a runtime, whose tasks do the network's work.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Transport`]; for local remotes [`Error::Repository`] where there is none.
    pub fn open(uri: &Uri, options: Options) -> Result<Self> {
        init();
        let address = Address::parse(uri.as_str())?;
        let is_http = matches!(address, Address::Http { .. });
        let place = match address {
            Address::Local(path) => Place::Local(Local::open(&path)?),
            Address::Http { base, user, password } => {
                let login = address::login(user, password, options.login);
                let http = http::Http::new(base, login, &options.headers, (options.http, options.log))?;
                Place::Far(Box::new(Upload::new(Box::new(http))))
            }
            Address::Ssh {
                user,
                host,
                port,
                path,
            } => {
                let place = (host, port.unwrap_or(ssh::PORT));
                let ssh = ssh::Ssh::new(user, place, path, options.ssh, options.log);
                Place::Far(Box::new(Upload::new(Box::new(Stream::new(ssh)))))
            }
            Address::Daemon { host, port, path } => {
                let port = port.unwrap_or(daemon::PORT);
                let daemon = daemon::Daemon { host, port, path };
                Place::Far(Box::new(Upload::new(Box::new(Stream::new(daemon)))))
            }
        };
        Ok(Self {
            place,
            is_http,
            interrupt: options.interrupt,
        })
    }

    /// The git directory of a local repository, whose objects may be read in place.
    #[must_use]
    pub fn local(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(local) => Some(local.git_dir()),
            Place::Far(_) => None,
        }
    }

    /// The refs whose full names begin with one of `prefixes`, `HEAD` among them if it does; all refs when there are none.
    pub fn refs(&mut self, prefixes: &[&str]) -> Result<Vec<Ref>> {
        match &mut self.place {
            Place::Local(local) => local.refs(prefixes),
            Place::Far(upload) => upload.refs(prefixes),
        }
    }

    /// Whether [`Filter`]s are honoured.
    pub fn supports_filter(&mut self) -> Result<bool> {
        match &mut self.place {
            Place::Local(_) => Ok(false),
            Place::Far(upload) => upload.supports_filter(),
        }
    }

    /// Whether [`refs`](Self::refs) may be asked again: HTTP with protocol version 2, where a new process answers each time. A process
    /// of git's that goes on answering, as over SSH, remembers the refs that it read first.
    pub fn answers_anew(&mut self) -> Result<bool> {
        match &mut self.place {
            Place::Local(_) => Ok(true),
            Place::Far(upload) => Ok(self.is_http && upload.is_version_2()?),
        }
    }

    /// What time it was on the server when it last answered; none where that is not told, as over SSH.
    pub fn server_time(&mut self) -> Option<SystemTime> {
        match &mut self.place {
            Place::Local(_) => Some(SystemTime::now()),
            Place::Far(upload) => upload.wire().server_time(),
        }
    }

    /// Whether objects may be asked for that no ref points to: protocol version 2, and servers of version 0 that say so.
    pub fn supports_any_want(&mut self) -> Result<bool> {
        match &mut self.place {
            Place::Local(_) => Ok(true),
            Place::Far(upload) => upload.supports_any_want(),
        }
    }

    /// Whether every commit of the history may be asked for: a refusal then says that the server has no such commit.
    ///
    /// # Errors
    ///
    /// Fails as the first request to the server does.
    pub fn serves_any_commit(&mut self) -> Result<bool> {
        match &mut self.place {
            Place::Local(_) => Ok(true),
            Place::Far(upload) => upload.serves_any_commit(),
        }
    }

    /// Whether common history can be probed ([`Fetch::need_common`]): protocol version 2.
    pub fn supports_probing(&mut self) -> Result<bool> {
        match &mut self.place {
            Place::Local(_) => Ok(true),
            Place::Far(upload) => upload.is_version_2(),
        }
    }

    /// Whether [`Depth::To`] is honoured.
    pub fn supports_depth(&mut self) -> Result<bool> {
        match &mut self.place {
            Place::Local(_) => Ok(true),
            Place::Far(upload) => upload.supports_depth(),
        }
    }

    /// Fetches into the object database of the repository at `git_dir`.
    ///
    /// # Errors
    /// [`Error::NotOurRef`] for a want that the remote does not have or give.
    pub fn fetch(&mut self, git_dir: &Path, fetch: &Fetch, cx: &Context) -> Result<FetchOutcome> {
        self.refuse_if_interrupted()?;
        match &mut self.place {
            Place::Local(local) => local
                .fetch(git_dir, fetch, &self.interrupt)
                .map(FetchOutcome::Fetched),
            Place::Far(upload) => upload.fetch(git_dir, fetch, &self.interrupt, cx),
        }
    }

    /// Updates refs of the remote as `git push` does; the answer has the order of the updates.
    ///
    /// # Errors
    /// [`Error::Partly`] where something had landed before it failed.
    pub fn push(&mut self, repo: &git2::Repository, push: &Push<'_>, cx: &Context) -> Result<Vec<Pushed>> {
        self.refuse_if_interrupted()?;
        let packing = RepoForPacking::new(repo, cx)?;
        match &mut self.place {
            Place::Local(local) => local_push::push(local, packing.repo(), push, cx),
            Place::Far(upload) => push::push(upload.wire(), packing.repo(), push, &self.interrupt, cx),
        }
    }

    fn refuse_if_interrupted(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Whether an address is a path of this file system, written as such: not a URL, and not `host:path`.
#[must_use]
pub fn is_plain_path(uri: &Uri) -> bool {
    uri.parts().is_none() && matches!(Address::parse(uri.as_str()), Ok(Address::Local(_)))
}

/// Where the packs of a git directory are.
fn pack_directory(git_dir: &Path) -> PathBuf {
    git_dir.join("objects/pack")
}
