//! A resource that misbehaves as it is told: the SDK's own tests drive it. `interval.rs` is the example to learn from.

use std::time::Duration;

use concourse_resource_sdk::compat::{Compat, ErrorExt as _};
use concourse_resource_sdk::{
    AbortGuard, Check, Config, Context, Error, Get, KeyPolicy, NoParams, Outcome, Resource, Result,
    ResultExt as _, Secret, Step, UnknownKeys, Validator, VersionMap,
};

struct Probe;

/// What the commands do.
#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default)]
struct Source {
    /// What a check does.
    action: Action,
    /// Where something is.
    uri: String,
    /// A password.
    password: Secret,
    /// A file that clean-ups write.
    mark: String,
}

#[derive(Default, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Action {
    #[default]
    Nothing,
    /// Panics.
    Panic,
    /// Panics in a blocking task.
    PanicInBlocking,
    /// Says everything that it knows.
    Leak,
    /// Fails with everything that it knows.
    FailLeaking,
    /// Waits for ever.
    Wait,
    /// Blocks the runtime for ever.
    Block,
    /// Waits for blocking work that never ends.
    WaitForBlocking,
    /// Waits, and its clean-up does too.
    SlowCleanup,
    /// Prints to stdout, as a library may.
    Print,
    /// Counts the checks in the cache.
    Cache,
}

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        if self.uri == "bad" {
            v.add([Error::config("source.uri", "this uri is bad").verbatim().exit(7)]);
        }
    }
}

impl Resource for Probe {
    const NAME: &'static str = "probe";
    const ABOUT: &'static str = "Misbehaves as it is told.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const KEYS: KeyPolicy = KeyPolicy::WARN.source(Step::Check, UnknownKeys::Reject);
    const COMPAT: Compat = Compat::NONE.wrong_type_exit(5);
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = VersionMap;

    async fn check(&self, cx: &Context, check: Check<Self>) -> Result<Vec<VersionMap>> {
        let Check { source, from, .. } = check;
        let password = source.password.expose().to_owned();
        match source.action {
            Action::Nothing => Ok(from.into_iter().collect()),
            Action::Panic => panic!("with {password}"),
            Action::PanicInBlocking => cx.blocking(move || panic!("with {password}")).await,
            Action::Leak => {
                cx.log().set_trace(true);
                cx.log().line(format!("line {password}"));
                cx.log().warn(format!("warning {password:?}"));
                cx.log()
                    .trace(format!("trace {} {}", source.uri, std::process::id()));
                Ok(Vec::new())
            }
            Action::FailLeaking => Err(Error::remote(format!("cannot reach {}", source.uri))
                .cause(format!("{password} was refused"))
                .hint("ask for another password")
                .exit(3)),
            Action::Wait => {
                let _guard = mark_on_abort(cx, &source.mark, Duration::ZERO);
                cx.log().line("waiting");
                std::future::pending().await
            }
            Action::SlowCleanup => {
                let _guards = [
                    mark_on_abort(cx, &source.mark, Duration::ZERO),
                    mark_on_abort(cx, "/nonexistent", Duration::from_secs(60)),
                ];
                cx.log().line("waiting");
                std::future::pending().await
            }
            Action::Block => {
                cx.log().line("waiting");
                loop {
                    std::thread::sleep(Duration::from_secs(60));
                }
            }
            Action::WaitForBlocking => {
                cx.log().line("waiting");
                cx.blocking(|| std::thread::sleep(Duration::from_secs(60))).await;
                Ok(Vec::new())
            }
            Action::Print => {
                #[expect(clippy::print_stdout, reason = "it misbehaves")]
                {
                    println!("printed by the resource");
                }
                let child = std::process::Command::new("echo")
                    .arg("printed by a child")
                    .status();
                child.map_err(|error| Error::internal("failed to run echo").cause(error))?;
                Ok(vec![VersionMap::new("ref", "a")])
            }
            Action::Cache => Ok(vec![VersionMap::new("checks", checks(cx).to_string())]),
        }
    }

    async fn get(&self, cx: &Context, get: Get<'_, Self>) -> Result<Outcome<VersionMap>> {
        std::fs::write(get.dest.join("cached"), cx.cache().is_some().to_string())
            .internal("failed to write")?;
        get.into_version().map(Outcome::new)
    }
}

fn mark_on_abort(cx: &Context, mark: &str, delay: Duration) -> AbortGuard {
    let mark = mark.to_owned();
    cx.on_abort(async move {
        tokio::time::sleep(delay).await;
        let _ = std::fs::write(mark, "cleaned up");
    })
}

/// How many checks this cache has seen, this one included; 0 without a cache.
fn checks(cx: &Context) -> usize {
    let Some(cache) = cx.cache() else { return 0 };
    let file = cache.path().join("checks");
    let seen = std::fs::read(&file).map_or(0, |bytes| bytes.len()) + 1;
    let _ = std::fs::write(file, vec![b'.'; seen]);
    seen
}

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(Probe)
}
