//! Packs: received, indexed as they arrive, and asked what they hold.

mod entries;
mod index;
mod passing;

use std::cell::RefCell;
use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use concourse_resource_sdk::Context;
use concourse_resource_sdk::console::Progress;
use git2::Oid;
use gix_hash::{Kind, ObjectId};
use gix_pack::data::EntryRange;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::pktline::Demultiplexer;
use crate::remote_lines::RemoteLines;
use entries::Entries;
pub(crate) use entries::{inflate, invalid};
pub(crate) use passing::Passing;

/// Objects above this size are not held in memory, unless they are stored as differences.
pub(crate) const LARGE: u64 = 16 << 20;

/// How much of a file is read or written at a time.
const PIECE: usize = 64 * 1024;

/// A pack with its index, below `objects/pack`. The default is a pack without any object, which is nowhere.
#[derive(Default)]
pub struct Pack {
    index: Option<Box<gix_pack::index::File>>,
    /// The index.
    pub path: PathBuf,
    /// How many objects it holds.
    pub objects: u32,
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pack({} objects, {})", self.objects, self.path.display())
    }
}

impl Pack {
    /// Whether it holds an object.
    #[must_use]
    pub fn contains(&self, id: Oid) -> bool {
        let Some(index) = &self.index else { return false };
        ObjectId::try_from(id.as_bytes()).is_ok_and(|id| index.lookup(id).is_some())
    }
}

/// Receives the pack that follows on a multiplexed answer. None when it is empty.
pub(crate) fn receive(
    answer: &mut dyn BufRead,
    git_dir: &Path,
    interrupt: &AtomicBool,
    cx: &Context,
) -> Result<Option<Pack>> {
    let directory = crate::pack_directory(git_dir);
    let mut remote = RemoteLines::new(|line| cx.log().trace(line));
    let mut demultiplexer = Demultiplexer::new(answer, |text: &[u8]| remote.hear(text));
    let progress = cx.progress("Receiving objects", None);
    let mut counted = Counted {
        from: &mut demultiplexer,
        progress: progress.clone(),
        interrupt,
    };
    let written = store(&mut counted, &directory, interrupt);
    // The flush after the pack is read, so that the connection can be used again.
    let drained = if written.is_ok() {
        io::copy(&mut demultiplexer, &mut io::sink()).map(|_| ())
    } else {
        Ok(())
    };
    let failure = demultiplexer.failure.take();
    progress.finish();
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let stored = match (written, failure) {
        (Ok(stored), _) => stored,
        (Err(_), Some(failure)) => return Err(failure),
        (Err(error), None) => return Err(error),
    };
    drained.map_err(|error| Error::Broken(error.to_string()))?;
    stored.map(|(path, objects)| open(path, objects)).transpose()
}

/// What a fuzz target calls.
#[cfg(feature = "fuzzing")]
pub(crate) fn receive_for_fuzzing(mut data: &[u8], directory: &Path, interrupt: &AtomicBool) {
    if let Ok(Some((path, objects))) = store(&mut data, directory, interrupt) {
        let _ = open(path, objects);
    }
}

/// Writes a pack and its index. Answers the index and how many objects it holds, or nothing when there are none.
fn store(from: &mut dyn BufRead, directory: &Path, interrupt: &AtomicBool) -> Result<Option<(PathBuf, u32)>> {
    let failed = |error: io::Error| unreadable(error, directory);
    let temporary = || {
        tempfile::Builder::new()
            .prefix("tmp_")
            .permissions(Permissions::from_mode(0o444))
            .tempfile_in(directory)
            .map_err(failed)
    };
    let (pack, index) = (temporary()?, temporary()?);
    let file = BufWriter::with_capacity(PIECE, pack.as_file());
    let mut entries = Entries::new(from, file, LARGE).map_err(failed)?;
    let mut found = resolve(&mut entries, pack.path(), &index, directory, interrupt);
    if let Some(error) = entries.failure.take() {
        return Err(failed(error));
    }
    if entries.is_base_aside {
        let again = BufReader::with_capacity(PIECE, File::open(pack.path()).map_err(failed)?);
        let mut entries = Entries::new(again, io::sink(), u64::MAX).map_err(failed)?;
        found = resolve(&mut entries, pack.path(), &index, directory, interrupt);
    }
    let objects = found?;
    let trailer = entries.trailer().filter(|_| objects > 0);
    drop(entries);
    let Some(trailer) = trailer else { return Ok(None) };
    let path = directory.join(format!("pack-{trailer}.pack"));
    // One of this name has the same content.
    pack.persist(&path).map_err(|error| failed(error.error))?;
    let path = path.with_extension("idx");
    index.persist(&path).map_err(|error| failed(error.error))?;
    Ok(Some((path, objects)))
}

/// Finds the ids of all entries, on all cores, and writes the index. Answers how many objects there are.
fn resolve<R: BufRead, W: Write>(
    entries: &mut Entries<R, W>,
    pack: &Path,
    index: &NamedTempFile,
    directory: &Path,
    interrupt: &AtomicBool,
) -> Result<u32> {
    let count = entries.left();
    let entries = RefCell::new(entries);
    let mut out = BufWriter::with_capacity(PIECE, index.as_file());
    let written = gix_pack::index::write_data_iter_to_stream(
        gix_pack::index::Version::default(),
        || {
            if !entries.borrow().is_complete() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let file =
                gix_pack::data::File::at(pack, Kind::Sha1).map_err(|error| invalid(&error.to_string()))?;
            Ok((slice, file))
        },
        &mut std::iter::from_fn(|| entries.borrow_mut().next().map(Ok)).take(count),
        None,
        &mut prodash::progress::Discard,
        &mut out,
        interrupt,
        Kind::Sha1,
        None,
        gix_pack::data::Version::V2,
    );
    let outcome = written.map_err(|error| unwritten(error.iter_errors(), directory))?;
    out.flush().map_err(Error::io("write a pack to", directory))?;
    drop(out);
    let entries = entries.into_inner();
    let Some(trailer) = entries.trailer().filter(|_| !entries.aside.is_empty()) else {
        return Ok(outcome.num_objects);
    };
    index::add(index, &entries.aside, trailer).map_err(|error| unreadable(error, directory))
}

fn open(path: PathBuf, objects: u32) -> Result<Pack> {
    let index = gix_pack::index::File::at(&path, Kind::Sha1)
        .map_err(|error| Error::Broken(format!("the index {} cannot be read: {error}", path.display())))?;
    Ok(Pack {
        index: Some(Box::new(index)),
        path,
        objects,
    })
}

fn slice(range: EntryRange, pack: &gix_pack::data::File) -> Option<&[u8]> {
    pack.entry_slice(range)
}

/// Tells a full disk from a broken stream.
fn unwritten<'e>(
    errors: impl Iterator<Item = &'e (dyn std::error::Error + 'static)>,
    directory: &Path,
) -> Error {
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && is_local(io.kind())
        {
            let error = io::Error::new(io.kind(), io.to_string());
            return Error::io("write a pack to", directory)(error);
        }
        texts.push(error.to_string());
    }
    texts.dedup();
    Error::Broken(format!("the pack cannot be read: {}", texts.join(": ")))
}

fn unreadable(error: io::Error, directory: &Path) -> Error {
    if is_local(error.kind()) {
        Error::io("write a pack to", directory)(error)
    } else {
        Error::Broken(format!("the pack cannot be read: {error}"))
    }
}

/// What only our own disk answers.
fn is_local(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        FileTooLarge, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    matches!(
        kind,
        StorageFull | QuotaExceeded | FileTooLarge | PermissionDenied | ReadOnlyFilesystem | NotFound
    )
}

/// Counts what is read, and stops at an abort.
struct Counted<'a, R> {
    from: R,
    progress: Progress,
    interrupt: &'a AtomicBool,
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        self.from.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.progress.add(count as u64);
        self.from.consume(count);
    }
}

impl<R: BufRead> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
