//! Concourse resource type for messages to Slack and Mattermost: see `README.md` for how it is used and `CONTRACT.md` for
//! what it does.

use concourse_resource_sdk::{Context, Get, NoParams, Outcome, Put, Resource, Result, Validator};

mod alert;
mod block_limits;
mod channels;
mod compose;
pub mod config;
mod deliver;
mod destination;
mod env_file;
mod explain;
mod files;
mod get;
mod limits;
mod message;
mod metadata;
mod payload;
mod put;
mod sender;
mod template;
mod thread;
mod tunnel;
mod variables;

use config::{PutParams, SlackVersion, Source};

/// The `slack` resource type.
#[derive(Debug, Clone, Copy)]
pub struct Slack;

impl Resource for Slack {
    const NAME: &'static str = "slack";
    const ABOUT: &'static str =
        "Sends messages to Slack and Mattermost, by webhook, or as a bot whose message follows a build.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    type Source = Source;
    type GetParams = NoParams;
    type PutParams = PutParams;
    type Version = SlackVersion;

    // The default check echoes the version, as CONTRACT 1 wants it.

    fn validate_put(source: &Source, params: &PutParams, v: &mut Validator<'_>) {
        put::validate(source, params, v);
    }

    async fn get(&self, _: &Context, get: Get<'_, Self>) -> Result<Outcome<SlackVersion>> {
        get::get(get.version_if_given, get.dest)
    }

    async fn put(&self, cx: &Context, put: Put<'_, Self>) -> Result<Outcome<SlackVersion>> {
        put::put(cx, &put.source, &put.params, put.sources).await
    }
}
