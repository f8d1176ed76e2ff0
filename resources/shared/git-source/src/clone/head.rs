//! What a clone is of: a branch, a tag, or wherever the remote's `HEAD` is.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result};
use git_remote::Ref;
use git2::Oid;

/// What is cloned.
pub enum Head {
    /// A branch, and whether it is the remote's default one.
    Branch {
        /// Its short name.
        name: String,
        /// Its commit.
        id: Oid,
        /// Whether the remote's `HEAD` points to it.
        is_default: bool,
    },
    /// CONTRACT 2, `branch`: a tag, which gives a detached clone.
    Tag {
        /// Its short name.
        name: String,
        /// The tag's object, or what it points to.
        id: Oid,
    },
    /// The remote's `HEAD`, where that is detached.
    Detached {
        /// Its commit.
        id: Oid,
    },
}

impl Head {
    /// The object to fetch.
    #[must_use]
    pub fn id(&self) -> Oid {
        match self {
            Self::Branch { id, .. } | Self::Tag { id, .. } | Self::Detached { id } => *id,
        }
    }

    /// The branch, or tag, that `branch` names; without it, what the remote's `HEAD` points to.
    pub fn find(advertised: &[Ref], branch: Option<&str>) -> Result<Self> {
        let find = |name: &str| advertised.iter().find(|found| found.name == name.as_bytes());
        let remote_head = find("HEAD");
        let default = remote_head.and_then(|head| {
            std::str::from_utf8(head.target.as_deref()?)
                .ok()?
                .strip_prefix("refs/heads/")
        });
        if let Some(branch) = branch {
            if let Some(found) = find(&format!("refs/heads/{branch}")) {
                let is_default = default == Some(branch);
                return Ok(Self::Branch {
                    name: branch.to_owned(),
                    id: found.id,
                    is_default,
                });
            }
            return match find(&format!("refs/tags/{branch}")) {
                Some(found) => Ok(Self::Tag {
                    name: branch.to_owned(),
                    id: found.id,
                }),
                None => Err(crate::branch_not_found(branch)),
            };
        }
        match (remote_head, default) {
            (Some(head), Some(name)) => Ok(Self::Branch {
                name: name.to_owned(),
                id: head.id,
                is_default: true,
            }),
            (Some(head), None) => Ok(Self::Detached { id: head.id }),
            (None, _) => Err(Error::remote("the remote's HEAD points to no commit")
                .hint("push a commit, or set source.branch if the repository has other branches")
                .exit(crate::GIT_EXIT)),
        }
    }
}
