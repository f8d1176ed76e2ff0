//! What a run left.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::process::Finished;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What a run left: its end, its output, its costs, and its directories.
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr, with its colours.
    pub raw_stderr: String,
    /// What it wrote to stderr, without escape sequences.
    pub stderr: String,
    /// How long it took.
    pub wall: Duration,
    /// The CPU time it took, user and system, with the processes it waited for.
    pub cpu: Duration,
    /// Its memory at its largest, in bytes. Never less than that of the process that ran it: the kernel counts what was
    /// there before the executable was loaded.
    pub max_rss: u64,
    /// How long it took to end after the first signal that was sent to it.
    pub after_signal: Option<Duration>,
    work: PathBuf,
    scratch: TempDir,
}

impl Output {
    pub(super) fn new(finished: Finished, work: PathBuf, scratch: TempDir) -> Self {
        let status = finished.usage.status;
        let ended = match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Code(code),
            (None, signal) => Ended::Signal(signal.unwrap_or_default()),
        };
        let raw_stderr = String::from_utf8_lossy(&finished.stderr).into_owned();
        Self {
            ended,
            stdout: finished.stdout,
            stderr: without_escapes(&raw_stderr),
            raw_stderr,
            wall: finished.wall,
            cpu: finished.usage.rusage.utime + finished.usage.rusage.stime,
            max_rss: finished.usage.rusage.maxrss,
            after_signal: finished.after_signal,
            work,
            scratch,
        }
    }

    /// The destination of the get, the sources of the put.
    #[must_use]
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The `TMPDIR` it had, unless the run was given one.
    #[must_use]
    pub fn tmp(&self) -> PathBuf {
        self.scratch.path().join("tmp")
    }

    /// The `HOME` it had, unless the run was given one.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.scratch.path().join("home")
    }

    /// The answer of a run that succeeded.
    ///
    /// # Panics
    /// If it did not, or stdout is not exactly one JSON document.
    #[expect(
        clippy::must_use_candidate,
        reason = "that it succeeded is often all that is asked"
    )]
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.ended, Ended::Code(0), "expected success\n{self}");
        match serde_json::from_slice(&self.stdout) {
            Ok(answer) => answer,
            Err(error) => panic!("stdout is not one JSON document: {error}\n{self}"),
        }
    }

    /// What a command for people wrote to stdout when it succeeded.
    ///
    /// # Panics
    /// If it did not, or it wrote no UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> &str {
        assert_eq!(self.ended, Ended::Code(0), "expected success\n{self}");
        match str::from_utf8(&self.stdout) {
            Ok(text) => text,
            Err(error) => panic!("stdout is not UTF-8: {error}\n{self}"),
        }
    }

    /// Asserts that it failed with this status, cleanly: nothing on stdout, a message on stderr.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn fails(&self, code: i32) -> &Self {
        assert_eq!(self.ended, Ended::Code(code), "expected a failure\n{self}");
        assert!(self.stdout.is_empty(), "stdout is not empty\n{self}");
        assert!(
            !self.stderr.trim().is_empty(),
            "there is no message on stderr\n{self}"
        );
        self
    }

    /// The answer of a run that failed with this status all the same; see [`Run::answers_and_fails`](super::Run::answers_and_fails).
    ///
    /// # Panics
    /// If it ended otherwise, or stdout is not exactly one JSON document.
    #[must_use]
    #[track_caller]
    pub fn answer_of_failure(&self, code: i32) -> Value {
        assert_eq!(self.ended, Ended::Code(code), "expected a failure\n{self}");
        match serde_json::from_slice(&self.stdout) {
            Ok(answer) => answer,
            Err(error) => panic!("stdout is not one JSON document: {error}\n{self}"),
        }
    }

    /// The first line on stderr that is not blank, without colours.
    #[must_use]
    pub fn first_error_line(&self) -> &str {
        self.stderr
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
    }

    /// Asserts that a line of stderr reads so.
    ///
    /// # Panics
    /// If none does.
    #[track_caller]
    pub fn says(&self, line: &str) -> &Self {
        assert!(
            self.stderr.lines().any(|own| own == line),
            "no line of stderr reads {line:?}\n{self}"
        );
        self
    }

    /// Asserts that neither stdout nor stderr contains a secret.
    ///
    /// # Panics
    /// If one does.
    #[track_caller]
    pub fn hides(&self, secret: &str) -> &Self {
        let stdout = String::from_utf8_lossy(&self.stdout);
        assert!(!stdout.contains(secret), "stdout contains {secret:?}\n{self}");
        assert!(
            !self.raw_stderr.contains(secret),
            "stderr contains {secret:?}\n{self}"
        );
        self
    }

    #[track_caller]
    pub(super) fn assert_clean_stdout(&self) {
        if self.ended == Ended::Code(0) {
            let _ = self.ok();
        } else {
            assert!(
                self.stdout.is_empty(),
                "a failure with an answer on stdout\n{self}"
            );
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(
            f,
            "{:?} after {:?}\n--- stdout\n{stdout}\n--- stderr\n{}",
            self.ended, self.wall, self.stderr
        )
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text without ANSI control sequences: `ESC [`, parameters, a final letter.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after
            .find(|c: char| ('@'..='~').contains(&c))
            .map_or(after.len(), |end| end + 1);
        rest = &after[end..];
    }
    plain.push_str(rest);
    plain
}
