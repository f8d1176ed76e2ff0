//! Commits and trees of an object database that may hold only a part of the history.

use std::collections::HashSet;
use std::path::Path;

use concourse_resource_sdk::{Error, Result};
use git_source::CommitText;
use git2::{ObjectType, Odb, Oid, Repository};

/// The parts of a commit that decide whether it becomes a version.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) tree: Oid,
    pub(crate) parents: Vec<Oid>,
    /// In UTF-8, as `git log` greps it.
    pub(crate) message: Vec<u8>,
    /// The committer's date, in seconds since 1970.
    pub(crate) time: i64,
}

/// Why an object could not be judged.
#[derive(Debug)]
pub(crate) enum Missing {
    /// It is not in this object database.
    Object(Oid),
    /// It cannot be read, or is not what it should be.
    Broken(git2::Error),
    /// It is there, but what the configuration asks of it cannot be told.
    Undecided(Error),
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Object(id) => Self::remote(format!("object {id} is missing"))
                .hint("the remote repository is incomplete or changed during the check"),
            Missing::Undecided(problem) => problem,
            Missing::Broken(error) => {
                Self::internal("failed to read the repository's objects").cause(error.message())
            }
        }
    }
}

/// An object database, with the cuts of a shallow repository.
pub(crate) struct History {
    repo: Repository,
    cuts: HashSet<Oid>,
}

impl History {
    /// Opens a repository; its `shallow` file, if any, ends the history where it says.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        git_remote::init();
        let repo = Repository::open(path).map_err(|error| {
            Error::internal(format!("failed to open the repository {}", path.display()))
                .cause(error.message())
        })?;
        let cuts = git_source::read_cuts(&repo).into_iter().collect();
        Ok(Self { repo, cuts })
    }

    /// The repository.
    pub(crate) fn repo(&self) -> &Repository {
        &self.repo
    }

    /// The commit, with its parents as recorded, except at a cut.
    pub(crate) fn commit(&self, id: Oid) -> Result<Commit, Missing> {
        let commit = self
            .repo
            .find_commit(id)
            .map_err(|error| missing(&self.repo, id, error))?;
        Ok(Commit {
            tree: commit.tree_id(),
            parents: if self.cuts.contains(&id) {
                Vec::new()
            } else {
                commit.parent_ids().collect()
            },
            message: CommitText::of(&commit)
                .read(commit.message_raw_bytes())
                .into_owned(),
            time: commit.time().seconds(),
        })
    }

    /// Any object.
    pub(crate) fn object(&self, id: Oid) -> Result<git2::Object<'_>, Missing> {
        self.repo
            .find_object(id, None)
            .map_err(|error| missing(&self.repo, id, error))
    }

    /// The raw entries of a tree.
    pub(crate) fn raw_tree(&self, id: Oid) -> Result<Vec<u8>, Missing> {
        let odb = self.repo.odb().map_err(Missing::Broken)?;
        let object = odb.read(id).map_err(|error| missing(&self.repo, id, error))?;
        Ok(object.data().to_vec())
    }

    /// The one commit whose id begins with `prefix`, or that the tag object of that id points at.
    pub(crate) fn resolve(&self, text: &str) -> Option<Oid> {
        let object = if text.len() == 40 {
            self.repo.find_object(text.parse().ok()?, None)
        } else {
            self.repo.find_object_by_prefix(text, None)
        };
        Some(object.ok()?.peel(ObjectType::Commit).ok()?.id())
    }

    /// All commits that can be reached from `start`, itself included.
    pub(crate) fn ancestors(&self, start: Oid) -> Result<HashSet<Oid>, Missing> {
        git_remote::ancestors([start], |id| Ok(self.commit(id)?.parents))
    }

    /// The first-parent chain from `tip` down to, and without, the first commit for which `stop` holds.
    fn chain(&self, tip: Oid, stop: impl Fn(Oid) -> bool) -> Result<Vec<Oid>, Missing> {
        let mut chain = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next.filter(|&id| !stop(id)) {
            chain.push(id);
            next = self.commit(id)?.parents.first().copied();
        }
        Ok(chain)
    }

    /// The commits between the cursor and `tip`, by CONTRACT 4.4, newest first. `None` when the cursor counts as unknown.
    ///
    /// Needs the whole history of both.
    pub(crate) fn range(&self, tip: Oid, cursor: Oid) -> Result<Option<Vec<Oid>>, Missing> {
        let Some(&base) = self.commit(cursor)?.parents.first() else {
            // CONTRACT F3: nothing is excluded by a root that can be reached; another one is no cursor.
            let chain = self.chain(tip, |_| false)?;
            let reached = chain.contains(&cursor) || self.ancestors(tip)?.contains(&cursor);
            return Ok(reached.then_some(chain));
        };
        let chain = self.chain(tip, |id| id == base)?;
        let reached_base = match chain.last() {
            None => true,
            Some(&last) => self.commit(last)?.parents.first() == Some(&base),
        };
        if reached_base {
            return Ok(Some(chain));
        }
        let excluded = self.ancestors(base)?;
        Ok(Some(
            chain
                .into_iter()
                .take_while(|id| !excluded.contains(id))
                .collect(),
        ))
    }
}

fn missing(repo: &Repository, id: Oid, error: git2::Error) -> Missing {
    let absent =
        error.code() == git2::ErrorCode::NotFound && !repo.odb().is_ok_and(|odb: Odb<'_>| odb.exists(id));
    if absent {
        Missing::Object(id)
    } else {
        Missing::Broken(error)
    }
}
