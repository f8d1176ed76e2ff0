//! Writing one file of a commit into the work tree.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::console::Console;
use concourse_resource_sdk::files::{Directory, Found, Kind as FoundKind};
use concourse_resource_sdk::{Error, Result};
use git_remote::LargeBlobs;
use git2::{IndexEntry, IndexTime, Odb};

use super::entries::{Entry, Kind};
use crate::attributes::Conversions;
use crate::{git_failed, local_failure};

/// How much of a large file is gathered before it is written.
const PIECE: usize = 256 * 1024;

/// Writes files below a work tree. Each thread has one of its own.
pub(super) struct Writer<'a> {
    pub(super) directory: Directory,
    pub(super) odb: Odb<'a>,
    pub(super) large: &'a LargeBlobs,
    pub(super) conversions: &'a Conversions,
    pub(super) log: &'a Console,
}

impl Writer<'_> {
    /// Writes a file that is not there yet, and answers its entry in the index.
    pub(super) fn write(&mut self, entry: &Entry) -> Result<IndexEntry> {
        let found = match entry.kind {
            Kind::File | Kind::Executable => Some(self.file(entry)?),
            Kind::Link => Some(self.link(entry)?),
            Kind::Submodule => {
                let made = self.directory.create_directory(&entry.path);
                made.map_err(unwritable(entry))?;
                None
            }
        };
        Ok(index_entry(entry, found.as_ref()))
    }

    fn file(&mut self, entry: &Entry) -> Result<Found> {
        let path = entry.path.as_bytes();
        let conversion = (!self.conversions.is_none()).then(|| self.conversions.of(path));
        let conversion = conversion.filter(|conversion| !conversion.is_none());
        if conversion.is_none() && self.large.size(entry.id).is_some() {
            let file = create(&mut self.directory, entry)?;
            return self.stream(entry, &file).map_err(unwritable(entry));
        }
        let blob = self
            .odb
            .read(entry.id)
            .map_err(git_failed("check the commit out"))?;
        let converted = match &conversion {
            None => None,
            Some(conversion) => {
                let mut warn = |text: String| self.log.warn(&text);
                let converted = conversion.to_worktree(path, blob.data(), &mut warn);
                Some(converted.map_err(|why| Error::remote(why).exit(crate::GIT_EXIT))?)
            }
        };
        let content = converted.as_deref().unwrap_or(blob.data());
        let mut file = create(&mut self.directory, entry)?;
        file.write_all(content)
            .and_then(|()| Found::of(&file))
            .map_err(unwritable(entry))
    }

    /// Large files are held in memory nowhere.
    fn stream(&self, entry: &Entry, file: &File) -> io::Result<Found> {
        let mut out = BufWriter::with_capacity(PIECE, file);
        self.large.read(entry.id, &mut out)?;
        out.flush()?;
        Found::of(file)
    }

    fn link(&mut self, entry: &Entry) -> Result<Found> {
        let target = self
            .odb
            .read(entry.id)
            .map_err(git_failed("check the commit out"))?;
        // As the file system would read it.
        let target = target.data().split(|&byte| byte == 0).next().unwrap_or_default();
        self.directory
            .create_link(&entry.path, target)
            .and_then(|()| self.directory.find(&entry.path))
            .and_then(|found| found.ok_or_else(|| io::ErrorKind::NotFound.into()))
            .map_err(unwritable(entry))
    }
}

fn create(directory: &mut Directory, entry: &Entry) -> Result<File> {
    let mode = if entry.kind == Kind::Executable {
        0o777
    } else {
        0o666
    };
    directory.create(&entry.path, mode).map_err(unwritable(entry))
}

/// A failure to write a file.
pub(super) fn unwritable(entry: &Entry) -> impl Fn(io::Error) -> Error {
    move |error| local_failure(format!("failed to write {}", entry.path), error)
}

/// The entry of a file in an index; of one that was not written, without what the file system says of it.
pub(super) fn index_entry(entry: &Entry, found: Option<&Found>) -> IndexEntry {
    // An index has 32 bits for each of these, and a comparison knows it.
    let short = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
    let time = |(seconds, nanoseconds): (i64, u32)| {
        let low = u32::try_from(seconds & i64::from(u32::MAX)).unwrap_or_default();
        IndexTime::new(low.cast_signed(), nanoseconds)
    };
    let stat = |of: fn(&Found) -> u64| found.map_or(0, |found| short(of(found)));
    IndexEntry {
        ctime: found.map_or(IndexTime::new(0, 0), |found| time(found.changed)),
        mtime: found.map_or(IndexTime::new(0, 0), |found| time(found.modified)),
        dev: stat(|found| found.device),
        ino: stat(|found| found.inode),
        mode: entry.kind.mode(),
        uid: stat(|found| found.user.into()),
        gid: stat(|found| found.group.into()),
        file_size: stat(|found| found.size),
        id: entry.id,
        flags: 0,
        flags_extended: 0,
        path: entry.path.as_bytes().to_vec(),
    }
}

/// Whether a file is, as far as the file system tells, what the index last saw there.
pub(super) fn is_unchanged(indexed: &IndexEntry, found: &Found) -> bool {
    let kind = match indexed.mode & 0o170_000 {
        0o120_000 => FoundKind::Link,
        0o160_000 => return found.kind == FoundKind::Directory,
        _ => FoundKind::File,
    };
    let seen = index_entry(
        &Entry {
            path: match concourse_resource_sdk::files::RelativePath::new(indexed.path.clone()) {
                Ok(path) => path,
                Err(_) => return false,
            },
            id: indexed.id,
            kind: Kind::File,
        },
        Some(found),
    );
    let is_executable = found.mode & 0o100 != 0;
    found.kind == kind
        && (kind == FoundKind::Link || is_executable == (indexed.mode & 0o100 != 0))
        && seen.mtime == indexed.mtime
        && seen.ctime == indexed.ctime
        && seen.ino == indexed.ino
        && seen.file_size == indexed.file_size
}
