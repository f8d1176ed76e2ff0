//! Runs a resource as an executable.

mod output;
mod process;

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub use self::output::{Ended, Output};
use self::process::{Trigger, When};

/// A signal to send to what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// What Concourse sends to abort.
    Term,
    /// What a terminal sends for Ctrl-C.
    Int,
    /// What cannot be caught.
    Kill,
}

/// An executable to be run once, with everything around it under control.
///
/// It sees an environment of `PATH`, `HOME` and `TMPDIR` only, the latter two empty directories of its own. They, and what
/// was written there, live as long as the [`Output`].
pub struct Run {
    executable: PathBuf,
    called: Option<&'static str>,
    args: Vec<OsString>,
    input: Vec<u8>,
    env: Vec<(OsString, Option<OsString>)>,
    dir: Option<PathBuf>,
    work: Option<PathBuf>,
    tmp: Option<PathBuf>,
    home: Option<PathBuf>,
    stdin: Input,
    stdout: Out,
    stderr: Out,
    limit: Duration,
    triggers: Vec<Trigger>,
    answers_and_fails: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Written,
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Out {
    Read,
    /// No file descriptor at all.
    Closed,
    /// A pipe that nobody reads.
    Broken,
    /// A full disk.
    Full,
}

impl Run {
    /// Runs the executable as `check`.
    #[must_use]
    pub fn check(executable: impl AsRef<Path>) -> Self {
        Self::new(executable.as_ref(), Some("check"))
    }

    /// Runs the executable as `in`, with an empty destination of its own unless [`Run::work`] names one.
    #[must_use]
    pub fn get(executable: impl AsRef<Path>) -> Self {
        Self::new(executable.as_ref(), Some("in"))
    }

    /// Runs the executable as `out`, with an empty directory of sources unless [`Run::work`] names one.
    #[must_use]
    pub fn put(executable: impl AsRef<Path>) -> Self {
        Self::new(executable.as_ref(), Some("out"))
    }

    /// Runs the executable by its own name, as people do.
    #[must_use]
    pub fn command(executable: impl AsRef<Path>) -> Self {
        Self::new(executable.as_ref(), None)
    }

    fn new(executable: &Path, called: Option<&'static str>) -> Self {
        Self {
            executable: executable.to_owned(),
            called,
            args: Vec::new(),
            input: Vec::new(),
            env: Vec::new(),
            dir: None,
            work: None,
            tmp: None,
            home: None,
            stdin: Input::Written,
            stdout: Out::Read,
            stderr: Out::Read,
            limit: Duration::from_secs(60),
            triggers: Vec::new(),
            answers_and_fails: false,
        }
    }

    /// The request on stdin.
    #[must_use]
    pub fn request(self, request: &Value) -> Self {
        self.stdin(request.to_string())
    }

    /// These bytes on stdin.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Adds an argument; `in` and `out` have their directory as the first.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable away, `HOME` for example.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Runs in this directory instead of `/`.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// The destination of a get or the sources of a put.
    #[must_use]
    pub fn work(mut self, dir: impl Into<PathBuf>) -> Self {
        self.work = Some(dir.into());
        self
    }

    /// Uses this `TMPDIR`, for example the same one for two checks of one container.
    #[must_use]
    pub fn tmpdir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.tmp = Some(dir.into());
        self
    }

    /// Uses this `HOME`.
    #[must_use]
    pub fn home(mut self, dir: impl Into<PathBuf>) -> Self {
        self.home = Some(dir.into());
        self
    }

    /// Runs without a stdin.
    #[must_use]
    pub fn closed_stdin(mut self) -> Self {
        self.stdin = Input::Closed;
        self
    }

    /// Runs without a stderr.
    #[must_use]
    pub fn closed_stderr(mut self) -> Self {
        self.stderr = Out::Closed;
        self
    }

    /// Runs with a stderr that nobody reads: writing to it fails.
    #[must_use]
    pub fn broken_stderr(mut self) -> Self {
        self.stderr = Out::Broken;
        self
    }

    /// Runs without a stdout.
    #[must_use]
    pub fn closed_stdout(mut self) -> Self {
        self.stdout = Out::Closed;
        self
    }

    /// Runs with a stdout on a full disk: writing to it fails.
    #[must_use]
    pub fn full_stdout(mut self) -> Self {
        self.stdout = Out::Full;
        self
    }

    /// Expects an answer on stdout although the command fails, where a contract has it so.
    #[must_use]
    pub fn answers_and_fails(mut self) -> Self {
        self.answers_and_fails = true;
        self
    }

    /// Kills what runs longer, and fails; a minute unless told.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends a signal after so long.
    #[must_use]
    pub fn signal_after(mut self, delay: Duration, signal: Signal) -> Self {
        self.triggers.push(Trigger {
            when: When::After(delay),
            signal,
        });
        self
    }

    /// Sends a signal once stderr contains this text.
    #[must_use]
    pub fn signal_on_stderr(mut self, text: impl Into<String>, signal: Signal) -> Self {
        self.triggers.push(Trigger {
            when: When::Stderr(text.into()),
            signal,
        });
        self
    }

    /// Sends a signal once something holds, such as `move || server.count() == 1`.
    #[must_use]
    pub fn signal_when(mut self, holds: impl Fn() -> bool + Send + 'static, signal: Signal) -> Self {
        self.triggers.push(Trigger {
            when: When::Holds(Box::new(holds)),
            signal,
        });
        self
    }

    /// Runs it and waits for its end.
    ///
    /// # Panics
    /// If it cannot be started, exceeds its limit, leaves a process behind that holds its output, or, as a protocol
    /// command, has not exactly one JSON document on stdout on success and nothing on failure.
    #[must_use]
    #[track_caller]
    pub fn run(mut self) -> Output {
        let scratch = tempfile::Builder::new()
            .prefix("run-")
            .tempdir()
            .expect("a temporary directory");
        let work = self
            .work
            .take()
            .unwrap_or_else(|| made(scratch.path().join("work")));
        let command = self.prepared(&scratch, &work);
        let finished = process::finish(command, &self);
        let output = Output::new(finished, work, scratch);
        if self.called.is_some() && self.stdout == Out::Read && !self.answers_and_fails {
            output.assert_clean_stdout();
        }
        output
    }

    fn prepared(&self, scratch: &TempDir, work: &Path) -> Command {
        let executable = std::path::absolute(&self.executable).expect("a working directory");
        let program = match self.called {
            None => executable,
            Some(name) => {
                let link = made(scratch.path().join("opt/resource")).join(name);
                std::os::unix::fs::symlink(executable, &link).expect("a link to the executable");
                link
            }
        };
        let mut command = redirected(&program, self.stdin, self.stdout, self.stderr);
        if matches!(self.called, Some("in" | "out")) {
            command.arg(work);
        }
        command
            .args(&self.args)
            .env_clear()
            .current_dir(self.dir.as_deref().unwrap_or(Path::new("/")));
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env(
            "HOME",
            self.home
                .clone()
                .unwrap_or_else(|| made(scratch.path().join("home"))),
        );
        command.env(
            "TMPDIR",
            self.tmp
                .clone()
                .unwrap_or_else(|| made(scratch.path().join("tmp"))),
        );
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// A command with its three streams. Only a shell can close one without `unsafe`.
fn redirected(program: &Path, stdin: Input, stdout: Out, stderr: Out) -> Command {
    let mut closing = String::new();
    for (closed, redirection) in [
        (stdin == Input::Closed, " <&-"),
        (stdout == Out::Closed, " >&-"),
        (stderr == Out::Closed, " 2>&-"),
    ] {
        if closed {
            closing.push_str(redirection);
        }
    }
    let mut command = if closing.is_empty() {
        Command::new(program)
    } else {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("exec \"$@\"{closing}"))
            .arg("sh")
            .arg(program);
        command
    };
    command.stdin(if stdin == Input::Closed {
        Stdio::null()
    } else {
        Stdio::piped()
    });
    command.stdout(sink(stdout)).stderr(sink(stderr));
    command
}

fn sink(out: Out) -> Stdio {
    match out {
        Out::Read | Out::Broken => Stdio::piped(),
        Out::Closed => Stdio::null(),
        Out::Full => std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full")
            .into(),
    }
}

fn made(dir: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&dir).expect("a directory in the temporary one");
    dir
}
