//! Concourse resource type for annotations on Grafana dashboards: see `README.md` for how it is used and `CONTRACT.md` for
//! what it does.

use concourse_resource_sdk::compat::Compat;
use concourse_resource_sdk::{Context, Get, NoParams, Outcome, Put, Resource, Result, Validator};

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
    // CONTRACT 1 and F1.
    const COMPAT: Compat = Compat::NONE.keys_ignore_case().usage(|_, step| {
        format!(
            "Usage: {} /path/to/working/directory ; 0 args given",
            step.executable()
        )
    });

    type Source = Source;
    type GetParams = NoParams;
    type PutParams = PutParams;
    type Version = AnnotationVersion;

    // The default check echoes the version, as CONTRACT 4.1 wants it.

    fn validate_put(source: &Source, params: &PutParams, v: &mut Validator<'_>) {
        put::validate(source, params, v);
    }

    async fn get(&self, _: &Context, get: Get<'_, Self>) -> Result<Outcome<AnnotationVersion>> {
        get::get(get.version_if_given.unwrap_or_default(), get.dest)
    }

    async fn put(&self, cx: &Context, put: Put<'_, Self>) -> Result<Outcome<AnnotationVersion>> {
        put::put(cx, &put.source, &put.params, put.sources).await
    }
}
