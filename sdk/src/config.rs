//! What people write into a pipeline, and what can be wrong with it.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

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
/// `null` and absence mean `Default`, for the whole object and for every field (use `#[serde(default)]`).
pub trait Config: DeserializeOwned + JsonSchema + Default + Send + 'static {
    /// Everything that is wrong with the values, in the order a user should mend it. Pure: no I/O.
    ///
    /// Called for `source` first, then for `params`, after both were decoded and before the command runs.
    fn problems(&self, step: Step) -> Vec<Problem> {
        let _ = step;
        Vec::new()
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

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub path: FieldPath,
    /// What is wrong with it, with the value quoted (never the value of a secret).
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The exit status; 1 unless a contract names another.
    pub exit: u8,
    /// Whether `message` is a contract's text, printed as it is, without the path before it.
    pub verbatim: bool,
}

impl Problem {
    /// A problem with the field at `path`; printed as `path: message`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: FieldPath::new(path),
            message: message.into(),
            hint: None,
            exit: 1,
            verbatim: false,
        }
    }

    /// A problem whose text a contract gives; printed as it stands.
    pub fn verbatim(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            verbatim: true,
            ..Self::new(path, message)
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the exit status, where a contract names another than 1.
    #[must_use]
    pub fn exit(mut self, status: u8) -> Self {
        self.exit = status;
        self
    }
}

/// The problems for which something could not be made, where rules try to make what the command needs; none if it was made, or if it failed
/// for another reason.
pub fn problems_of<T>(made: crate::Result<T>) -> Vec<Problem> {
    match made {
        Err(crate::Error::Config(problems)) => problems,
        _ => Vec::new(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verbatim {
            f.write_str(&self.message)?;
        } else {
            write!(f, "{}: {}", self.path, self.message)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
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

/// What happens to unknown keys, per command and part of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    /// `source`, in `check`.
    pub check_source: UnknownKeys,
    /// `source`, in `get`.
    pub get_source: UnknownKeys,
    /// `params`, in `get`.
    pub get_params: UnknownKeys,
    /// `source`, in `put`.
    pub put_source: UnknownKeys,
    /// `params`, in `put`.
    pub put_params: UnknownKeys,
    /// Objects inside `source` and `params`, where their own level is not [`UnknownKeys::Ignore`].
    pub nested: UnknownKeys,
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
}
