//! Concourse resource type for locks in a git repository: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use concourse_resource_sdk::compat::Compat;
use concourse_resource_sdk::{Check, Context, Get, Outcome, Put, Resource, Result, Step};

mod check;
pub mod config;
mod duration;
mod failure;
mod get;
mod path_history;
mod pool;
mod put;
mod store;

use config::{GetParams, LockVersion, PutParams, Source};

/// The `pool-lock` resource type.
#[derive(Debug, Clone, Copy)]
pub struct PoolLock;

impl Resource for PoolLock {
    const NAME: &'static str = "pool-lock";
    const ABOUT: &'static str = "Claims and releases locks that are files in a git repository.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const COMPAT: Compat = Compat::NONE.usage(|program, step| match step {
        Step::Put => format!("usage: {program} <source>"),
        Step::Check | Step::Get => format!("usage: {program} <path/to/destination>"),
    });

    type Source = Source;
    type GetParams = GetParams;
    type PutParams = PutParams;
    type Version = LockVersion;

    async fn check(&self, cx: &Context, check: Check<Self>) -> Result<Vec<LockVersion>> {
        check::check(cx, check.source, named(check.from)).await
    }

    async fn get(&self, cx: &Context, get: Get<'_, Self>) -> Result<Outcome<LockVersion>> {
        let version = named(get.version_if_given);
        get::get(cx, get.source, version, &get.params, get.dest).await
    }

    async fn put(&self, cx: &Context, put: Put<'_, Self>) -> Result<Outcome<LockVersion>> {
        put::put(cx, put.source, put.params, put.sources).await
    }
}

/// A version that names a commit.
fn named(version: Option<LockVersion>) -> Option<LockVersion> {
    version.filter(|version| !version.reference.is_empty())
}

/// CONTRACT 1: what a get and a put answer.
fn outcome(commit: git2::Oid, lock: &[u8], pool: &str) -> Outcome<LockVersion> {
    let reference = commit.to_string();
    Outcome::new(LockVersion { reference })
        .row(("lock_name", String::from_utf8_lossy(lock)))
        .row(("pool_name", pool))
}
