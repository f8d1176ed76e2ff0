//! Concourse resource type for locks in a git repository: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use std::path::Path;

use concourse_resource_sdk::{Context, Outcome, Resource, Result, Step};

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

    type Source = Source;
    type GetParams = GetParams;
    type PutParams = PutParams;
    type Version = LockVersion;

    fn usage(program: &str, step: Step) -> String {
        match step {
            Step::Put => format!("usage: {program} <source>"),
            Step::Check | Step::Get => format!("usage: {program} <path/to/destination>"),
        }
    }

    async fn check(
        &self,
        cx: &Context,
        source: Source,
        from: Option<LockVersion>,
    ) -> Result<Vec<LockVersion>> {
        check::check(cx, source, from).await
    }

    async fn get(
        &self,
        cx: &Context,
        source: Source,
        version: Option<LockVersion>,
        params: GetParams,
        dest: &Path,
    ) -> Result<Outcome<Self>> {
        get::get(cx, source, version, &params, dest).await
    }

    async fn put(
        &self,
        cx: &Context,
        source: Source,
        params: PutParams,
        sources: &Path,
    ) -> Result<Outcome<Self>> {
        put::put(cx, source, params, sources).await
    }
}

/// CONTRACT 1: what a get and a put answer.
fn outcome(commit: git2::Oid, lock: &[u8], pool: &str) -> Outcome<PoolLock> {
    let mut metadata = concourse_resource_sdk::Metadata::default();
    metadata.push("lock_name", String::from_utf8_lossy(lock));
    metadata.push("pool_name", pool);
    Outcome::new(LockVersion {
        reference: commit.to_string(),
    })
    .with_metadata(metadata)
}
