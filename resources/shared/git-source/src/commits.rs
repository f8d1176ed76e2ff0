//! Commits as they are stored: a message or a name need not be UTF-8.

use git2::{Commit, ObjectType, Oid, Repository, Signature};

/// A commit to write.
pub struct NewCommit<'a> {
    /// Its tree.
    pub tree: Oid,
    /// Its parents, the first one first.
    pub parents: &'a [Oid],
    /// The author as a commit stores it, with the date.
    pub author: Vec<u8>,
    /// Who commits, and when.
    pub committer: &'a Signature<'a>,
    /// The encoding of the message, where it says so.
    pub encoding: Option<Vec<u8>>,
    /// Further lines of the header, each a name and a value.
    pub extra: &'a [(&'a str, &'a str)],
    /// The message, to the last byte.
    pub message: &'a [u8],
}

impl NewCommit<'_> {
    /// Writes it into a repository.
    ///
    /// # Errors
    /// Fails where the repository cannot be written.
    pub fn write(&self, repo: &Repository) -> Result<Oid, git2::Error> {
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
        for (name, value) in self.extra {
            data.extend(format!("{name} {value}\n").into_bytes());
        }
        data.push(b'\n');
        data.extend_from_slice(self.message);
        repo.odb()?.write(ObjectType::Commit, &data)
    }
}

/// A signature as a commit stores it.
#[must_use]
pub fn stored(signature: &Signature<'_>) -> Vec<u8> {
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
pub fn field(commit: &Commit<'_>, name: &str) -> Option<Vec<u8>> {
    let start = format!("{name} ");
    commit
        .raw_header_bytes()
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(start.as_bytes()))
        .map(<[u8]>::to_vec)
}
