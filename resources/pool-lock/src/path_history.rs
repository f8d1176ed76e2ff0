//! Which commits changed a path, in a history that may be cut. CONTRACT 5 and 6.

use std::collections::{BTreeSet, BinaryHeap, HashSet};

use git2::{ErrorCode, Oid, Repository};

/// The commits of a repository, as far as they are here.
pub(crate) struct PathHistory<'r> {
    pub(crate) repo: &'r Repository,
    /// Commits whose parents are not here.
    pub(crate) cuts: &'r BTreeSet<Oid>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Missing {
    /// What would tell lies beyond a cut.
    Deeper,
    /// The repository cannot be read.
    Failed(git2::Error),
}

impl From<git2::Error> for Missing {
    fn from(error: git2::Error) -> Self {
        if error.code() == ErrorCode::NotFound {
            Self::Deeper
        } else {
            Self::Failed(error)
        }
    }
}

/// A file or directory as a tree has it.
pub(crate) type Entry = Option<(Oid, i32)>;

impl PathHistory<'_> {
    /// What is at a path of a commit.
    pub(crate) fn entry(&self, commit: Oid, path: &[u8]) -> Result<Entry, Missing> {
        let mut tree = self.repo.find_commit(commit)?.tree()?;
        let mut parts = path.split(|&byte| byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let found = tree.iter().find(|entry| entry.name_bytes() == part);
            let Some(entry) = found.map(|entry| (entry.id(), entry.filemode_raw())) else {
                return Ok(None);
            };
            if parts.peek().is_none() {
                return Ok(Some(entry));
            }
            match self.repo.find_tree(entry.0) {
                Ok(below) => tree = below,
                // A file in the place of a directory has nothing below it.
                Err(_) if entry.1 != TREE_MODE => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// The parents of a commit, which must not be beyond a cut.
    fn parents(&self, commit: Oid) -> Result<Vec<Oid>, Missing> {
        if self.cuts.contains(&commit) {
            return Err(Missing::Deeper);
        }
        Ok(self.repo.find_commit(commit)?.parent_ids().collect())
    }

    /// The newest commit, from one on, that changed a path; none where nothing ever was there.
    ///
    /// A merge changed it only if it differs from all of its parents: git's default simplification.
    pub(crate) fn last_change(&self, from: Oid, path: &[u8]) -> Result<Option<Oid>, Missing> {
        let mut id = from;
        loop {
            let here = self.entry(id, path)?;
            let parents = self.parents(id)?;
            if parents.is_empty() {
                return Ok(here.map(|_| id));
            }
            match self.same(here, &parents, path)? {
                Some(parent) => id = parent,
                None => return Ok(Some(id)),
            }
        }
    }

    /// The commits that changed a path and can be reached from `tip`, but not from `bottom`; oldest first.
    ///
    /// As `git log tip ^bottom -- path`: where a merge has the same as one of its parents, only that one is followed, unless it is
    /// excluded and not `bottom` itself.
    pub(crate) fn changes(&self, tip: Oid, bottom: Option<Oid>, path: &[u8]) -> Result<Vec<Oid>, Missing> {
        let excluded = bottom
            .map(|id| self.ancestors(id))
            .transpose()?
            .unwrap_or_default();
        let counts = |id: Oid| Some(id) == bottom || !excluded.contains(&id);
        let mut queue = BinaryHeap::new();
        let mut seen = HashSet::new();
        let mut changes = Vec::new();
        let mut order = usize::MAX;
        let mut push = |queue: &mut BinaryHeap<_>, id: Oid| -> Result<(), Missing> {
            if !excluded.contains(&id) && seen.insert(id) {
                order -= 1;
                queue.push((self.repo.find_commit(id)?.time().seconds(), order, id));
            }
            Ok(())
        };
        push(&mut queue, tip)?;
        while let Some((_, _, id)) = queue.pop() {
            let here = self.entry(id, path)?;
            let parents = self.parents(id)?;
            let mut is_change = parents.is_empty() && here.is_some();
            let mut unchanged = None;
            for &parent in &parents {
                let is_same = self.entry(parent, path)? == here;
                if is_same && counts(parent) {
                    unchanged = Some(parent);
                    break;
                }
                is_change |= !is_same;
            }
            if let Some(parent) = unchanged {
                push(&mut queue, parent)?;
                continue;
            }
            if is_change {
                changes.push(id);
            }
            parents
                .into_iter()
                .try_for_each(|parent| push(&mut queue, parent))?;
        }
        changes.reverse();
        Ok(changes)
    }

    /// The first parent of a commit.
    pub(crate) fn first_parent(&self, commit: Oid) -> Result<Option<Oid>, Missing> {
        Ok(self.parents(commit)?.first().copied())
    }

    /// Whether a commit is another one, or above it in the history that is here.
    pub(crate) fn reaches(&self, from: Oid, to: Oid) -> Result<bool, Missing> {
        Ok(self.ancestors(from)?.contains(&to))
    }

    /// Whether a commit on `parent` is on the branch by now: by its id and nothing else (CONTRACT F16).
    pub(crate) fn has_arrived(&self, tip: Oid, commit: Oid, parent: Oid) -> bool {
        tip != parent && self.reaches(tip, commit).unwrap_or(false)
    }

    /// The first parent that has the same at a path.
    fn same(&self, here: Entry, parents: &[Oid], path: &[u8]) -> Result<Option<Oid>, Missing> {
        for &parent in parents {
            if self.entry(parent, path)? == here {
                return Ok(Some(parent));
            }
        }
        Ok(None)
    }

    /// A commit and all above it, as far as they are here.
    fn ancestors(&self, id: Oid) -> Result<HashSet<Oid>, Missing> {
        git_remote::ancestors([id], |id| {
            if self.cuts.contains(&id) {
                return Ok(Vec::new());
            }
            Ok(self.repo.find_commit(id)?.parent_ids().collect())
        })
    }
}

/// The mode of a directory in a tree.
const TREE_MODE: i32 = 0o040_000;
