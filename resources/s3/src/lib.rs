//! Concourse resource type for objects in S3: see `README.md` for how it is used and `CONTRACT.md` for what it does.

use concourse_resource_sdk::compat::Compat;
use concourse_resource_sdk::{Check, Context, Get, Outcome, Put, Resource, Result};

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
    const COMPAT: Compat = Compat::NONE.keys_ignore_case();

    type Source = Source;
    type GetParams = GetParams;
    type PutParams = PutParams;
    type Version = ObjectVersion;

    async fn check(&self, cx: &Context, check: Check<Self>) -> Result<Vec<ObjectVersion>> {
        check::check(cx, &check.source, &check.from.unwrap_or_default()).await
    }

    async fn get(&self, cx: &Context, get: Get<'_, Self>) -> Result<Outcome<ObjectVersion>> {
        let version = get.version_if_given.unwrap_or_default();
        get::get(cx, &get.source, &version, &get.params, get.dest).await
    }

    async fn put(&self, cx: &Context, put: Put<'_, Self>) -> Result<Outcome<ObjectVersion>> {
        put::put(cx, &put.source, &put.params, put.sources).await
    }
}
