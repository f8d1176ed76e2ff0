//! Concourse resource type for git repositories: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use std::path::Path;

use concourse_resource_sdk::{Context, KeyPolicy, Outcome, Resource, Result, UnknownKeys};

mod check;
mod commit_url;
pub mod config;
mod crypt;
mod dates;
mod describe;
mod filter;
mod filters;
mod get;
mod gnu_regex;
mod got_tags;
mod history;
mod lfs;
mod memory;
mod message_filter;
mod metadata;
mod not_built;
mod pathspec;
mod put;
mod short_ref;
mod signatures;
mod skip;
mod treediff;
mod unescape;
mod words;

use config::{GetParams, GitVersion, PutParams, Source};

/// CONTRACT 1: the exit status of a value of the wrong JSON type.
const WRONG_TYPE_EXIT: u8 = 5;

/// The `git` resource type.
#[derive(Debug, Clone, Copy)]
pub struct Git;

impl Resource for Git {
    const NAME: &'static str = "git";
    const ABOUT: &'static str =
        "Follows the commits of a git branch, fetches them, and pushes commits and tags.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    // CONTRACT 1: `check` looks at the keys of source only, `get` and `put` at those of params only.
    const KEYS: KeyPolicy = KeyPolicy {
        check_source: UnknownKeys::Reject,
        get_source: UnknownKeys::Ignore,
        get_params: UnknownKeys::Reject,
        put_source: UnknownKeys::Ignore,
        put_params: UnknownKeys::Reject,
        nested: UnknownKeys::Warn,
    };
    const WRONG_TYPE_EXIT: u8 = WRONG_TYPE_EXIT;

    type Source = Source;
    type GetParams = GetParams;
    type PutParams = PutParams;
    type Version = GitVersion;

    async fn check(&self, cx: &Context, source: Source, from: Option<GitVersion>) -> Result<Vec<GitVersion>> {
        check::check(cx, &source, from).await
    }

    async fn get(
        &self,
        cx: &Context,
        source: Source,
        version: Option<GitVersion>,
        params: GetParams,
        dest: &Path,
    ) -> Result<Outcome<Self>> {
        get::get(cx, &source, version, &params, dest).await
    }

    async fn put(
        &self,
        cx: &Context,
        source: Source,
        params: PutParams,
        sources: &Path,
    ) -> Result<Outcome<Self>> {
        put::put(cx, &source, &params, sources).await
    }
}

/// CONTRACT 2, `debug`.
fn trace_if(cx: &Context, debug: bool) {
    if debug {
        cx.log().set_trace(true);
        cx.log().line("debug mode enabled");
    }
}
