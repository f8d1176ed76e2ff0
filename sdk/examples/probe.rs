//! A resource that misbehaves as it is told: the SDK's own tests drive it. `interval.rs` is the example to learn from.

use std::path::Path;
use std::time::Duration;

use concourse_resource_sdk::config::NoParams;
use concourse_resource_sdk::{
    AbortGuard, Config, Context, Error, KeyPolicy, Outcome, Problem, Resource, Result, Secret, Step,
    UnknownKeys, Version,
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
    fn problems(&self, _: Step) -> Vec<Problem> {
        if self.uri == "bad" {
            vec![Problem::verbatim("source.uri", "this uri is bad").exit(7)]
        } else {
            Vec::new()
        }
    }
}

impl Resource for Probe {
    const NAME: &'static str = "probe";
    const ABOUT: &'static str = "Misbehaves as it is told.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const KEYS: KeyPolicy = KeyPolicy {
        check_source: UnknownKeys::Reject,
        ..KeyPolicy::WARN
    };
    const WRONG_TYPE_EXIT: u8 = 5;
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = Version;

    async fn check(&self, cx: &Context, source: Source, from: Option<Version>) -> Result<Vec<Version>> {
        let password = source.password.expose().to_owned();
        match source.action {
            Action::Nothing => Ok(from.into_iter().collect()),
            Action::Panic => panic!("with {password}"),
            Action::PanicInBlocking => blocking(move || panic!("with {password}")).await,
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
                blocking(|| std::thread::sleep(Duration::from_secs(60))).await;
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
                Ok(vec![Version::new("ref", "a")])
            }
            Action::Cache => Ok(vec![Version::new("checks", checks(cx).to_string())]),
        }
    }

    async fn get(
        &self,
        cx: &Context,
        _: Source,
        version: Option<Version>,
        _: NoParams,
        dest: &Path,
    ) -> Result<Outcome<Self>> {
        std::fs::write(dest.join("cached"), cx.cache().is_some().to_string())
            .map_err(|error| Error::internal("failed to write").cause(error))?;
        version
            .map(Outcome::new)
            .ok_or_else(|| Problem::new("version", "is required").into())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
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
