//! Sends messages to a web hook: a resource that only puts, and has no versions of its own.

use concourse_resource_sdk::version::PutTime;
use concourse_resource_sdk::{
    Config, Context, NoParams, Outcome, Put, Resource, Result, ResultExt as _, Secret, Validator,
};

struct Notifier;

/// Where messages go.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Source {
    /// Address of the web hook: who has it may write.
    hook: Secret,
}

impl Config for Source {}

/// What is sent.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct PutParams {
    /// The message.
    text: String,
    /// File with more of it.
    file: Option<String>,
}

impl Config for PutParams {
    fn validate(&self, v: &mut Validator<'_>) {
        v.at("text").required(!self.text.is_empty());
    }
}

impl Resource for Notifier {
    const NAME: &'static str = "notifier";
    const ABOUT: &'static str = "Sends messages to a web hook.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = PutParams;
    type Version = PutTime;

    async fn put(&self, cx: &Context, put: Put<'_, Self>) -> Result<Outcome<PutTime>> {
        let mut text = put.params.text;
        if let Some(file) = &put.params.file {
            text += &std::fs::read_to_string(put.sources.join(file)).config("params.file")?;
        }
        let http = cx.http().build()?;
        let request = http
            .post(put.source.hook.expose())
            .json(&serde_json::json!({ "text": text }));
        request.send().await?.success()?;
        Ok(Outcome::new(PutTime::now(cx)).row(("text", text)))
    }
}

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(Notifier)
}
