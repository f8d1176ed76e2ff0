//! Runs a resource's commands without an executable.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::config::Step;
use crate::context::Context;
use crate::decode::input;
use crate::erased::ErasedResource;
use crate::error::{Error, Result};

/// Runs `check` in this process, as a request of Concourse would: decoding, secrets, rules, the command. No runtime is needed, nor in the way.
///
/// ```
/// # use concourse_resource_sdk::{Check, Config, Context, NoParams, Resource, Result, VersionMap};
/// # #[derive(serde::Deserialize, schemars::JsonSchema)] struct Source { number: u32 }
/// # impl Config for Source {}
/// # struct Echo;
/// # impl Resource for Echo {
/// #     const NAME: &'static str = "echo"; const ABOUT: &'static str = ""; const VERSION: &'static str = "1.0.0";
/// #     type Source = Source; type GetParams = NoParams; type PutParams = NoParams; type Version = VersionMap;
/// #     async fn check(&self, _: &Context, check: Check<Self>) -> Result<Vec<VersionMap>> {
/// #         Ok(vec![VersionMap::new("number", check.source.number.to_string())])
/// #     }
/// # }
/// use concourse_resource_sdk::testing::check;
/// use serde_json::json;
///
/// let checked = check(&Echo, &json!({ "source": { "number": 7 } }));
/// assert_eq!(checked.ok(), json!([{ "number": "7" }]));
/// let checked = check(&Echo, &json!({ "source": {} }));
/// assert_eq!(checked.error(), "source.number: is required");
/// ```
pub fn check(resource: &dyn ErasedResource, request: &Value) -> Answered {
    run(resource, Step::Check, request, Path::new(""))
}

/// Runs `in` in this process; `dest` is made if it is not there. See [`check`].
pub fn get(resource: &dyn ErasedResource, request: &Value, dest: impl AsRef<Path>) -> Answered {
    run(resource, Step::Get, request, dest.as_ref())
}

/// Runs `out` in this process, with the inputs below `sources`. See [`check`].
pub fn put(resource: &dyn ErasedResource, request: &Value, sources: impl AsRef<Path>) -> Answered {
    run(resource, Step::Put, request, sources.as_ref())
}

/// What a command in this process came to.
#[derive(Debug)]
pub struct Answered {
    answer: Result<Value>,
    /// The build log, plain and without secrets.
    pub log: String,
}

impl Answered {
    /// The answer of the protocol.
    ///
    /// # Panics
    /// If the command failed.
    #[track_caller]
    pub fn ok(&self) -> Value {
        match &self.answer {
            Ok(answer) => answer.clone(),
            Err(error) => panic!("the command failed: {error}\n--- log\n{}", self.log),
        }
    }

    /// What the log would say of the failure.
    ///
    /// # Panics
    /// If there was none.
    #[track_caller]
    pub fn error(&self) -> String {
        match &self.answer {
            Ok(answer) => panic!("the command answered {answer}\n--- log\n{}", self.log),
            Err(error) => error.to_string(),
        }
    }
}

fn run(resource: &dyn ErasedResource, step: Step, request: &Value, directory: &Path) -> Answered {
    // A thread of its own, because a test may run in a runtime.
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| run_here(resource, step, request, directory));
        ran.join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run_here(resource: &dyn ErasedResource, step: Step, request: &Value, directory: &Path) -> Answered {
    let log = Log::default();
    let cx = Context::builder(resource.name(), step)
        .request(request.clone())
        .without_proxies()
        .log_to(log.clone())
        .finish();
    let answer = input::request(request.clone(), resource.compat().wrong_type_exit).and_then(|request| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let answer = runtime.block_on(resource.run(&cx, request, directory))?;
        answer.failure.map_or(Ok(answer.value), Err)
    });
    let answer = answer.map_err(|error: Error| error.reworded(|text| cx.log().redacted(text)));
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    Answered {
        answer,
        log: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
