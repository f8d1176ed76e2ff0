//! One binary: called as `check`, `in` or `out` it is the protocol, by any other name the command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

#[cfg(feature = "cli")]
use crate::cli;
use crate::command::{Command, Mode};
use crate::config::Step;
use crate::erased::ErasedResource;
use crate::resource::Resource;

/// Runs a resource; all that its `main` has to do.
///
/// ```no_run
/// # use concourse_resource_sdk::{Resource, VersionMap, config::NoParams};
/// # struct Clock;
/// # #[derive(Default, serde::Deserialize, schemars::JsonSchema)] struct Source {}
/// # impl concourse_resource_sdk::Config for Source {}
/// # impl Resource for Clock {
/// #     const NAME: &'static str = "clock"; const ABOUT: &'static str = ""; const VERSION: &'static str = "1.0.0";
/// #     type Source = Source; type GetParams = NoParams; type PutParams = NoParams; type Version = VersionMap;
/// # }
/// fn main() -> std::process::ExitCode {
///     concourse_resource_sdk::main(Clock)
/// }
/// ```
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a resource is made to be run, and `main(Clock)` reads well"
)]
pub fn main(resource: impl Resource) -> ExitCode {
    run(&resource, std::env::args_os())
}

/// Runs a resource with these arguments, the program's name first.
pub fn run(resource: &dyn ErasedResource, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map(OsString::as_os_str).unwrap_or_default();
    ExitCode::from(match protocol_step(program) {
        Some(step) => protocol(resource, step, program, arguments.get(1)),
        #[cfg(feature = "cli")]
        None => cli::run(resource, arguments),
        #[cfg(not(feature = "cli"))]
        None => {
            let text = "this program is called as check, in or out: link it by these names";
            Mode::Protocol.console().line(text);
            1
        }
    })
}

fn protocol_step(program: &OsStr) -> Option<Step> {
    let name = Path::new(program).file_name()?;
    [Step::Check, Step::Get, Step::Put]
        .into_iter()
        .find(|step| name == step.executable())
}

fn protocol(resource: &dyn ErasedResource, step: Step, program: &OsStr, directory: Option<&OsString>) -> u8 {
    let console = Mode::Protocol.console();
    let directory = match (step, directory) {
        (Step::Check, _) => Path::new(""),
        (_, Some(directory)) if !directory.is_empty() => Path::new(directory),
        _ => {
            console.line((resource.compat().usage)(&program.display().to_string(), step));
            return 1;
        }
    };
    let show = |answer: &serde_json::Value| answer.to_string();
    Command {
        resource,
        mode: Mode::Protocol,
        step,
        directory,
        show,
    }
    .execute(&console)
}
