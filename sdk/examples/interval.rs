//! A resource type in forty lines: a new version at every interval, to start jobs by the clock.
//!
//! ```yaml
//! resources:
//! - name: every-ten-minutes
//!   type: interval
//!   source: { minutes: 10 }
//! ```

use std::{fs, path::Path, time::UNIX_EPOCH};

use concourse_resource_sdk::config::NoParams;
use concourse_resource_sdk::{Config, Context, Error, Outcome, Problem, Resource, Result, Step, Version};

struct Interval;

/// When there is a new version.
#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default)]
struct Source {
    /// How many minutes an interval lasts, at least 1. Intervals are counted from 1970 on, in UTC. Required.
    minutes: u32,
}

impl Config for Source {
    fn problems(&self, _: Step) -> Vec<Problem> {
        let problem = || Problem::new("source.minutes", "must be at least 1").hint("minutes: 10");
        if self.minutes == 0 {
            vec![problem()]
        } else {
            Vec::new()
        }
    }
}

impl Resource for Interval {
    const NAME: &'static str = "interval";
    const ABOUT: &'static str = "Makes a new version at every interval.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = Version;

    async fn check(&self, cx: &Context, source: Source, from: Option<Version>) -> Result<Vec<Version>> {
        let seconds = cx.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let begin = seconds - seconds % (u64::from(source.minutes) * 60);
        let newest = Version::new("begin", begin.to_string());
        // Oldest first, and the version that was given is part of the answer.
        Ok(from
            .into_iter()
            .filter(|from| *from != newest)
            .chain([newest.clone()])
            .collect())
    }

    async fn get(
        &self,
        cx: &Context,
        _: Source,
        version: Option<Version>,
        _: NoParams,
        dest: &Path,
    ) -> Result<Outcome<Self>> {
        let version = version.ok_or_else(|| Problem::new("version", "is required"))?;
        let begin = version
            .get("begin")
            .ok_or_else(|| Problem::new("version.begin", "is required"))?;
        cx.log().heading(format!("Interval that began at {begin}"));
        fs::write(dest.join("begin"), begin)
            .map_err(|error| Error::internal("failed to write begin").cause(error))?;
        Ok(Outcome::new(version))
    }
}

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(Interval)
}
