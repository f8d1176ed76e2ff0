//! What the params ask for, with the files that they name. CONTRACT 4 and 7.

use std::path::{Path, PathBuf};

use concourse_resource_sdk::{Error, Result};

use crate::config::PutParams;
use crate::pool::{Name, Operation, State};

/// One operation.
pub(crate) struct Job {
    pub(crate) operation: Operation,
    /// What is being done, as errors have it.
    pub(crate) doing: &'static str,
    /// The directory of the lock, where one was given.
    pub(crate) directory: Option<PathBuf>,
}

/// The operations in the order in which they are done. All files are read here, once.
pub(super) fn jobs(params: &PutParams, sources: &Path, build_url: &str) -> Result<Vec<Job>> {
    let mut jobs = Jobs {
        sources,
        jobs: Vec::new(),
    };
    if params.acquire == Some(true) {
        jobs.push(Operation::Acquire, "acquiring lock", None);
    }
    jobs.of(params.release.as_ref(), "releasing lock", "", |lock| {
        // A put that was aborted or timed out left no directory: its `ensure` frees what it claimed, if it did.
        if !build_url.is_empty() && !lock.directory.exists() {
            return Ok(Operation::ReleaseOurs);
        }
        Ok(Operation::Release(lock.name()?))
    })?;
    jobs.of(params.add.as_ref(), "adding lock", NAME_FILE, |lock| {
        Ok(Operation::Add(State::Unclaimed, lock.name()?, lock.metadata()?))
    })?;
    jobs.of(
        params.add_claimed.as_ref(),
        "adding pre-claimed lock",
        NAME_FILE,
        |lock| Ok(Operation::Add(State::Claimed, lock.name()?, lock.metadata()?)),
    )?;
    jobs.of(params.remove.as_ref(), "removing lock", "", |lock| {
        Ok(Operation::Remove(lock.name()?))
    })?;
    if let Some(name) = params.claim.as_ref().filter(|name| !name.is_empty()) {
        let name = name.clone().into_bytes();
        check(&name).map_err(|text| Error::config("params.claim", text))?;
        jobs.push(Operation::Claim(name), "claiming lock", None);
    }
    jobs.of(params.update.as_ref(), "updating lock", NAME_FILE, |lock| {
        Ok(Operation::Update(lock.name()?, lock.metadata()?))
    })?;
    jobs.of(params.check.as_ref(), "checking lock", FILE_NAME, |lock| {
        Ok(Operation::Check(State::Claimed, lock.name()?))
    })?;
    jobs.of(
        params.check_unclaimed.as_ref(),
        "checking unclaimed lock",
        FILE_NAME,
        |lock| Ok(Operation::Check(State::Unclaimed, lock.name()?)),
    )?;
    Ok(jobs.jobs)
}

/// CONTRACT 7, what is said of a name that cannot be read: one of two ways.
const NAME_FILE: &str = "could not read the name file of your lock: ";
const FILE_NAME: &str = "could not read the file name of your lock: ";

struct Jobs<'a> {
    sources: &'a Path,
    jobs: Vec<Job>,
}

impl Jobs<'_> {
    /// An operation on a lock whose directory was given.
    fn of(
        &mut self,
        directory: Option<&String>,
        doing: &'static str,
        unreadable: &'static str,
        operation: impl Fn(&Files<'_>) -> Result<Operation>,
    ) -> Result<()> {
        let Some(directory) = directory.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        // A path is below the build's directory, however it begins.
        let directory = self.sources.join(directory.trim_start_matches('/'));
        let operation = operation(&Files {
            directory: &directory,
            doing,
            unreadable,
        })?;
        self.push(operation, doing, Some(directory));
        Ok(())
    }

    fn push(&mut self, operation: Operation, doing: &'static str, directory: Option<PathBuf>) {
        self.jobs.push(Job {
            operation,
            doing,
            directory,
        });
    }
}

/// The files of a lock.
struct Files<'a> {
    directory: &'a Path,
    doing: &'static str,
    /// What is said where `name` cannot be read.
    unreadable: &'static str,
}

impl Files<'_> {
    fn name(&self) -> Result<Name> {
        let content = self.read("name", self.unreadable)?;
        let name = content.trim_ascii().to_vec();
        let problem = |text| {
            let file = self.directory.join("name");
            Error::internal(format!("error {}: {} {text}", self.doing, file.display()))
        };
        check(&name).map_err(problem)?;
        Ok(name)
    }

    fn metadata(&self) -> Result<Vec<u8>> {
        self.read("metadata", "could not read the metadata file of your lock: ")
    }

    fn read(&self, name: &str, unreadable: &str) -> Result<Vec<u8>> {
        let file = self.directory.join(name);
        std::fs::read(&file).map_err(|error| {
            let text = format!("error {}: {unreadable}{}: {error}", self.doing, file.display());
            Error::internal(text).hint(
                "name the directory of a lock as a get step left it, or a task's output with these files",
            )
        })
    }
}

/// The longest name of a file that Linux takes, in bytes.
const LONGEST_NAME: usize = 255;

/// CONTRACT F8: what would be written elsewhere, or nowhere.
fn check(name: &[u8]) -> Result<(), String> {
    let shown = String::from_utf8_lossy(name);
    match name {
        b"" => Err("names no lock: it is empty".to_owned()),
        b"." | b".." | b".git" => Err(format!("\"{shown}\" cannot be the name of a lock")),
        _ if name.contains(&b'/') => Err(format!(
            "\"{shown}\" cannot be the name of a lock: it has a slash"
        )),
        _ if name.len() > LONGEST_NAME => Err(format!(
            "a name of {} bytes cannot be the name of a lock, which is a file: {LONGEST_NAME} are the most",
            name.len()
        )),
        _ if name.contains(&0) || name.contains(&b'\n') => Err(format!(
            "{shown:?} cannot be the name of a lock: it is more than one line"
        )),
        _ => Ok(()),
    }
}
