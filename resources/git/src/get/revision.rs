//! What a version names in a clone.

use concourse_resource_sdk::{Error, Result};
use git2::{ObjectType, Oid};

use git_source::Clone;
use git_source::Head;

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Revision {
    /// The branch that was cloned: `HEAD` stays attached.
    Branch { name: String, id: Oid },
    /// A commit, by its id or by a tag.
    Commit(Oid),
    /// Nothing that was fetched.
    Unknown,
}

impl Revision {
    /// What `version` names; without it, what was cloned.
    pub(super) fn find(clone: &Clone<'_>, version: Option<&str>) -> Self {
        let Some(version) = version else {
            return Self::of_head(clone);
        };
        if let Head::Branch { name, id, .. } = clone.head()
            && name == version
        {
            return Self::Branch {
                name: name.clone(),
                id: *id,
            };
        }
        let repo = clone.repo();
        let object = match version.parse::<Oid>() {
            Ok(id) if version.len() == 40 => repo.find_object(id, None),
            _ => repo
                .find_reference(&format!("refs/tags/{version}"))
                .and_then(|tag| tag.peel(ObjectType::Any))
                .or_else(|_| repo.revparse_single(version)),
        };
        match object.and_then(|object| object.peel(ObjectType::Commit)) {
            Ok(commit) => Self::Commit(commit.id()),
            Err(_) => Self::Unknown,
        }
    }

    fn of_head(clone: &Clone<'_>) -> Self {
        match clone.head() {
            Head::Branch { name, id, .. } => Self::Branch {
                name: name.clone(),
                id: *id,
            },
            Head::Tag { id, .. } | Head::Detached { id } => {
                let commit = clone
                    .repo()
                    .find_object(*id, None)
                    .and_then(|tag| tag.peel(ObjectType::Commit));
                commit.map_or(Self::Unknown, |commit| Self::Commit(commit.id()))
            }
        }
    }

    pub(super) fn commit(&self) -> Option<Oid> {
        match self {
            Self::Branch { id, .. } | Self::Commit(id) => Some(*id),
            Self::Unknown => None,
        }
    }

    /// CONTRACT 5.2: what git says about a version that is not there.
    pub(super) fn known(self, version: Option<&str>) -> Result<(Self, Oid)> {
        if let Some(id) = self.commit() {
            return Ok((self, id));
        }
        let version = version.unwrap_or("HEAD");
        let is_id = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        Err(if is_id {
            git_source::not_on_branch(version)
        } else {
            Error::remote(format!("pathspec '{version}' did not match any file(s) known to git"))
                .hint("the version's ref names no commit, tag or branch that was fetched; see branch and fetch_tags")
        })
    }
}
