//! What a command that failed says, and with which status it ends.

use std::error::Error as StdError;
use std::fmt;

use crate::config::FieldPath;

/// The result of everything a resource does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose turn it is to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The user's: the configuration is wrong.
    Config,
    /// The other side's: it refused, is unreachable or answered what it should not.
    Remote,
    /// Ours: the disk, the environment, a defect in the resource itself.
    Internal,
}

/// Why a command failed: a first line, what lies behind it, and what to do about it. A wrong configuration may be wrong in several places.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// Of a wrong configuration, the field.
    path: Option<FieldPath>,
    text: String,
    /// Whether the text is a contract's, shown without the path before it.
    is_verbatim: bool,
    causes: Vec<String>,
    hint: Option<String>,
    exit: u8,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// What else is wrong with the configuration.
    others: Vec<Error>,
}

impl Error {
    fn new(kind: ErrorKind, path: Option<FieldPath>, text: String) -> Self {
        Self(Box::new(Inner {
            kind,
            path,
            text,
            is_verbatim: false,
            causes: Vec::new(),
            hint: None,
            exit: 1,
            source: None,
            others: Vec::new(),
        }))
    }

    /// A wrong value at a path as people write it, such as `source.uri` or `params.tags[2]`; shown as `path: text`. The text quotes the value, but
    /// never that of a secret.
    pub fn config(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, Some(FieldPath::new(path)), text.into())
    }

    /// A failure of the other side. `text` becomes the first line of the message.
    pub fn remote(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Remote, None, text.into())
    }

    /// A local failure. `text` becomes the first line of the message.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, None, text.into())
    }

    /// All of these in one, in their order; none if there are none. Further ones are kept of a wrong configuration only.
    pub fn all(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        for mut other in errors {
            let more = std::mem::take(&mut other.0.others);
            first.0.others.push(other);
            first.0.others.extend(more);
        }
        Some(first)
    }

    /// Adds what lies behind the failure; see [`chain`] for an error with all its sources, and [`ResultExt`] for an error that is kept. Causes add
    /// up: each is behind the one before it.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.causes.push(cause.to_string());
        self
    }

    /// Adds what the user can do about it; of several problems, about the last.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let to = self
            .0
            .others
            .last_mut()
            .map_or(&mut self.0.hint, |last| &mut last.0.hint);
        *to = Some(hint.into());
        self
    }

    /// The same failure in other words.
    #[must_use]
    pub fn reworded(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.0.text = change(&self.0.text);
        self
    }

    /// Whose turn it is to act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The first line, without the path.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Of a wrong configuration, the field.
    #[must_use]
    pub fn path(&self) -> Option<&FieldPath> {
        self.0.path.as_ref()
    }

    /// What lies behind it, the nearest first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The status this failure ends the process with.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.0.exit
    }

    /// This one and the others, one by one.
    #[must_use]
    pub fn each(mut self) -> Vec<Self> {
        let others = std::mem::take(&mut self.0.others);
        std::iter::once(self).chain(others).collect()
    }

    pub(crate) fn set_exit(&mut self, status: u8) {
        self.0.exit = status;
        self.0.others.iter_mut().for_each(|other| other.0.exit = status);
    }

    pub(crate) fn set_verbatim(&mut self) {
        self.0.is_verbatim = true;
    }

    fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.causes.push(chain(&source));
        self.0.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.path {
            Some(path) if !self.0.is_verbatim => write!(f, "{path}: {}", self.0.text)?,
            _ => f.write_str(&self.0.text)?,
        }
        for cause in &self.0.causes {
            write!(f, "\n  cause: {cause}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        for other in &self.0.others {
            write!(f, "\n{other}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

/// Makes an [`Error`] of another one, which is kept as its [source](StdError::source) and shown as its cause.
///
/// ```
/// use concourse_resource_sdk::{Result, ResultExt as _};
///
/// fn write(text: &str) -> Result<()> {
///     std::fs::write("/nonexistent/version", text).internal("failed to write the version")
/// }
/// assert_eq!(
///     write("1").unwrap_err().to_string(),
///     "failed to write the version\n  cause: No such file or directory (os error 2)"
/// );
/// ```
pub trait ResultExt<T> {
    /// A local failure.
    fn internal(self, text: impl Into<String>) -> Result<T>;
    /// A failure of the other side.
    fn remote(self, text: impl Into<String>) -> Result<T>;
    /// A wrong value at a path; the text of the error follows.
    fn config(self, path: impl Into<String>) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> ResultExt<T> for std::result::Result<T, E> {
    fn internal(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::internal(text).with_source(error))
    }

    fn remote(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::remote(text).with_source(error))
    }

    fn config(self, path: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::config(path, chain(&error)))
    }
}

/// An error with all its sources, in one line; what a message holds already is not said again.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::ErrorExt as _;

    #[test]
    fn a_failure_is_its_text_then_causes_and_hint() {
        let error = Error::remote("cannot push")
            .cause("it is protected")
            .cause("by a rule")
            .hint("ask for access")
            .exit(128);
        assert_eq!(
            error.to_string(),
            "cannot push\n  cause: it is protected\n  cause: by a rule\n  hint: ask for access"
        );
        assert_eq!(error.exit_status(), 128);
        assert_eq!(Error::internal("x").exit_status(), 1);
    }

    #[test]
    fn problems_are_listed_and_the_first_gives_the_status() {
        let problems = [
            Error::config("source.a", "A is bad").verbatim().exit(3),
            Error::config("source.b", "is bad"),
        ];
        let error = Error::all(problems).unwrap().hint("mend it");
        assert_eq!(error.to_string(), "A is bad\nsource.b: is bad\n  hint: mend it");
        assert_eq!(error.exit_status(), 3);
        let both = Error::all([error, Error::config("params", "too")]).unwrap();
        assert_eq!(both.each().len(), 3);
        assert!(Error::all([]).is_none());
    }

    #[test]
    fn an_error_is_kept_as_the_source() {
        let made: std::result::Result<(), _> = Err(std::io::Error::other("disk full"));
        let error = made.internal("failed to write x").unwrap_err();
        assert_eq!(error.to_string(), "failed to write x\n  cause: disk full");
        let source: Option<&std::io::Error> = error.source().and_then(|source| source.downcast_ref());
        assert_eq!(source.map(ToString::to_string).as_deref(), Some("disk full"));
        let parsed: Result<u8> = "x".parse::<u8>().config("source.depth");
        assert_eq!(
            parsed.unwrap_err().to_string(),
            "source.depth: invalid digit found in string"
        );
    }

    #[test]
    fn a_chain_names_every_source_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("failed to read x")
            }
        }
        impl StdError for Outer {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.0)
            }
        }
        assert_eq!(
            chain(&Outer(std::io::Error::other("disk full"))),
            "failed to read x: disk full"
        );
    }
}
