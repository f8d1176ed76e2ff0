//! The files of a tree, with checked paths, in the order of an index.

use std::collections::HashSet;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::files::RelativePath;
use concourse_resource_sdk::{Error, Result};
use git2::{Index, Oid, Repository};

use super::names::Rules;
use crate::{GIT_EXIT, git_failed};

/// A file of a tree.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) path: RelativePath,
    pub(super) id: Oid,
    pub(super) kind: Kind,
}

/// What a file of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Executable,
    Link,
    Submodule,
}

impl Kind {
    /// Of all permissions, git keeps only whether the owner may execute it.
    fn of(mode: i32) -> Option<Self> {
        match mode & 0o170_000 {
            0o040_000 => None,
            0o100_000 if mode & 0o100 != 0 => Some(Self::Executable),
            0o100_000 => Some(Self::File),
            0o120_000 => Some(Self::Link),
            _ => Some(Self::Submodule),
        }
    }

    /// As an index has it.
    pub(super) const fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Link => 0o120_000,
            Self::Submodule => 0o160_000,
        }
    }
}

/// Reads all files of a tree.
///
/// # Errors
/// Fails, as git does, for names that must not become files, and for two files of one name.
pub(super) fn read(repo: &Repository, tree: Oid, is_cancelled: &dyn Fn() -> bool) -> Result<Vec<Entry>> {
    let failed = git_failed("read the tree of the commit");
    let rules = Rules::new(
        &repo
            .config()
            .and_then(|mut config| config.snapshot())
            .map_err(&failed)?,
    );
    let mut entries = Vec::new();
    let mut pending = vec![(Vec::new(), tree)];
    while let Some((directory, id)) = pending.pop() {
        if is_cancelled() {
            return Err(git_remote::Error::Interrupted.into());
        }
        let tree = repo.find_tree(id).map_err(&failed)?;
        for entry in &tree {
            let mut path = directory.clone();
            path.extend_from_slice(entry.name_bytes());
            match Kind::of(entry.filemode_raw()) {
                None => {
                    // Checked before it is gone into: such a tree need not end.
                    let checked = checked(rules, path, Kind::File)?;
                    let mut path = checked.as_bytes().to_vec();
                    path.push(b'/');
                    pending.push((path, entry.id()));
                }
                Some(kind) => entries.push(Entry {
                    path: checked(rules, path, kind)?,
                    id: entry.id(),
                    kind,
                }),
            }
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    refuse_doubles(&entries)?;
    Ok(entries)
}

/// The longest path that git checks out: that of the system calls, without the zero at the end (`PATH_MAX`).
const LONGEST_PATH: usize = 4095;

fn checked(rules: Rules, path: Vec<u8>, kind: Kind) -> Result<RelativePath> {
    if path.len() > LONGEST_PATH {
        let shown = String::from_utf8_lossy(&path[..64]).escape_debug().to_string();
        return Err(Error::remote(format!("the path '{shown}…' is too long"))
            .cause(format!("it has more than {LONGEST_PATH} bytes"))
            .hint("the commit holds directories that are too deep to be checked out")
            .exit(GIT_EXIT));
    }
    let shown = String::from_utf8_lossy(&path).escape_debug().to_string();
    rules.check(path, kind).map_err(|why| {
        Error::remote(format!("invalid path '{shown}'"))
            .cause(why)
            .hint("the commit holds a file that git refuses to check out")
            .exit(GIT_EXIT)
    })
}

/// A crafted tree may have a name twice, as a file and as a directory too.
fn refuse_doubles(entries: &[Entry]) -> Result<()> {
    let double = |path: &RelativePath| {
        Error::remote(format!("the commit has two files at '{path}'"))
            .hint("its tree is malformed: see git fsck")
            .exit(GIT_EXIT)
    };
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(double(&pair[0].path));
    }
    let directories: HashSet<&[u8]> = entries
        .iter()
        .flat_map(|entry| parents(entry.path.as_bytes()))
        .collect();
    match entries
        .iter()
        .find(|entry| directories.contains(entry.path.as_bytes()))
    {
        Some(entry) => Err(double(&entry.path)),
        None => Ok(()),
    }
}

/// The directories that a path is in, the nearest first.
pub(super) fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
    ends.map(|(end, _)| &path[..end])
}

/// The attribute files among the files, and their contents.
pub(super) fn attribute_files(repo: &Repository, entries: &[Entry]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let files = entries.iter().filter(|entry| {
        entry.path.name() == crate::attributes::FILE && matches!(entry.kind, Kind::File | Kind::Executable)
    });
    files
        .map(|entry| {
            let blob = repo
                .find_blob(entry.id)
                .map_err(git_failed("read the attributes of the commit"))?;
            Ok((
                entry.path.parent().unwrap_or_default().to_vec(),
                blob.content().to_vec(),
            ))
        })
        .collect()
}

/// The attribute files in an index, and their contents.
pub(super) fn indexed_attribute_files(repo: &Repository, index: &Index) -> Vec<(Vec<u8>, Vec<u8>)> {
    let name = crate::attributes::FILE;
    let files = index.iter().filter_map(|entry| {
        // A link is none, as in git.
        if entry.mode & 0o170_000 != 0o100_000 {
            return None;
        }
        let directory = match entry.path.strip_suffix(name)? {
            [] => Vec::new(),
            [directory @ .., b'/'] => directory.to_vec(),
            _ => return None,
        };
        Some((directory, repo.find_blob(entry.id).ok()?.content().to_vec()))
    });
    files.collect()
}
