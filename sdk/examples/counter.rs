//! Follows a counter behind HTTP: a version that is a number, a token that no log shows, a row on the build page.
//!
//! ```yaml
//! source: { url: "https://counter.example.org/builds", token: ((counter.token)) }
//! ```

use concourse_resource_sdk::{
    Check, Config, Context, Get, NoParams, Outcome, Resource, Result, ResultExt as _, Secret,
};

struct Counter;

/// Which counter.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Source {
    /// Its address, which answers `{"number": 7}`.
    url: String,
    /// Token that may read it.
    token: Secret,
}

impl Config for Source {}

#[derive(PartialEq, serde::Serialize, serde::Deserialize)]
struct Version {
    number: u64,
}

impl Resource for Counter {
    const NAME: &'static str = "counter";
    const ABOUT: &'static str = "Follows a counter behind HTTP.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = Version;

    async fn check(&self, cx: &Context, check: Check<Self>) -> Result<Vec<Version>> {
        let http = cx.http().build()?;
        let request = http.get(&check.source.url).bearer(&check.source.token);
        let newest: Version = request.send().await?.success()?.json().await?;
        let known = check.from.filter(|from| *from != newest);
        Ok(known.into_iter().chain([newest]).collect())
    }

    async fn get(&self, _: &Context, get: Get<'_, Self>) -> Result<Outcome<Version>> {
        let number = get.version()?.number.to_string();
        std::fs::write(get.dest.join("number"), &number).internal("failed to write the number")?;
        Ok(Outcome::new(get.into_version()?).row(("number", number)))
    }
}

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(Counter)
}
