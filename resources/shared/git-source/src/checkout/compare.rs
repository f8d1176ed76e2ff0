//! What is changed in a work tree and not committed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use concourse_resource_sdk::Result;
use concourse_resource_sdk::files::{Directory, Found, Kind as FoundKind, RelativePath};
use git2::{Index, IndexEntry, ObjectType, Oid, Repository};

use super::write::is_unchanged;
use super::{SKIP_WORKTREE, entries, indexed_conversions, work_tree};
use crate::attributes::Conversions;
use crate::{git_failed, local_failure};

/// What filter drivers make of content on its way into the repository: by the driver's name and the content; nothing for drivers that
/// are not known, which are not run.
pub type Clean<'a> = &'a dyn Fn(&[u8], &mut File) -> io::Result<Option<Vec<u8>>>;

/// The first path at which the index differs from `HEAD`, or a file from the index; files that git does not track are none.
///
/// # Errors
/// Fails where the repository, or a file, cannot be read.
pub fn first_change(repo: &Repository, clean: Clean<'_>) -> Result<Option<String>> {
    let failed = git_failed("compare the work tree with its commit");
    let head = repo
        .head()
        .and_then(|head| head.peel_to_commit())
        .map_err(&failed)?;
    let index = repo.index().map_err(&failed)?;
    let committed = entries::read(repo, head.tree_id(), &|| false)?;
    let mut committed: HashMap<&[u8], (Oid, u32)> = committed
        .iter()
        .map(|entry| (entry.path.as_bytes(), (entry.id, entry.kind.mode())))
        .collect();
    let conversions = indexed_conversions(repo, &index)?;
    let mut work_tree = WorkTree {
        repo,
        directory: work_tree(repo)?,
        conversions: &conversions,
        written: written(&index),
        clean,
    };
    let shown = |path: &[u8]| Some(String::from_utf8_lossy(path).escape_debug().to_string());
    for entry in index.iter() {
        let is_staged = committed.remove(entry.path.as_slice()) != Some((entry.id, entry.mode));
        if is_staged || stage(&entry) != 0 || work_tree.is_changed(&entry)? {
            return Ok(shown(&entry.path));
        }
    }
    // What is left was removed from the index.
    Ok(committed.keys().min().and_then(|path| shown(path)))
}

/// 0 but for the sides of a conflict.
fn stage(entry: &IndexEntry) -> u16 {
    (entry.flags >> 12) & 3
}

/// When the index was written: a file of that time or later may have changed without a trace.
pub(super) fn written(index: &Index) -> Option<std::time::SystemTime> {
    std::fs::metadata(index.path()?).ok()?.modified().ok()
}

struct WorkTree<'a> {
    repo: &'a Repository,
    directory: Directory,
    conversions: &'a Conversions,
    written: Option<std::time::SystemTime>,
    clean: Clean<'a>,
}

impl WorkTree<'_> {
    fn is_changed(&mut self, entry: &IndexEntry) -> Result<bool> {
        if entry.flags_extended & SKIP_WORKTREE != 0 {
            return Ok(false);
        }
        let Ok(path) = RelativePath::new(entry.path.clone()) else {
            return Ok(true);
        };
        let failed = |error: io::Error| local_failure(format!("failed to read {path}"), error);
        let Some(found) = self.directory.find(&path).map_err(failed)? else {
            return Ok(true);
        };
        if entry.mode & 0o170_000 == 0o160_000 {
            return Ok(found.kind != FoundKind::Directory || self.is_elsewhere(entry));
        }
        if is_unchanged(entry, &found) && !is_racy(&found, self.written) {
            return Ok(false);
        }
        let stored = match (entry.mode & 0o170_000, found.kind) {
            (0o120_000, FoundKind::Link) => self.directory.read_link(&path).map_err(failed)?,
            (0o100_000, FoundKind::File) if (entry.mode ^ found.mode) & 0o100 == 0 => {
                let mut file = self.directory.read(&path).map_err(failed)?;
                let conversion = self.conversions.of(&entry.path);
                if conversion.is_none() {
                    if id_of(&mut file, found.size).map_err(failed)? == Some(entry.id) {
                        return Ok(false);
                    }
                    if conversion.filter().is_none() {
                        return Ok(true);
                    }
                    file.rewind().map_err(failed)?;
                }
                let cleaned = match conversion.filter() {
                    Some(driver) => (self.clean)(driver, &mut file).map_err(failed)?,
                    None => None,
                };
                let content = match cleaned {
                    Some(content) => content,
                    None => all_of(&mut file).map_err(failed)?,
                };
                let indexed = || Some(self.repo.find_blob(entry.id).ok()?.content().to_vec());
                match conversion.to_git(&entry.path, &content, indexed) {
                    Ok(stored) => stored.into_owned(),
                    // What cannot be stored is not what is stored.
                    Err(_) => return Ok(true),
                }
            }
            _ => return Ok(true),
        };
        let id = Oid::hash_object(ObjectType::Blob, &stored)
            .map_err(git_failed("compare the work tree with its commit"))?;
        Ok(id != entry.id)
    }
}

/// A file's content, from its beginning.
fn all_of(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut content)?;
    Ok(content)
}

impl WorkTree<'_> {
    /// Whether a submodule is there, at another commit.
    fn is_elsewhere(&self, entry: &IndexEntry) -> bool {
        let directory = self.repo.workdir().zip(std::str::from_utf8(&entry.path).ok());
        let submodule = directory.and_then(|(directory, path)| Repository::open(directory.join(path)).ok());
        let head = submodule.and_then(|submodule| submodule.head().ok()?.target());
        head.is_some_and(|head| head != entry.id)
    }
}

/// The id of a blob of so many bytes, read in pieces; none if there are fewer or more.
fn id_of(from: &mut impl io::Read, size: u64) -> io::Result<Option<Oid>> {
    let mut hash = gix_hash::hasher(gix_hash::Kind::Sha1);
    hash.update(format!("blob {size}\0").as_bytes());
    let mut into = gix_hash::io::Write {
        hash,
        inner: io::sink(),
    };
    if io::copy(from, &mut into)? != size {
        return Ok(None);
    }
    let id = into.hash.try_finalize().map_err(io::Error::other)?;
    Oid::from_bytes(id.as_bytes()).map(Some).map_err(io::Error::other)
}

/// Whether a file was written when the index was, or later.
pub(super) fn is_racy(found: &Found, written: Option<std::time::SystemTime>) -> bool {
    let written = written.and_then(|written| written.duration_since(std::time::UNIX_EPOCH).ok());
    written.is_none_or(|written| {
        let (seconds, nanoseconds) = found.modified;
        (seconds, nanoseconds)
            >= (
                i64::try_from(written.as_secs()).unwrap_or(i64::MAX),
                written.subsec_nanos(),
            )
    })
}
