//! Talk to a git remote and commit to it.
//!
//! Blocking: call it from `spawn_blocking`. Every use of the gix crates' network side stays behind these types.

// SKELETON of the API that `resources/git` is written against; the git-remote helper builds it.
#![allow(missing_docs, clippy::allow_attributes, clippy::unimplemented)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use concourse_resource_sdk::http::HttpClient;
use concourse_resource_sdk::{Context, Secret};
pub use git2::Oid;

/// Why talking to a remote failed. Resources map it to an SDK error with `From<Error> for concourse_resource_sdk::Error`.
#[derive(Debug)]
pub enum Error {}

/// A login for HTTP(S), bound to the origin (scheme, host, port) of the remote's uri.
#[derive(Debug, Clone)]
pub struct Login { pub username: String, pub password: Secret }

/// What a connection is made with.
pub struct Options { pub http: HttpClientSource, pub login: Option<Login>, pub interrupt: Arc<AtomicBool>, pub trace: bool }
/// Made when first needed, so that a local remote loads no TLS roots.
pub type HttpClientSource = Box<dyn Fn() -> concourse_resource_sdk::Result<HttpClient> + Send + Sync>;

/// A remote repository: a local one, or one behind a wire.
pub struct Remote {}

/// A ref as the remote advertises it. Names are bytes that need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref { pub name: Vec<u8>, pub id: Oid, /** what an annotated tag peels to */ pub peeled: Option<Oid>, /** of a symbolic ref such as HEAD */ pub target: Option<Vec<u8>> }

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter { #[default] None, BlobNone, TreeZero }

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth { #[default] Keep, /** absolute, counted from the wants */ To(u32), /** lift every cut */ Unlimited }

/// One fetch into a git directory.
#[derive(Debug, Clone, Default)]
pub struct Fetch {
    pub wants: Vec<Oid>,
    /// What the other side may assume we have, with all its history (up to the cuts in `shallow`).
    pub haves: Vec<Oid>,
    /// Cuts we have now, sent with the request; `.git/shallow` is never read or written by this crate on its own.
    pub shallow: Vec<Oid>,
    pub depth: Depth,
    pub filter: Filter,
    /// Send annotated tags that point at what is sent.
    pub include_tags: bool,
    /// Stop instead of taking the whole history when the server acknowledges none of `haves`.
    pub need_common: bool,
}

pub struct Fetched {
    /// None when there was nothing to send.
    pub pack: Option<Pack>,
    /// Commits that are cuts from now on / no longer.
    pub new_shallow: Vec<Oid>,
    pub unshallow: Vec<Oid>,
}
/// A pack that was written, with its index, below `objects/pack`.
pub struct Pack { pub index: PathBuf, pub objects: u32, pub bytes: u64 }
impl Pack { pub fn contains(&self, id: Oid) -> bool { let _ = id; unimplemented!() } }

pub enum FetchOutcome { Fetched(Fetched), /** `need_common` and nothing in common */ NothingInCommon }

/// An update of one remote ref.
pub struct Update { pub src: Option<Oid>, pub dst: String, pub force: bool }
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefOutcome {
    UpToDate, Created, FastForwarded, Forced, Deleted,
    /// Refused here: not a fast-forward (`fetch first` when the remote's commit is unknown), or a tag that exists.
    RejectedHere(Why),
    /// Refused by the server, with its words.
    RejectedThere(String),
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why { NonFastForward, FetchFirst, AlreadyExists }

impl Remote {
    pub fn open(uri: &str, options: Options) -> Result<Self, Error> { let _ = (uri, options); unimplemented!() }
    /// The directory of a local repository, whose objects may be read in place.
    pub fn local(&self) -> Option<&Path> { unimplemented!() }
    /// Refs whose full names begin with one of `prefixes` (exact `HEAD` too); all when empty.
    pub fn refs(&mut self, prefixes: &[&str]) -> Result<Vec<Ref>, Error> { let _ = prefixes; unimplemented!() }
    pub fn supports_filter(&mut self) -> Result<bool, Error> { unimplemented!() }
    /// Protocol v2: wants need not be advertised, haves can be probed.
    pub fn supports_any_want(&mut self) -> Result<bool, Error> { unimplemented!() }
    pub fn fetch(&mut self, git_dir: &Path, fetch: &Fetch, cx: &Context) -> Result<FetchOutcome, Error> { let _ = (git_dir, fetch, cx); unimplemented!() }
    pub fn push(&mut self, repo: &git2::Repository, updates: &[Update], push_options: &[String], cx: &Context) -> Result<Vec<(String, RefOutcome)>, Error> { let _ = (repo, updates, push_options, cx); unimplemented!() }
}
