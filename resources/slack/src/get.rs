//! `in`: hands the version on (CONTRACT 1), and writes down which message a bot sent.

use std::path::Path;

use concourse_resource_sdk::{Error, Outcome, Result};

use crate::Slack;
use crate::config::SlackVersion;

pub(crate) fn get(version: Option<SlackVersion>, dest: &Path) -> Result<Outcome<Slack>> {
    let version = version.unwrap_or_else(|| SlackVersion::at("none"));
    if let Some((channel, ts)) = version.message() {
        for (name, text) in [("channel", channel), ("ts", ts)] {
            let path = dest.join(name);
            std::fs::write(&path, text).map_err(|error| {
                Error::internal(format!("failed to write {}", path.display())).cause(error)
            })?;
        }
    }
    Ok(Outcome::new(version).without_metadata())
}
