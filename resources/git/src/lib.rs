//! Concourse resource type for git repositories: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use concourse_resource_sdk::compat::Compat;
use concourse_resource_sdk::{
    Check, Context, Get, KeyPolicy, Outcome, Put, Resource, Result, Step, UnknownKeys, Validator,
};

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
    const KEYS: KeyPolicy = KeyPolicy::all(UnknownKeys::Reject)
        .source(Step::Get, UnknownKeys::Ignore)
        .source(Step::Put, UnknownKeys::Ignore)
        .nested(UnknownKeys::Warn);
    const COMPAT: Compat = Compat::NONE.wrong_type_exit(WRONG_TYPE_EXIT);

    type Source = Source;
    type GetParams = GetParams;
    type PutParams = PutParams;
    type Version = GitVersion;

    fn validate_check(source: &Source, v: &mut Validator<'_>) {
        check::validate(source, v);
    }

    fn validate_get(_: &Source, params: &GetParams, v: &mut Validator<'_>) {
        get::validate(params, v);
    }

    fn validate_put(source: &Source, params: &PutParams, v: &mut Validator<'_>) {
        put::validate(source, params, v);
    }

    async fn check(&self, cx: &Context, check: Check<Self>) -> Result<Vec<GitVersion>> {
        check::check(cx, &check.source, check.from).await
    }

    async fn get(&self, cx: &Context, get: Get<'_, Self>) -> Result<Outcome<GitVersion>> {
        get::get(cx, &get.source, get.version_if_given, &get.params, get.dest).await
    }

    async fn put(&self, cx: &Context, put: Put<'_, Self>) -> Result<Outcome<GitVersion>> {
        put::put(cx, &put.source, &put.params, put.sources).await
    }
}

/// CONTRACT 2, `debug`.
fn trace_if(cx: &Context, debug: bool) {
    if debug {
        cx.log().set_trace(true);
        cx.log().line("debug mode enabled");
    }
}
