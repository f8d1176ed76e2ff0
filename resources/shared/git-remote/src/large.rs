//! Blobs that are too large to be held in memory: found, and read piece by piece.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use flate2::Decompress;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use git2::{Oid, Repository};
use gix_hash::Kind;
use gix_pack::data::entry::Header;

use crate::pack::{LARGE, Passing, inflate, invalid};

/// What one byte of zlib can stand for, with room to spare: the format's own limit is 1032.
const MOST_PER_BYTE: u64 = 1100;

/// The longest head of an entry of a pack that is no difference.
const LONGEST_HEAD: usize = 16;

/// How much is read and written at a time.
const PIECE: usize = 64 * 1024;

/// The large blobs in a repository's own objects that can be read in pieces.
///
/// Those that a pack stores as differences are not among them, nor are those of alternates.
#[derive(Debug, Default)]
pub struct LargeBlobs {
    found: HashMap<Oid, Blob>,
}

#[derive(Debug)]
struct Blob {
    file: PathBuf,
    /// Where its data begin in a pack; a loose object has its head in front of them.
    packed_at: Option<u64>,
    size: u64,
}

impl LargeBlobs {
    /// Looks for them. What cannot be read is none: whoever needs it will say so.
    #[must_use]
    pub fn find(repo: &Repository) -> Self {
        let mut found = HashMap::new();
        for entry in list(&repo.commondir().join("objects")) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            match name.as_ref() {
                "pack" => {
                    for pack in
                        list(&entry).filter(|path| path.extension().is_some_and(|found| found == "pack"))
                    {
                        found.extend(packed(&pack).unwrap_or_default());
                    }
                }
                directory if directory.len() == 2 => found.extend(list(&entry).filter_map(|file| {
                    let id = format!("{directory}{}", file.file_name()?.to_str()?);
                    Some((id.parse().ok()?, loose(&file).ok()??))
                })),
                _ => {}
            }
        }
        Self { found }
    }

    /// Whether there are none, as usual.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The size of one of them in bytes; none for another object.
    #[must_use]
    pub fn size(&self, id: Oid) -> Option<u64> {
        self.found.get(&id).map(|blob| blob.size)
    }

    /// Writes what a blob holds.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` for what is none of them, `InvalidData` where an object is damaged, and as `out` fails.
    pub fn read(&self, id: Oid, out: &mut dyn Write) -> io::Result<()> {
        let blob = self.blob(id)?;
        let mut from = blob.open()?;
        if blob.packed_at.is_none() {
            let mut from = ZlibDecoder::new(from);
            blob_head(&mut from)?;
            return blob.check(io::copy(&mut from, out)?);
        }
        blob.check(inflate(&mut Decompress::new(true), &mut from, |piece| {
            out.write_all(piece)
        })?)
    }

    /// Writes a blob as an entry of a pack, which is that of the pack it is in.
    pub(crate) fn pack(&self, id: Oid, out: &mut dyn Write) -> io::Result<()> {
        let blob = self.blob(id)?;
        Header::Blob.write_to(blob.size, out)?;
        let from = blob.open()?;
        if blob.packed_at.is_some() {
            let mut passing = Passing::new(from, out);
            let size = inflate(&mut Decompress::new(true), &mut passing, |_| Ok(()))?;
            passing.flush()?;
            return blob.check(size);
        }
        let mut from = ZlibDecoder::new(from);
        blob_head(&mut from)?;
        let mut deflated = ZlibEncoder::new(out, flate2::Compression::default());
        blob.check(io::copy(&mut from, &mut deflated)?)?;
        deflated.finish().map(|_| ())
    }

    fn blob(&self, id: Oid) -> io::Result<&Blob> {
        self.found.get(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Blob {
    fn open(&self) -> io::Result<BufReader<File>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.packed_at.unwrap_or_default()))?;
        Ok(BufReader::with_capacity(PIECE, file))
    }

    fn check(&self, size: u64) -> io::Result<()> {
        if size == self.size {
            return Ok(());
        }
        Err(invalid(&format!(
            "{} is damaged: an object has {size} bytes instead of {}",
            self.file.display(),
            self.size
        )))
    }
}

/// The large blobs of a pack.
fn packed(pack: &Path) -> io::Result<Vec<(Oid, Blob)>> {
    let file = File::open(pack)?;
    let end = file.metadata()?.len();
    if end < LARGE / MOST_PER_BYTE {
        return Ok(Vec::new());
    }
    let index = gix_pack::index::File::at(pack.with_extension("idx"), Kind::Sha1)
        .map_err(|error| invalid(&error.to_string()))?;
    let offsets = index.sorted_offsets();
    let ends = offsets.iter().skip(1).copied().chain([end]);
    let mut large = HashMap::new();
    for (&offset, end) in offsets.iter().zip(ends) {
        if end.saturating_sub(offset) < LARGE / MOST_PER_BYTE {
            continue;
        }
        let mut head = [0; LONGEST_HEAD];
        let read = file.read_at(&mut head, offset)?;
        // A difference may have a longer head, and is of no use here.
        let Ok(entry) = gix_pack::data::Entry::from_bytes(&head[..read], offset, Kind::Sha1) else {
            continue;
        };
        if entry.header == Header::Blob && entry.decompressed_size > LARGE {
            large.insert(offset, (entry.data_offset, entry.decompressed_size));
        }
    }
    if large.is_empty() {
        return Ok(Vec::new());
    }
    let blobs = index.iter().filter_map(|entry| {
        let &(data, size) = large.get(&entry.pack_offset)?;
        let blob = Blob {
            file: pack.to_owned(),
            packed_at: Some(data),
            size,
        };
        Some((Oid::from_bytes(entry.oid.as_slice()).ok()?, blob))
    });
    Ok(blobs.collect())
}

/// Whether a loose object is a large blob.
fn loose(path: &Path) -> io::Result<Option<Blob>> {
    let file = File::open(path)?;
    if file.metadata()?.len() < LARGE / MOST_PER_BYTE {
        return Ok(None);
    }
    let size = blob_head(&mut ZlibDecoder::new(BufReader::with_capacity(512, file)))?;
    Ok((size > LARGE).then(|| Blob {
        file: path.to_owned(),
        packed_at: None,
        size,
    }))
}

/// Reads the head of a loose object; 0 where it is no blob.
fn blob_head(from: &mut ZlibDecoder<impl BufRead>) -> io::Result<u64> {
    let mut head = Vec::new();
    let mut byte = [0];
    while head.len() < LONGEST_HEAD * 2 {
        from.read_exact(&mut byte)?;
        if byte == [0] {
            break;
        }
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head
        .strip_prefix("blob ")
        .and_then(|size| size.parse().ok())
        .unwrap_or_default())
}

fn list(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.flatten().map(|entry| entry.path())
}
