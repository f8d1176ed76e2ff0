//! Going from one commit to another one in a work tree that is there.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;

use concourse_resource_sdk::files::{Directory, Kind as FoundKind, RelativePath};
use concourse_resource_sdk::{Context, Error, Result};
use git_remote::LargeBlobs;
use git2::{IndexEntry, Oid, Repository, ResetType};

use super::compare::{is_racy, written};
use super::entries::{Entry, Kind, parents};
use super::write::{Writer, index_entry, is_unchanged, unwritable};
use super::{SKIP_WORKTREE, conversions, entries, tree_of, work_tree, write_index};
use crate::{git_failed, local_failure};

/// What happens to a file that git does not track, where the commit has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InTheWay {
    /// It is overwritten, as by `git reset --hard`.
    Overwritten,
    /// Nothing is done at all, as by `git merge` and `git rebase`; ignored files are overwritten all the same.
    Refused,
}

/// How many of the files in the way are named.
const MOST_NAMED: usize = 5;

/// Moves `HEAD`, or the branch it is on, to a commit, and makes index and work tree what is committed there. What was changed in tracked
/// files is lost.
///
/// # Errors
/// Fails for a tree that git refuses, and for files in the way, before anything is changed; where files cannot be written.
pub fn move_to(cx: &Context, repo: &Repository, id: Oid, in_the_way: InTheWay) -> Result<()> {
    let entries = entries::read(repo, tree_of(repo, id)?, &|| cx.is_cancelled())?;
    let failed = git_failed("check the commit out");
    let index = repo.index().map_err(&failed)?;
    let indexed: HashMap<Vec<u8>, IndexEntry> =
        index.iter().map(|entry| (entry.path.clone(), entry)).collect();
    let conversions = conversions(repo, entries::attribute_files(repo, &entries)?)?;
    let large = LargeBlobs::find(repo);
    let mut update = Update {
        repo,
        indexed: &indexed,
        written: written(&index),
        writer: Writer {
            directory: work_tree(repo)?,
            odb: repo.odb().map_err(&failed)?,
            large: &large,
            conversions: &conversions,
            log: cx.log(),
        },
        clear: HashSet::new(),
    };
    if in_the_way == InTheWay::Refused {
        update.refuse_in_the_way(&entries)?;
    }
    update.remove_others(&entries)?;
    let progress = cx.progress_items("Updating files", Some(entries.len() as u64));
    let mut now = Vec::with_capacity(entries.len());
    for entry in &entries {
        if cx.is_cancelled() {
            return Err(git_remote::Error::Interrupted.into());
        }
        now.push(update.entry(entry)?);
        progress.add(1);
    }
    write_index(repo, now).map_err(git_failed("write the index"))?;
    let head = repo.find_object(id, None);
    head.and_then(|commit| repo.reset(&commit, ResetType::Soft, None))
        .map_err(failed)
}

struct Update<'a> {
    repo: &'a Repository,
    /// What is tracked now.
    indexed: &'a HashMap<Vec<u8>, IndexEntry>,
    written: Option<std::time::SystemTime>,
    writer: Writer<'a>,
    /// Paths that are directories, or nothing.
    clear: HashSet<Vec<u8>>,
}

impl Update<'_> {
    fn directory(&mut self) -> &mut Directory {
        &mut self.writer.directory
    }

    /// Fails where a file that is not tracked would be lost.
    fn refuse_in_the_way(&mut self, entries: &[Entry]) -> Result<()> {
        let mut lost = BTreeSet::new();
        let mut looked_at = HashSet::new();
        for entry in entries
            .iter()
            .filter(|entry| !self.indexed.contains_key(entry.path.as_bytes()))
        {
            for parent in parents(entry.path.as_bytes()) {
                if looked_at.insert(parent.to_vec()) && self.is_lost(&relative(parent)?, true)? {
                    lost.insert(relative(parent)?);
                }
            }
            if self.is_lost(&entry.path, entry.kind == Kind::Submodule)? {
                lost.insert(entry.path.clone());
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        let mut names: Vec<String> = lost
            .iter()
            .take(MOST_NAMED)
            .map(|path| format!("'{path}'"))
            .collect();
        if lost.len() > MOST_NAMED {
            names.push(format!("and {} more", lost.len() - MOST_NAMED));
        }
        Err(Error::internal(format!(
            "untracked working tree files would be overwritten by what was pushed: {}",
            names.join(", ")
        ))
        .hint("nothing was changed or pushed; commit, move or remove them in the step before"))
    }

    /// Whether something that is neither tracked nor ignored is in the place of a file, or of a directory.
    fn is_lost(&mut self, path: &RelativePath, is_for_directory: bool) -> Result<bool> {
        if self.indexed.contains_key(path.as_bytes()) {
            return Ok(false);
        }
        let found = self.directory().find(path).map_err(unreadable(path))?;
        let is_there = match found.map(|found| found.kind) {
            None => false,
            Some(FoundKind::Directory) => !is_for_directory && self.holds_untracked(path)?,
            Some(_) => true,
        };
        Ok(is_there && !self.is_ignored(path))
    }

    /// Whether a directory would be left once what is tracked in it is gone.
    fn holds_untracked(&mut self, path: &RelativePath) -> Result<bool> {
        let mut pending = vec![path.clone()];
        while let Some(directory) = pending.pop() {
            for (name, kind) in self
                .directory()
                .list(&directory)
                .map_err(unreadable(&directory))?
            {
                let below = relative(&[directory.as_bytes(), b"/", &name].concat())?;
                if kind == FoundKind::Directory {
                    pending.push(below);
                } else if !self.indexed.contains_key(below.as_bytes()) && !self.is_ignored(&below) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_ignored(&self, path: &RelativePath) -> bool {
        let path = std::str::from_utf8(path.as_bytes()).ok();
        path.is_some_and(|path| self.repo.is_path_ignored(path).unwrap_or(false))
    }

    /// Removes the tracked files that the commit does not have, and the directories that are empty then.
    fn remove_others(&mut self, entries: &[Entry]) -> Result<()> {
        let kept: HashSet<&[u8]> = entries.iter().map(|entry| entry.path.as_bytes()).collect();
        let mut left: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (name, indexed) in self.indexed {
            let path = match RelativePath::new(name.clone()) {
                Ok(path)
                    if !kept.contains(name.as_slice()) && indexed.flags_extended & SKIP_WORKTREE == 0 =>
                {
                    path
                }
                _ => continue,
            };
            match self
                .directory()
                .find(&path)
                .map_err(unreadable(&path))?
                .map(|found| found.kind)
            {
                None => continue,
                // Git leaves the directories of submodules, and those that took a file's place.
                Some(FoundKind::Directory) => {}
                Some(_) => self.directory().remove(&path).map_err(unremovable(&path))?,
            }
            left.extend(parents(name).map(<[u8]>::to_vec));
        }
        // The deepest first.
        for directory in left.iter().rev() {
            // One that is not empty stays.
            let _ = self.directory().remove_directory(&relative(directory)?);
        }
        Ok(())
    }

    /// Writes a file unless it is there as it should be.
    fn entry(&mut self, entry: &Entry) -> Result<IndexEntry> {
        if let Some(indexed) = self.indexed.get(entry.path.as_bytes()) {
            if indexed.flags_extended & SKIP_WORKTREE != 0 {
                return Ok(IndexEntry {
                    flags_extended: SKIP_WORKTREE,
                    ..index_entry(entry, None)
                });
            }
            let found = self
                .directory()
                .find(&entry.path)
                .map_err(unreadable(&entry.path))?;
            let is_same = (indexed.id, indexed.mode) == (entry.id, entry.kind.mode());
            if let Some(found) = found
                && is_same
                && is_unchanged(indexed, &found)
                && !is_racy(&found, self.written)
            {
                return Ok(index_entry(
                    entry,
                    (entry.kind != Kind::Submodule).then_some(&found),
                ));
            }
        }
        self.make_room(entry)?;
        self.writer.write(entry)
    }

    /// Removes what is in the place of a file, or of a directory that it is in.
    fn make_room(&mut self, entry: &Entry) -> Result<()> {
        let mut parents: Vec<&[u8]> = parents(entry.path.as_bytes()).collect();
        parents.reverse();
        for parent in parents {
            if !self.clear.insert(parent.to_vec()) {
                continue;
            }
            let path = relative(parent)?;
            let found = self.directory().find(&path).map_err(unreadable(&path))?;
            if found.is_some_and(|found| found.kind != FoundKind::Directory) {
                self.directory().remove(&path).map_err(unremovable(&path))?;
            }
        }
        let found = self
            .directory()
            .find(&entry.path)
            .map_err(unreadable(&entry.path))?;
        match found.map(|found| found.kind) {
            None => Ok(()),
            Some(FoundKind::Directory) if entry.kind == Kind::Submodule => Ok(()),
            Some(_) => self
                .directory()
                .remove_all(&entry.path)
                .map_err(unwritable(entry)),
        }
    }
}

/// Parts of checked paths are checked.
fn relative(path: &[u8]) -> Result<RelativePath> {
    RelativePath::new(path).map_err(|why| {
        let path = String::from_utf8_lossy(path).escape_debug().to_string();
        local_failure(format!("failed to read {path}"), why)
    })
}

fn unreadable(path: &RelativePath) -> impl Fn(io::Error) -> Error {
    move |error| local_failure(format!("failed to read {path}"), error)
}

fn unremovable(path: &RelativePath) -> impl Fn(io::Error) -> Error {
    move |error| local_failure(format!("failed to remove {path}"), error)
}
