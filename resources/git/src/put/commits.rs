//! Commits as they are stored: a message or a name need not be UTF-8.

use git2::{Commit, ObjectType, Oid, Repository, Signature};

/// A commit to write.
pub(super) struct NewCommit<'a> {
    pub(super) tree: Oid,
    pub(super) parents: &'a [Oid],
    /// The author as a commit stores it, with the date.
    pub(super) author: Vec<u8>,
    pub(super) committer: &'a Signature<'a>,
    /// The encoding of the message, where it says so.
    pub(super) encoding: Option<Vec<u8>>,
    pub(super) message: &'a [u8],
}

impl NewCommit<'_> {
    pub(super) fn write(&self, repo: &Repository) -> Result<Oid, git2::Error> {
        let mut data = format!("tree {}\n", self.tree).into_bytes();
        for parent in self.parents {
            data.extend(format!("parent {parent}\n").into_bytes());
        }
        for (role, who) in [("author", &self.author), ("committer", &stored(self.committer))] {
            data.extend([role.as_bytes(), b" ", who, b"\n"].concat());
        }
        if let Some(encoding) = &self.encoding {
            data.extend([b"encoding ", encoding.as_slice(), b"\n"].concat());
        }
        data.push(b'\n');
        data.extend_from_slice(self.message);
        repo.odb()?.write(ObjectType::Commit, &data)
    }
}

/// A signature as a commit stores it.
pub(super) fn stored(signature: &Signature<'_>) -> Vec<u8> {
    let when = signature.when();
    let minutes = when.offset_minutes().unsigned_abs();
    let sign = if when.offset_minutes() < 0 { '-' } else { '+' };
    let date = format!(
        "> {} {sign}{:02}{:02}",
        when.seconds(),
        minutes / 60,
        minutes % 60
    );
    [
        signature.name_bytes(),
        b" <",
        signature.email_bytes(),
        date.as_bytes(),
    ]
    .concat()
}

/// A field of a commit's header, as it is stored.
pub(super) fn field(commit: &Commit<'_>, name: &str) -> Option<Vec<u8>> {
    let start = format!("{name} ");
    commit
        .raw_header_bytes()
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(start.as_bytes()))
        .map(<[u8]>::to_vec)
}
