//! What a commit says, as `git log` shows and greps it: in UTF-8, whatever it was written in.

use std::borrow::Cow;

use git2::Commit;

use crate::attributes::WorkTreeEncoding;
use crate::commits::field;

/// How the texts of one commit are read.
#[derive(Debug, Default)]
pub struct CommitText {
    encoding: Option<WorkTreeEncoding>,
}

impl CommitText {
    /// Looks at the header `encoding`. One that is unknown, or in which the commit does not make sense, counts as none: then the bytes stay as
    /// they are, as in git.
    #[must_use]
    pub fn of(commit: &Commit<'_>) -> Self {
        let Some(name) = field(commit, "encoding") else {
            return Self::default();
        };
        let encoding = WorkTreeEncoding::new(&name).filter(|encoding| {
            let whole = [commit.raw_header_bytes(), commit.message_raw_bytes()];
            whole.iter().all(|part| encoding.to_git(part).is_ok())
        });
        Self { encoding }
    }

    /// A text of the commit in UTF-8.
    #[must_use]
    pub fn read<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let decoded = self
            .encoding
            .as_ref()
            .and_then(|encoding| encoding.to_git(text).ok());
        decoded.map_or(Cow::Borrowed(text), Cow::Owned)
    }
}
