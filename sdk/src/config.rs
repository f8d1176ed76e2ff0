//! What people write into a pipeline, and what can be wrong with it.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::validate::Validator;

/// A command of a resource, by the name of the step that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// `check`: look for new versions.
    Check,
    /// A `get` step, the executable `in`.
    Get,
    /// A `put` step, the executable `out`.
    Put,
}

impl Step {
    /// `check`, `get` or `put`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Get => "get",
            Self::Put => "put",
        }
    }

    /// The file under `/opt/resource` that runs this step: `check`, `in` or `out`.
    #[must_use]
    pub fn executable(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Get => "in",
            Self::Put => "out",
        }
    }
}

/// A `source` or `params` object: one documented struct, from which decoding, JSON Schema, README tables and `--help` come.
///
/// `null` and absence are the same. A field that is neither an `Option` nor has `#[serde(default)]` is required.
pub trait Config: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Reports what is wrong with the values, in the order a user should mend it. Pure: no I/O.
    ///
    /// Called for `source` first, then for `params`, after both were decoded and before the command runs; also where something did not
    /// decode, with defaults in its place, so that all problems are told at once.
    fn validate(&self, v: &mut Validator<'_>) {
        let _ = v;
    }
}

/// No fields: the `GetParams` or `PutParams` of a resource that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
pub struct NoParams {}

impl Config for NoParams {}

/// Where a value stands in a request, such as `source.commit_filter.include[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldPath(String);

impl FieldPath {
    /// A path as people write it: `source.uri`, `params.tags[2]`.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happens to a key that is not in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownKeys {
    /// The command fails, listing them.
    Reject,
    /// One warning on stderr.
    Warn,
    /// Nothing.
    Ignore,
}

/// What happens to unknown keys, per command and part of the request. Of objects inside `source` and `params` the policy is that of
/// [`KeyPolicy::nested`], where their own level does not ignore them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    pub(crate) check_source: UnknownKeys,
    pub(crate) get_source: UnknownKeys,
    pub(crate) get_params: UnknownKeys,
    pub(crate) put_source: UnknownKeys,
    pub(crate) put_params: UnknownKeys,
    pub(crate) nested: UnknownKeys,
}

impl KeyPolicy {
    /// One warning for each unknown key, so that a pipeline that works today goes on working.
    pub const WARN: Self = Self::all(UnknownKeys::Warn);

    /// The same policy everywhere.
    #[must_use]
    pub const fn all(policy: UnknownKeys) -> Self {
        Self {
            check_source: policy,
            get_source: policy,
            get_params: policy,
            put_source: policy,
            put_params: policy,
            nested: policy,
        }
    }

    /// The same, but for `source` in one command.
    #[must_use]
    pub const fn source(mut self, step: Step, policy: UnknownKeys) -> Self {
        match step {
            Step::Check => self.check_source = policy,
            Step::Get => self.get_source = policy,
            Step::Put => self.put_source = policy,
        }
        self
    }

    /// The same, but for the `params` of a step; a check has none.
    #[must_use]
    pub const fn params(mut self, step: Step, policy: UnknownKeys) -> Self {
        match step {
            Step::Check => {}
            Step::Get => self.get_params = policy,
            Step::Put => self.put_params = policy,
        }
        self
    }

    /// The same, but for objects inside `source` and `params`.
    #[must_use]
    pub const fn nested(mut self, policy: UnknownKeys) -> Self {
        self.nested = policy;
        self
    }
}
