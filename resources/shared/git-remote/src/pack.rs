//! Packs: received, indexed as they arrive, and asked what they hold.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use concourse_resource_sdk::Context;
use concourse_resource_sdk::console::Progress;
use git2::Oid;
use gix_hash::{Kind, ObjectId};

use crate::error::{Error, Result};
use crate::pktline::Demultiplexer;
use crate::remote_lines::RemoteLines;

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
    let written = gix_pack::Bundle::write_to_directory(
        &mut counted,
        Some(&directory),
        &mut prodash::progress::Discard,
        interrupt,
        None::<gix_object::find::Never>,
        Kind::Sha1,
        gix_pack::bundle::write::Options::default(),
    );
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
    let written = match (written, failure) {
        (Ok(written), _) => written,
        (Err(_), Some(failure)) => return Err(failure),
        (Err(error), None) => return Err(unwritten(error.iter_errors(), directory)),
    };
    drained.map_err(|error| Error::Broken(error.to_string()))?;
    if let Some(keep) = &written.keep_path {
        // It only protects the pack from a concurrent `git gc`, and nobody else is here.
        let _ = std::fs::remove_file(keep);
    }
    let Some(path) = written.index_path else {
        return Ok(None);
    };
    open(path, written.index.num_objects).map(Some)
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

/// Tells a full disk from a broken stream.
fn unwritten<'e>(
    errors: impl Iterator<Item = &'e (dyn std::error::Error + 'static)>,
    directory: PathBuf,
) -> Error {
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && is_local(io.kind())
        {
            let error = io::Error::new(io.kind(), io.to_string());
            return Error::Io {
                doing: "write a pack to",
                path: directory,
                error,
            };
        }
        texts.push(error.to_string());
    }
    texts.dedup();
    Error::Broken(format!("the pack cannot be read: {}", texts.join(": ")))
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
