//! One command from its first byte to its exit status, for the protocol and for the command line.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures_util::FutureExt;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::abort::Abort;
use crate::build::BuildMetadata;
use crate::config::Step;
use crate::console::{Console, Style};
use crate::context::Context;
use crate::decode::{self, input};
use crate::erased::{Answer, ErasedResource, Request};
use crate::error::{Error, Result};
use crate::panics;
use crate::stdout::AnswerPipe;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Concourse: JSON in, JSON out, a cache between checks.
    Protocol,
    /// A person or a script: JSON or YAML in, no cache.
    #[cfg(feature = "cli")]
    CommandLine,
}

impl Mode {
    pub(crate) fn console(self) -> Console {
        Console::stderr(match self {
            Self::Protocol => Style::protocol(),
            #[cfg(feature = "cli")]
            Self::CommandLine => Style::terminal(),
        })
    }
}

/// What is run.
pub(crate) struct Command<'a> {
    pub(crate) resource: &'a dyn ErasedResource,
    pub(crate) mode: Mode,
    pub(crate) step: Step,
    /// The destination of a get, the sources of a put.
    pub(crate) directory: &'a Path,
    /// How the answer is written.
    pub(crate) show: fn(&Value) -> String,
}

impl Command<'_> {
    /// Runs the command and answers the exit status.
    pub(crate) fn execute(self, console: &Console) -> u8 {
        // What a get writes is for tasks that run as any user.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        panics::install_hook();
        let stdout = AnswerPipe::take();
        // The hook was called: nothing that panicked is used afterwards.
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.run(console, &stdout)));
        let failure = match ran {
            Ok(Ok(status)) => return status,
            Ok(Err(failure)) => failure,
            Err(_) => panics::as_error(self.resource.name()),
        };
        console.failure(&failure);
        // A failure that ends with success would pass for an answer.
        failure.exit_status().max(1)
    }

    fn run(&self, console: &Console, stdout: &AnswerPipe) -> Result<u8> {
        let abort = Abort::listen(console.clone())
            .map_err(|error| Error::internal("failed to listen for signals").cause(error))?;
        let mut value = self.read(console)?;
        if self.resource.compat().keys_ignore_case {
            decode::fold_keys(&mut value, &["source", "version", "params"]);
        }
        let request = input::request(value.clone(), self.resource.compat().wrong_type_exit)?;
        let cx = self.context(console, value, &request);
        let runtime = runtime()?;
        let ran = runtime.block_on(abort.guard(&cx, self.command(&cx, request)));
        // Blocking work that was left behind is not waited for.
        runtime.shutdown_background();
        match ran {
            Ok(answer) => self.finish(answer?, stdout),
            Err(status) => Ok(status),
        }
    }

    fn finish(&self, answer: Answer, stdout: &AnswerPipe) -> Result<u8> {
        let text = (self.show)(&answer.value) + "\n";
        let written = stdout.write(&text);
        written.map_err(|error| Error::internal("failed to write the answer to stdout").cause(error))?;
        answer.failure.map_or(Ok(0), Err)
    }

    fn read(&self, console: &Console) -> Result<Value> {
        let stdin = std::io::stdin().lock();
        match self.mode {
            Mode::Protocol => {
                let _ = console;
                input::read_json(stdin)
            }
            #[cfg(feature = "cli")]
            Mode::CommandLine => self.read_of_a_person(stdin, console),
        }
    }

    #[cfg(feature = "cli")]
    fn read_of_a_person(&self, stdin: impl std::io::Read, console: &Console) -> Result<Value> {
        let params = crate::erased::Part::params_of(self.step).map(|part| self.resource.schema(part));
        let source = self.resource.schema(crate::erased::Part::Source);
        let value = input::read_json_or_yaml(stdin, &source, &params.unwrap_or_default())?;
        for warning in input::unknown_parts(&value, self.step) {
            console.warn(warning);
        }
        Error::all(decode::unresolved(&value)).map_or(Ok(value), Err)
    }

    fn context(&self, console: &Console, value: Value, request: &Request) -> Context {
        let mut builder = Context::builder(self.resource.name(), self.step)
            .console(console.clone())
            .build_metadata(BuildMetadata::from_env())
            .request(value);
        #[cfg(feature = "http")]
        {
            builder = builder.version(self.resource.version());
        }
        if self.mode == Mode::Protocol && self.step == Step::Check {
            builder = builder.cached(Value::Object(request.source.clone()));
        }
        builder.finish()
    }

    async fn command(&self, cx: &Context, request: Request) -> Result<Answer> {
        AssertUnwindSafe(self.resource.run(cx, request, self.directory))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(panics::as_error(self.resource.name())))
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("failed to start the runtime").cause(error))
}
