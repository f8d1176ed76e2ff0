//! Concourse resource type for git repositories: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use std::path::Path;

use concourse_resource_sdk::{Context, Error, KeyPolicy, Outcome, Resource, Result, UnknownKeys};

mod check;
mod commit_url;
pub mod config;
mod dates;
mod describe;
mod filter;
mod get;
mod git_config;
mod gnu_regex;
mod history;
mod location;
mod memory;
mod message_filter;
mod metadata;
mod not_built;
mod pathspec;
mod put;
mod scratch;
mod short_ref;
mod skip;
mod ssh;
#[cfg(test)]
mod stock_git;
mod treediff;
mod unescape;
mod wildmatch;
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

/// Git's own exit status of a fatal error.
const GIT_EXIT: u8 = 128;

/// CONTRACT 4.3.
fn branch_not_found(branch: &str) -> Error {
    Error::remote(format!("Remote branch {branch} not found in upstream origin"))
        .hint("check source.branch")
        .exit(GIT_EXIT)
}

/// Runs work that blocks, such as everything git does, off the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            // The SDK reports it.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::internal("the work was cancelled").cause(error)),
        },
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    local_failure(format!("failed to write {}", path.display()), error)
}

/// A failure of libgit2, as in "failed to …".
fn git_failed(doing: &'static str) -> impl Fn(git2::Error) -> Error {
    move |error| local_failure(format!("failed to {doing}"), error.message())
}

/// A failure on this side.
fn local_failure(text: impl Into<String>, cause: impl std::fmt::Display) -> Error {
    let cause = cause.to_string();
    let hint = git_remote::disk_hint(&cause);
    let error = Error::internal(text).cause(cause).exit(GIT_EXIT);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
