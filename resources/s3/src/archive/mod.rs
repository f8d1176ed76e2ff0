//! Unpacking, by content (CONTRACT 6): tar and zip into the destination, gzip and bzip2 in place. Nothing leaves the destination.

mod bounded;
mod entries;
mod tarball;
mod zipped;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bounded::Bounded;
use bzip2::read::MultiBzDecoder;
use concourse_resource_sdk::error::chain;
use concourse_resource_sdk::files::RelativePath;
use concourse_resource_sdk::{Context, Error, Result};
use entries::Entries;
use flate2::read::MultiGzDecoder;

use crate::config::GetParams;
use crate::place::Place;

/// How much of a file is looked at.
const HEAD: usize = 512;
/// How much an archive may unpack to, unless the params say so.
const MOST_BYTES: u64 = 10 * 1024 * 1024 * 1024;
const MOST_TIMES: u64 = 100;
const MOST_ENTRIES: u64 = 1_000_000;

/// How much is unpacked at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    bytes: Option<u64>,
    entries: u64,
}

impl Limits {
    pub(crate) fn of(params: &GetParams) -> Self {
        Self {
            bytes: params.unpack_max_bytes,
            entries: params.unpack_max_entries.unwrap_or(MOST_ENTRIES),
        }
    }

    fn bytes_of(self, archive: u64) -> u64 {
        self.bytes
            .unwrap_or_else(|| MOST_BYTES.max(archive.saturating_mul(MOST_TIMES)))
    }
}

/// What is done with a file that is no archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    Fail,
    Leave,
}

/// What a file is, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Bzip2,
    Zip,
    Tar,
}

fn format(head: &[u8]) -> Option<Format> {
    match head {
        [0x1f, 0x8b, 0x08, ..] => Some(Format::Gzip),
        [b'B', b'Z', b'h', level, ..] if level.is_ascii_digit() => Some(Format::Bzip2),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => Some(Format::Zip),
        _ if head.get(257..262) == Some(b"ustar") => Some(Format::Tar),
        _ => None,
    }
}

/// Unpacks a file of the destination, which is gone afterwards; one that cannot be unpacked stays.
pub(crate) async fn unpack(
    cx: &Context,
    mut place: Place,
    name: RelativePath,
    limits: Limits,
    otherwise: Otherwise,
) -> Result<Place> {
    let interrupt = cx.interrupt();
    let unpacked = tokio::task::spawn_blocking(move || {
        let result = Unpacking::new(&mut place, &name, limits, interrupt)
            .and_then(|unpacking| unpacking.run(otherwise));
        (place, result)
    });
    let (place, result) = unpacked
        .await
        .map_err(|error| Error::internal("unpacking failed").cause(error))?;
    result.map(|()| place)
}

struct Unpacking<'a> {
    place: &'a mut Place,
    name: &'a RelativePath,
    archive: File,
    size: u64,
    head: Vec<u8>,
    limits: Limits,
    interrupt: Arc<AtomicBool>,
}

impl<'a> Unpacking<'a> {
    fn new(
        place: &'a mut Place,
        name: &'a RelativePath,
        limits: Limits,
        interrupt: Arc<AtomicBool>,
    ) -> Result<Self> {
        let opened = place.directory.read(name).and_then(|mut archive| {
            let size = archive.metadata()?.len();
            let head = head(&mut archive)?;
            archive.seek(SeekFrom::Start(0))?;
            Ok((archive, size, head))
        });
        let (archive, size, head) = opened.map_err(|error| failed(&error))?;
        Ok(Self {
            place,
            name,
            archive,
            size,
            head,
            limits,
            interrupt,
        })
    }

    fn run(mut self, otherwise: Otherwise) -> Result<()> {
        let format = match format(&self.head) {
            Some(format) => format,
            None if otherwise == Otherwise::Leave => return Ok(()),
            None => return Err(Error::remote(format!("not an archive: {}", self.name))),
        };
        // CONTRACT F6: out of the way of an entry of its name; back if it cannot be unpacked.
        let (aside, _) = self.place.temporary()?;
        self.place.rename(self.name, &aside)?;
        let result = self.extract(format);
        if result.is_ok() {
            self.place.forget(&aside);
        } else {
            self.place.forget(self.name);
            let _ = self.place.directory.rename(&aside, self.name);
        }
        result.map_err(|error| failed(&error))
    }

    fn extract(&mut self, format: Format) -> io::Result<()> {
        let archive = self.archive.try_clone()?;
        match format {
            Format::Zip => zipped::extract(archive, &mut self.entries()),
            Format::Tar => tarball::extract(io::BufReader::new(archive), &mut self.entries()),
            Format::Gzip => self.decompress(MultiGzDecoder::new(io::BufReader::new(archive))),
            Format::Bzip2 => self.decompress(MultiBzDecoder::new(io::BufReader::new(archive))),
        }
    }

    /// What comes out of gzip or bzip2: a tar is extracted, everything else takes the file's place.
    fn decompress(&mut self, stream: impl Read) -> io::Result<()> {
        let most = self.limits.bytes_of(self.size);
        let mut stream = Bounded::new(stream, most, Arc::clone(&self.interrupt));
        let head = head(&mut stream)?;
        let is_tar = format(&head) == Some(Format::Tar);
        let mut whole = head.as_slice().chain(stream);
        if is_tar {
            return tarball::extract(&mut whole, &mut self.entries());
        }
        let name = without_suffix(self.name.name());
        let name = RelativePath::new(name).map_err(io::Error::other)?;
        let (temporary, mut file) = self.place.temporary().map_err(io::Error::other)?;
        let copied = io::copy(&mut whole, &mut file).and_then(|_| file.flush());
        match copied {
            Ok(()) => self.place.directory.rename(&temporary, &name),
            Err(error) => {
                self.place.forget(&temporary);
                Err(error)
            }
        }
    }

    fn entries(&mut self) -> Entries<'_> {
        let most = self.limits.bytes_of(self.size);
        Entries::new(
            &mut self.place.directory,
            most,
            self.limits.entries,
            Arc::clone(&self.interrupt),
        )
    }
}

fn without_suffix(name: &[u8]) -> Vec<u8> {
    let suffixes: [(&[u8], &[u8]); 4] = [
        (b".tgz", b".tar"),
        (b".tbz2", b".tar"),
        (b".gz", b""),
        (b".bz2", b""),
    ];
    let stripped = suffixes.into_iter().find_map(|(suffix, instead)| {
        let stem = name.strip_suffix(suffix).filter(|stem| !stem.is_empty())?;
        Some([stem, instead].concat())
    });
    stripped.unwrap_or_else(|| name.to_vec())
}

/// How a stream begins.
fn head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    stream.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn failed(error: &io::Error) -> Error {
    Error::remote(format!(
        "failed to extract archive: {}",
        chain(error).escape_debug()
    ))
}

#[cfg(test)]
mod tests;
