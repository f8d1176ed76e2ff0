//! Where messages are sent: a webhook, or Slack's Web API.

use concourse_resource_sdk::{Error, Result, Secret};
use url::Url;

use crate::config::Source;

/// Where Slack's Web API is.
const API: &str = "https://slack.com/api";

/// Where messages are sent.
#[derive(Debug)]
pub(crate) enum Destination {
    /// An incoming webhook, whose path is a secret.
    Webhook { url: Url, given: String },
    /// The Web API, as a bot.
    Bot { api: String, token: Secret },
}

impl Destination {
    /// What the source says; its problems were looked for before.
    pub(crate) fn of(source: &Source) -> Result<Self> {
        if let Some(token) = source.token.non_empty() {
            let api = source.api_url.non_empty().unwrap_or(API);
            return Ok(Self::Bot {
                api: api.trim_end_matches('/').to_owned(),
                token: token.clone(),
            });
        }
        let given = source.url.non_empty().map_or("", Secret::expose);
        let url = Url::parse(given).map_err(|error| Error::config("source.url", error.to_string()))?;
        Ok(Self::Webhook {
            url,
            given: given.to_owned(),
        })
    }

    /// The address, as it was given.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Webhook { given, .. } => given,
            Self::Bot { api, .. } => api,
        }
    }

    /// The address of a method of the Web API.
    pub(crate) fn method(api: &str, name: &str) -> Result<Url> {
        Url::parse(&format!("{api}/{name}"))
            .map_err(|error| Error::config("source.api_url", error.to_string()))
    }

    /// What must not be in a log, besides the whole address: the webhook's path, which servers may repeat.
    pub(crate) fn secret_path(&self) -> Option<&str> {
        match self {
            Self::Webhook { url, .. } => Some(url.path()),
            Self::Bot { .. } => None,
        }
    }
}
