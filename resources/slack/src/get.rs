//! `in`: hands the version on (CONTRACT 1), and writes down which message a bot sent.

use std::path::Path;

use concourse_resource_sdk::compat::OutcomeExt as _;
use concourse_resource_sdk::{Outcome, Result, ResultExt as _};

use crate::config::SlackVersion;

pub(crate) fn get(version: Option<SlackVersion>, dest: &Path) -> Result<Outcome<SlackVersion>> {
    let version = version.unwrap_or_else(|| SlackVersion::at("none"));
    if let Some((channel, ts)) = version.message() {
        for (name, text) in [("channel", channel), ("ts", ts)] {
            let path = dest.join(name);
            std::fs::write(&path, text).internal(format!("failed to write {}", path.display()))?;
        }
    }
    Ok(Outcome::new(version).without_metadata())
}
