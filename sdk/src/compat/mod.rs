//! What drop-ins for existing resource types need: their exit statuses and texts, keys in any case, lenient scalars, answers that have more keys
//! than Concourse knows. New resource types want none of it.

pub mod lenient;

use serde_json::Value;

use crate::config::Step;
use crate::console::Console;
use crate::error::Error;
use crate::resource::Outcome;

/// Where a resource differs from what the SDK does by itself.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Compat {
    /// Whether a key of the request, of `source` or of `params` counts as the one that differs in the case of its letters only, as
    /// resources that were written in Go have it. The last of several wins.
    pub keys_ignore_case: bool,
    /// The exit status of a value of the wrong JSON type.
    pub wrong_type_exit: u8,
    /// What `in` and `out` print when they are called without a directory.
    pub usage: fn(program: &str, step: Step) -> String,
}

impl Compat {
    /// No difference.
    pub const NONE: Self = Self {
        keys_ignore_case: false,
        wrong_type_exit: 1,
        usage,
    };

    /// The same, with keys in any case.
    #[must_use]
    pub const fn keys_ignore_case(mut self) -> Self {
        self.keys_ignore_case = true;
        self
    }

    /// The same, with another exit status of values of the wrong JSON type.
    #[must_use]
    pub const fn wrong_type_exit(mut self, status: u8) -> Self {
        self.wrong_type_exit = status;
        self
    }

    /// The same, with another usage.
    #[must_use]
    pub const fn usage(mut self, usage: fn(program: &str, step: Step) -> String) -> Self {
        self.usage = usage;
        self
    }
}

fn usage(program: &str, step: Step) -> String {
    let directory = match step {
        Step::Put => "source",
        Step::Check | Step::Get => "destination",
    };
    format!("usage: {program} <path/to/{directory}>")
}

/// Errors as a contract wants them.
pub trait ErrorExt {
    /// Sets the exit status, where a contract names another than 1.
    #[must_use]
    fn exit(self, status: u8) -> Self;
    /// Shows the text of a wrong configuration as it stands, without the path before it.
    #[must_use]
    fn verbatim(self) -> Self;
}

impl ErrorExt for Error {
    fn exit(mut self, status: u8) -> Self {
        self.set_exit(status);
        self
    }

    fn verbatim(mut self) -> Self {
        self.set_verbatim();
        self
    }
}

/// Answers as a contract wants them.
pub trait OutcomeExt: Sized {
    /// The same without the key `metadata`.
    #[must_use]
    fn without_metadata(self) -> Self;
    /// The same with another top-level key.
    #[must_use]
    fn with_key(self, key: &str, value: Value) -> Self;
    /// The same, but the command fails after it has answered.
    #[must_use]
    fn failing(self, failure: Error) -> Self;
}

impl<V> OutcomeExt for Outcome<V> {
    fn without_metadata(mut self) -> Self {
        self.metadata = None;
        self
    }

    fn with_key(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    fn failing(mut self, failure: Error) -> Self {
        self.failure = Some(failure);
        self
    }
}

/// Shows a secret from now on, where a contract lets people ask for that.
pub fn reveal(log: &Console, secret: &str) {
    log.reveal(secret);
}
