//! Concourse resource type for annotations on Grafana dashboards: see `README.md` for how it is used and `CONTRACT.md` for
//! what it does.

use std::path::Path;

use concourse_resource_sdk::config::NoParams;
use concourse_resource_sdk::{Context, Outcome, Resource, Result, Step};

mod annotation;
mod api;
pub mod config;
mod get;
mod id;
mod inputs;
mod put;
mod tags;
mod template;
mod time;

use config::{AnnotationVersion, PutParams, Source};

/// The `grafana-annotation` resource type.
#[derive(Debug, Clone, Copy)]
pub struct GrafanaAnnotation;

impl Resource for GrafanaAnnotation {
    const NAME: &'static str = "grafana-annotation";
    const ABOUT: &'static str =
        "Writes annotations on Grafana dashboards: at a point in time, or over the time a job takes.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    // CONTRACT 1.
    const KEYS_IGNORE_CASE: bool = true;

    type Source = Source;
    type GetParams = NoParams;
    type PutParams = PutParams;
    type Version = AnnotationVersion;

    // CONTRACT 1 and F1.
    fn usage(_: &str, step: Step) -> String {
        format!(
            "Usage: {} /path/to/working/directory ; 0 args given",
            step.executable()
        )
    }

    // The default check echoes the version, as CONTRACT 4.1 wants it.

    async fn get(
        &self,
        _: &Context,
        _: Source,
        version: Option<AnnotationVersion>,
        _: NoParams,
        dest: &Path,
    ) -> Result<Outcome<Self>> {
        get::get(version.unwrap_or_default(), dest)
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
