//! What a command that failed says, and with which status it ends.

use std::fmt;

use crate::config::Problem;

/// The result of everything a resource does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command failed. The kinds differ in whose turn it is to act: the user's, the other side's, ours.
#[derive(Debug)]
pub enum Error {
    /// The configuration is wrong; every problem that was found, in the order a user should mend them.
    Config(Vec<Problem>),
    /// The other side refused, is unreachable or answered what it should not.
    Remote(Report),
    /// A local failure: the disk, the environment, a defect in the resource itself.
    Internal(Report),
}

impl Error {
    /// A failure of the other side. `text` becomes the first line of the message.
    pub fn remote(text: impl Into<String>) -> Self {
        Self::Remote(Report::new(text))
    }

    /// A local failure. `text` becomes the first line of the message.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal(Report::new(text))
    }

    /// Adds what lies behind the failure; see [`chain`] for an error with all its sources. A wrong configuration has no
    /// cause but itself: it stays as it is.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        if let Some(report) = self.report_mut() {
            report.cause = Some(cause.to_string());
        }
        self
    }

    /// Adds what the user can do about it; of several problems, about the last.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        match &mut self {
            Self::Config(problems) => {
                if let Some(problem) = problems.last_mut() {
                    problem.hint = Some(hint.into());
                }
            }
            Self::Remote(report) | Self::Internal(report) => report.hint = Some(hint.into()),
        }
        self
    }

    /// Sets the exit status, where a contract names another than 1.
    #[must_use]
    pub fn exit(mut self, status: u8) -> Self {
        match &mut self {
            Self::Config(problems) => {
                for problem in problems {
                    problem.exit = status;
                }
            }
            Self::Remote(report) | Self::Internal(report) => report.exit = status,
        }
        self
    }

    /// The status this failure ends the process with.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Config(problems) => problems.first().map_or(1, |problem| problem.exit),
            Self::Remote(report) | Self::Internal(report) => report.exit,
        }
    }

    fn report_mut(&mut self) -> Option<&mut Report> {
        match self {
            Self::Config(_) => None,
            Self::Remote(report) | Self::Internal(report) => Some(report),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Config(vec![problem])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    if index > 0 {
                        writeln!(f)?;
                    }
                    write!(f, "{problem}")?;
                }
                Ok(())
            }
            Self::Remote(report) | Self::Internal(report) => report.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// The text of a failure: a first line, what lies behind it, what to do about it, and the exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The first line; a contract's text where it gives one.
    pub text: String,
    /// What lies behind it.
    pub cause: Option<String>,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// The exit status.
    pub exit: u8,
}

impl Report {
    /// A report with exit status 1 and nothing but its first line.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cause: None,
            hint: None,
            exit: 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if let Some(cause) = &self.cause {
            write!(f, "\n  cause: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The messages of an error and of all its sources, joined by `: `, without repetitions.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
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

    #[test]
    fn a_failure_is_its_text_then_cause_and_hint() {
        let error = Error::remote("cannot push")
            .cause("it is protected")
            .hint("ask for access")
            .exit(128);
        assert_eq!(
            error.to_string(),
            "cannot push\n  cause: it is protected\n  hint: ask for access"
        );
        assert_eq!(error.exit_status(), 128);
        assert_eq!(Error::internal("x").exit_status(), 1);
    }

    #[test]
    fn problems_are_listed_and_the_first_gives_the_status() {
        let problems = vec![
            Problem::verbatim("source.a", "A is bad").exit(3),
            Problem::new("source.b", "is bad"),
        ];
        let error = Error::Config(problems).cause("ignored").hint("mend it");
        assert_eq!(error.to_string(), "A is bad\nsource.b: is bad\n  hint: mend it");
        assert_eq!(error.exit_status(), 3);
        assert_eq!(Error::Config(Vec::new()).exit_status(), 1);
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
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        assert_eq!(
            chain(&Outer(std::io::Error::other("disk full"))),
            "failed to read x: disk full"
        );
    }
}
