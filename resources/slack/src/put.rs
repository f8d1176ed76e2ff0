//! `out`: sends the message (CONTRACT 5 to 7).

use std::path::Path;
use std::time::UNIX_EPOCH;

use concourse_resource_sdk::compat::{self, OutcomeExt as _};
use concourse_resource_sdk::{Context, Error, Outcome, Result, Validator};
use serde_json::Value;

use crate::compose::{Composed, compose};
use crate::config::{PutParams, SlackVersion, Source};
use crate::deliver::{self, Delivered, Verbosity};
use crate::destination::Destination;
use crate::metadata;
use crate::payload;
use crate::sender::Sender;
use crate::variables::Variables;

pub(crate) async fn put(
    cx: &Context,
    source: &Source,
    params: &PutParams,
    sources: &Path,
) -> Result<Outcome<SlackVersion>> {
    // CONTRACT 1: taken before anything is sent.
    let seconds = cx.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let version = SlackVersion::at(seconds.to_string());
    if source.disable.0 {
        return Ok(Outcome::new(version).without_metadata());
    }
    let destination = Destination::of(source)?;
    guard_address(cx, &destination, params);
    let composed = compose(cx, params, Variables::of_environment(), sources)?;
    let requests = deliver::requests(&destination, &composed)?;
    let delivered = if params.debug.0 {
        Delivered::default()
    } else {
        let verbosity = if params.silent.0 {
            cx.log().line("INFO: using silent output");
            Verbosity::Silent
        } else {
            Verbosity::Normal
        };
        let sender = Sender::of(cx, source)?;
        deliver::deliver(cx.log(), &sender, &destination, &requests, verbosity).await?
    };
    let version = match &delivered.last {
        Some(sent) => version.with_message(&sent.channel, &sent.ts),
        None => version,
    };
    let mut outcome = Outcome::new(version).without_metadata();
    if params.debug.0 {
        outcome = outcome
            .with_key("webhook_url", destination.address().into())
            .with_key("body", debug_body(&destination, &composed, &requests));
    }
    if params.metadata.0 {
        let payload = params
            .payload_in_metadata
            .0
            .then(|| cx.log().redacted(&payload::shown(cx.request())));
        outcome = outcome.metadata(metadata::rows(destination.address(), &composed, payload));
    }
    Ok(match failure(&destination, &delivered, requests.len()) {
        Some(failure) => outcome.failing(failure),
        None => outcome,
    })
}

/// CONTRACT 6: the webhook's path is kept out of the log, wherever it appears, unless people ask to see it.
fn guard_address(cx: &Context, destination: &Destination, params: &PutParams) {
    let Some(path) = destination.secret_path() else {
        return;
    };
    if params.redact_hook_url.0 {
        cx.log().redact(path);
    } else {
        compat::reveal(cx.log(), destination.address());
        cx.log().line(format!("the webhook is {}", destination.address()));
    }
}

/// What is wrong with the params in the light of the source.
pub(crate) fn validate(source: &Source, params: &PutParams, v: &mut Validator<'_>) {
    let is_webhook = source.url.non_empty().is_some() && source.token.non_empty().is_none();
    if let Some(field) = params
        .bot_fields()
        .next()
        .filter(|_| is_webhook && !source.disable.0)
    {
        v.at(field)
            .refuse("needs a bot: a webhook cannot follow a message")
            .hint("give source.token instead of source.url");
    }
}

/// CONTRACT 7: the body of the last message, always with `link_names`.
fn debug_body(destination: &Destination, composed: &Composed, requests: &[deliver::Request]) -> Value {
    match (destination, &composed.message, composed.channels.last()) {
        (Destination::Webhook { .. }, Some(message), Some(channel)) => {
            message.for_webhook(channel.as_deref(), true)
        }
        _ => requests
            .last()
            .map(|request| request.body.clone())
            .unwrap_or_default(),
    }
}

fn failure(destination: &Destination, delivered: &Delivered, count: usize) -> Option<Error> {
    if delivered.failed.is_empty() {
        return None;
    }
    // CONTRACT 6.
    let text = match destination {
        Destination::Webhook { .. } => "ERROR: sending the message to the Slack webhook has failed",
        Destination::Bot { .. } => "ERROR: sending the message to Slack has failed",
    };
    let failed = &delivered.failed;
    let cause = format!(
        "{} of {count} messages were not sent: {}",
        failed.len(),
        failed.join(", ")
    );
    Some(Error::remote(text).cause(cause))
}
