//! What is wrong with values that decode.

use std::fmt::Display;

use crate::config::Step;
use crate::error::Error;

/// Where rules report: everything that is wrong, in the order a user should mend it, each at the path of its field.
///
/// ```
/// # use concourse_resource_sdk::{Config, Secret, Validator};
/// # #[derive(Default, serde::Deserialize, schemars::JsonSchema)] struct Auth { user: String, password: Secret }
/// # #[derive(Default, serde::Deserialize, schemars::JsonSchema)] struct Source { auth: Auth, region: String }
/// impl Config for Source {
///     fn validate(&self, v: &mut Validator<'_>) {
///         let mut auth = v.at("auth");
///         auth.at("password").required(!self.auth.password.is_empty());
///         if self.region == "us" {
///             v.at("region").refuse(format!("\"{}\" is no region", self.region)).hint("such as us-east-1");
///         }
///     }
/// }
/// ```
pub struct Validator<'a> {
    step: Step,
    path: String,
    found: &'a mut Findings,
}

/// What rules have reported.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Error>,
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    /// A validator of `source` or `params`.
    pub(crate) fn validator(&mut self, step: Step, path: &str) -> Validator<'_> {
        Validator {
            step,
            path: path.to_owned(),
            found: self,
        }
    }
}

impl Validator<'_> {
    /// The command that is about to run.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Reports about a field.
    pub fn at(&mut self, field: &str) -> Validator<'_> {
        let path = format!("{}.{field}", self.path);
        self.found.validator(self.step, &path)
    }

    /// Reports about an item of a list.
    pub fn item(&mut self, index: usize) -> Validator<'_> {
        let path = format!("{}[{index}]", self.path);
        self.found.validator(self.step, &path)
    }

    /// Reports that something is required, unless it is given.
    pub fn required(&mut self, is_given: bool) {
        if !is_given {
            self.refuse("is required");
        }
    }

    /// Reports what is wrong. The text quotes the value, but never that of a secret.
    pub fn refuse(&mut self, text: impl Into<String>) -> Refused<'_> {
        self.found.problems.push(Error::config(self.path.as_str(), text));
        Refused(self.found.problems.last_mut())
    }

    /// What was made of a value; if that failed, reports why.
    pub fn made<T, E: Display>(&mut self, made: Result<T, E>) -> Option<T> {
        match made {
            Ok(made) => Some(made),
            Err(error) => {
                self.refuse(error.to_string());
                None
            }
        }
    }

    /// Reports errors that know their paths; others that are no wrong configuration are left to the command.
    pub fn add(&mut self, errors: impl IntoIterator<Item = Error>) {
        let errors = errors.into_iter().filter(|error| error.path().is_some());
        self.found.problems.extend(errors.flat_map(Error::each));
    }

    /// Warns in the log.
    pub fn warn(&mut self, text: impl Display) {
        self.found.warnings.push(format!("{}: {text}", self.path));
    }
}

/// What was just refused.
pub struct Refused<'a>(Option<&'a mut Error>);

impl Refused<'_> {
    /// Adds what to write instead.
    pub fn hint(self, hint: impl Into<String>) {
        if let Some(error) = self.0 {
            *error = std::mem::replace(error, Error::internal("")).hint(hint);
        }
    }
}
