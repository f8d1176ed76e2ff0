//! Why something cannot be fetched or pushed, and whether another attempt may fare better.

use concourse_resource_sdk::Error;

/// Why something cannot be fetched or pushed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The other side, or the way there.
    Remote(git_remote::Error),
    /// Anything else.
    Other(Error),
}

impl Failure {
    /// Whether another attempt may fare better.
    pub(crate) fn is_passing(&self) -> bool {
        use git_remote::Error as E;
        match self {
            Self::Remote(E::Status { status, .. }) => *status >= 500,
            Self::Remote(error) => matches!(error, E::Broken(_) | E::Unreachable { .. } | E::Network(_)),
            Self::Other(_) => false,
        }
    }
}

impl From<git_remote::Error> for Failure {
    fn from(error: git_remote::Error) -> Self {
        Self::Remote(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Remote(error) => error.into(),
            Failure::Other(error) => error,
        }
    }
}
