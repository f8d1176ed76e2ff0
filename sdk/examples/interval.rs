//! A resource type in forty lines: a new version at every interval, to start jobs by the clock.
//!
//! ```yaml
//! resources:
//! - name: every-ten-minutes
//!   type: interval
//!   source: { minutes: 10 }
//! ```

use std::{fs, time::UNIX_EPOCH};

use concourse_resource_sdk::{
    Check, Config, Context, Get, NoParams, Outcome, Resource, Result, ResultExt as _, Validator,
};

struct Interval;

/// When there is a new version.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Source {
    /// How many minutes an interval lasts, at least 1. Intervals are counted from 1970 on, in UTC.
    minutes: u32,
}

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        if self.minutes == 0 {
            v.at("minutes").refuse("must be at least 1").hint("minutes: 10");
        }
    }
}

/// When an interval began, in seconds since 1970.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Version {
    begin: u64,
}

impl Resource for Interval {
    const NAME: &'static str = "interval";
    const ABOUT: &'static str = "Makes a new version at every interval.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = Version;

    async fn check(&self, cx: &Context, check: Check<Self>) -> Result<Vec<Version>> {
        let seconds = cx.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let newest = Version {
            begin: seconds - seconds % (u64::from(check.source.minutes) * 60),
        };
        // Oldest first, and the version that was given is part of the answer.
        let older = check.from.filter(|from| *from != newest);
        Ok(older.into_iter().chain([newest]).collect())
    }

    async fn get(&self, cx: &Context, get: Get<'_, Self>) -> Result<Outcome<Version>> {
        let begin = get.version()?.begin;
        cx.log().heading(format!("Interval that began at {begin}"));
        fs::write(get.dest.join("begin"), begin.to_string()).internal("failed to write begin")?;
        get.into_version().map(Outcome::new)
    }
}

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(Interval)
}
