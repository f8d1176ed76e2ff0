//! Concourse resource type for objects in S3: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use std::path::Path;

use concourse_resource_sdk::{Context, Outcome, Resource, Result};

mod archive;
mod check;
pub mod config;
mod connect;
mod download;
mod flag;
mod get;
mod hints;
mod inputs;
mod integrity;
mod key_pattern;
mod list;
mod place;
mod public_url;
mod put;
mod upload;

use config::{GetParams, ObjectVersion, PutParams, Source};

/// The `s3` resource type.
#[derive(Debug, Clone, Copy)]
pub struct S3Resource;

impl Resource for S3Resource {
    const NAME: &'static str = "s3";
    const ABOUT: &'static str =
        "Versions of files in an S3 bucket, or in a store that speaks its API: gets and puts them.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    // CONTRACT 1.
    const KEYS_IGNORE_CASE: bool = true;

    type Source = Source;
    type GetParams = GetParams;
    type PutParams = PutParams;
    type Version = ObjectVersion;

    async fn check(
        &self,
        cx: &Context,
        source: Source,
        from: Option<ObjectVersion>,
    ) -> Result<Vec<ObjectVersion>> {
        check::check(cx, &source, &from.unwrap_or_default()).await
    }

    async fn get(
        &self,
        cx: &Context,
        source: Source,
        version: Option<ObjectVersion>,
        params: GetParams,
        dest: &Path,
    ) -> Result<Outcome<Self>> {
        get::get(cx, &source, &version.unwrap_or_default(), &params, dest).await
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
