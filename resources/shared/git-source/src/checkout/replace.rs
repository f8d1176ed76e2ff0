//! Other content for files that were checked out: what filter drivers make of what is stored.

use std::fs::File;
use std::io;

use concourse_resource_sdk::Result;
use concourse_resource_sdk::files::{Directory, Found, RelativePath};
use git2::{Index, IndexEntry, Repository};

use super::entries::{Entry, Kind};
use super::write::index_entry;
use super::{SKIP_WORKTREE, indexed_conversions, work_tree};
use crate::{git_failed, local_failure};

/// Puts other content into files of a work tree, and keeps the index in step, so that they count as unchanged.
pub struct Replacer<'a> {
    repo: &'a Repository,
    directory: Directory,
    index: Index,
}

impl<'a> Replacer<'a> {
    /// For the work tree of a repository, as its index has it.
    ///
    /// # Errors
    /// Fails where one of them cannot be read.
    pub fn new(repo: &'a Repository) -> Result<Self> {
        Ok(Self {
            repo,
            directory: work_tree(repo)?,
            index: repo.index().map_err(git_failed("read the index"))?,
        })
    }

    /// The files in the work tree that a filter driver handles, in order.
    ///
    /// # Errors
    /// Fails where the repository cannot be read.
    pub fn files(&self, filter: &[u8]) -> Result<Vec<IndexEntry>> {
        let conversions = indexed_conversions(self.repo, &self.index)?;
        if conversions.is_none() {
            return Ok(Vec::new());
        }
        let files = self.index.iter().filter(|entry| {
            entry.mode & 0o170_000 == 0o100_000
                && entry.flags_extended & SKIP_WORKTREE == 0
                && conversions.of(&entry.path).filter() == Some(filter)
        });
        Ok(files.collect())
    }

    /// What is in a file now.
    ///
    /// # Errors
    /// Fails where it cannot be read, or is a link.
    pub fn read(&mut self, entry: &IndexEntry) -> Result<File> {
        let read = relative(entry).and_then(|path| self.directory.read(&path));
        read.map_err(|error| local_failure(format!("failed to read {}", shown(entry)), error))
    }

    /// Writes other content into a file.
    ///
    /// # Errors
    /// Fails where it cannot be written.
    pub fn write(
        &mut self,
        entry: &IndexEntry,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        let kind = if entry.mode & 0o100 == 0 {
            Kind::File
        } else {
            Kind::Executable
        };
        let found = relative(entry).and_then(|path| {
            self.directory.remove(&path)?;
            let mode = if kind == Kind::Executable { 0o777 } else { 0o666 };
            let mut file = self.directory.create(&path, mode)?;
            write(&mut file)?;
            Ok((path, Found::of(&file)?))
        });
        let (path, found) =
            found.map_err(|error| local_failure(format!("failed to write {}", shown(entry)), error))?;
        let written = Entry {
            path,
            id: entry.id,
            kind,
        };
        self.index
            .add(&index_entry(&written, Some(&found)))
            .map_err(git_failed("write the index"))
    }

    /// Writes the index.
    ///
    /// # Errors
    /// Fails where it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.index.write().map_err(git_failed("write the index"))
    }
}

fn relative(entry: &IndexEntry) -> io::Result<RelativePath> {
    RelativePath::new(entry.path.clone()).map_err(io::Error::other)
}

/// Its path, for people.
fn shown(entry: &IndexEntry) -> String {
    String::from_utf8_lossy(&entry.path).escape_debug().to_string()
}
