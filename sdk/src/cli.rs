//! The command line: the same commands, for people and scripts.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde_json::Value;

use crate::command::{Command, Mode};
use crate::config::Step;
use crate::docs;
use crate::erased::{ErasedResource, Part};
use crate::table;

/// The status of a command line that cannot be understood.
const USAGE_STATUS: u8 = 2;

/// Runs the command that the arguments name and answers the exit status.
pub(crate) fn run(resource: &dyn ErasedResource, arguments: Vec<OsString>) -> u8 {
    let matches = match parser(resource).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // A closed stdout or stderr: there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { USAGE_STATUS } else { 0 };
        }
    };
    match matches.subcommand() {
        Some(("check", arguments)) => command(resource, Step::Check, arguments),
        Some(("get", arguments)) => command(resource, Step::Get, arguments),
        Some(("put", arguments)) => command(resource, Step::Put, arguments),
        Some(("schema", arguments)) => schema(resource, arguments),
        _ => USAGE_STATUS,
    }
}

fn parser(resource: &dyn ErasedResource) -> clap::Command {
    let name = format!("{}-resource", resource.name());
    let source = docs::help(resource, Part::Source);
    let json = || {
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Print the answer of the protocol, also on a terminal")
    };
    let request = "The request is read from stdin, as JSON or YAML";
    let directory = |name: &'static str| {
        Arg::new("directory")
            .value_name(name)
            .required(true)
            .value_parser(value_parser!(PathBuf))
    };
    clap::Command::new(name.clone())
        .bin_name(name)
        .version(resource.version())
        .about(resource.about())
        .after_help("Called as check, in or out, this program speaks the protocol of Concourse instead.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("check")
                .about("Look for new versions")
                .long_about(format!("Look for new versions. {request}: source, version."))
                .after_help(source.clone())
                .arg(json()),
        )
        .subcommand(
            clap::Command::new("get")
                .about("Fetch a version into a directory")
                .long_about(format!(
                    "Fetch a version into a directory. {request}: source, version, params."
                ))
                .after_help(format!("{source}\n{}", docs::help(resource, Part::GetParams)))
                .arg(directory("DEST").help("Directory to write to, made if absent"))
                .arg(json()),
        )
        .subcommand(
            clap::Command::new("put")
                .about("Make a new version from a directory")
                .long_about(format!(
                    "Make a new version from a directory. {request}: source, params."
                ))
                .after_help(format!("{source}\n{}", docs::help(resource, Part::PutParams)))
                .arg(directory("SRC").help("Directory that holds the inputs of the step"))
                .arg(json()),
        )
        .subcommand(
            clap::Command::new("schema")
                .about("Print the JSON Schema of what people write")
                .arg(
                    Arg::new("part")
                        .value_parser(["source", "get", "put", "version"])
                        .help("One part; all of them if absent"),
                ),
        )
}

fn command(resource: &dyn ErasedResource, step: Step, arguments: &ArgMatches) -> u8 {
    let console = Mode::CommandLine.console();
    if std::io::stdin().is_terminal() {
        console.heading("Reading the request from the terminal, as JSON or YAML; end it with Ctrl-D.");
    }
    let directory = match step {
        Step::Check => Path::new(""),
        Step::Get | Step::Put => arguments
            .get_one::<PathBuf>("directory")
            .map_or(Path::new(""), PathBuf::as_path),
    };
    let is_for_people = std::io::stdout().is_terminal() && !arguments.get_flag("json");
    let show = if is_for_people {
        table::answer
    } else {
        |answer: &Value| answer.to_string()
    };
    Command {
        resource,
        mode: Mode::CommandLine,
        step,
        directory,
        show,
    }
    .execute(&console)
}

fn schema(resource: &dyn ErasedResource, arguments: &ArgMatches) -> u8 {
    let schema = match arguments.get_one::<String>("part").map(String::as_str) {
        Some("version") => docs::version_schema(),
        Some(name) => match Part::ALL.into_iter().find(|part| part.name() == name) {
            Some(part) => resource.schema(part),
            None => return USAGE_STATUS,
        },
        None => docs::all_schemas(resource),
    };
    match writeln!(std::io::stdout(), "{schema:#}") {
        Ok(()) => 0,
        Err(_) => 1,
    }
}
