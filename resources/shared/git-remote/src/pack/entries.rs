//! The entries of a pack, one after the other as they arrive (gitformat-pack).

use std::collections::HashSet;
use std::io::{self, BufRead, Read as _, Write};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use gix_hash::{Hasher, Kind, ObjectId};
use gix_pack::data::entry::Header;
use gix_pack::data::input::Entry;

use super::passing::Passing;

/// The length of a pack's head: signature, version, number of objects.
const HEAD: usize = 12;

/// How much is inflated at a time.
const PIECE: usize = 16 * 1024;

/// An object that was put aside: its id was found while it passed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aside {
    pub(super) id: ObjectId,
    pub(super) offset: u64,
    pub(super) crc32: u32,
}

/// Reads a pack, writes it to a file, and gives its entries without their content.
///
/// Whole objects above a size are hashed as they pass by and [put aside](Self::aside): who resolves entries holds them in
/// memory. At a failure the entries end early.
pub(super) struct Entries<R, W> {
    passing: Passing<R, Received<W>>,
    inflate: Decompress,
    left: u32,
    aside_above: u64,
    /// The entry before, which turns out to be the last one or not.
    held: Option<Entry>,
    has_deltas_by_id: bool,
    trailer: Option<ObjectId>,
    pub(super) aside: Vec<Aside>,
    offsets_aside: HashSet<u64>,
    /// A delta is on an object that was put aside, so that the entries given are not all that are needed.
    pub(super) is_base_aside: bool,
    pub(super) failure: Option<io::Error>,
}

impl<R: BufRead, W: Write> Entries<R, W> {
    /// Reads the head of the pack.
    pub(super) fn new(from: R, file: W, aside_above: u64) -> io::Result<Self> {
        let received = Received {
            file,
            hash: gix_hash::hasher(Kind::Sha1),
            crc: Crc::new(),
            offset: 0,
            as_version_2: None,
            trailer: Vec::new(),
        };
        let mut passing = Passing::new(from, received);
        let mut head = [0; HEAD];
        passing.read_exact(&mut head)?;
        let (_, count) =
            gix_pack::data::header::decode(&head).map_err(|error| invalid(&error.to_string()))?;
        let mut entries = Self {
            passing,
            inflate: Decompress::new(true),
            left: count,
            aside_above,
            held: None,
            has_deltas_by_id: false,
            trailer: None,
            aside: Vec::new(),
            offsets_aside: HashSet::new(),
            is_base_aside: false,
            failure: None,
        };
        if count == 0 {
            entries.read_trailer()?;
        }
        Ok(entries)
    }

    /// How many objects are still to come.
    pub(super) fn left(&self) -> usize {
        self.left as usize
    }

    /// The pack's own hash, once all of it was read.
    pub(super) fn trailer(&self) -> Option<ObjectId> {
        self.trailer
    }

    /// Whether the entries that were given are all of the pack but what was put aside.
    pub(super) fn is_complete(&self) -> bool {
        self.trailer.is_some() && !self.is_base_aside
    }

    fn read_next(&mut self) -> io::Result<Option<Entry>> {
        while self.left > 0 {
            let entry = self.read_entry()?;
            self.left -= 1;
            if self.left == 0 {
                self.read_trailer()?;
            }
            if let Some(entry) = entry
                && let Some(before) = self.held.replace(entry)
                && !self.is_base_aside
            {
                return Ok(Some(before));
            }
        }
        self.is_base_aside |= self.has_deltas_by_id && !self.aside.is_empty();
        Ok(self
            .held
            .take()
            .filter(|_| !self.is_base_aside)
            .map(|last| Entry {
                trailer: self.trailer,
                ..last
            }))
    }

    /// None for one that is put aside.
    fn read_entry(&mut self) -> io::Result<Option<Entry>> {
        let offset = self.passing.to.offset;
        self.passing.to.crc.reset();
        let head = gix_pack::data::Entry::from_read(&mut self.passing, offset, Kind::Sha1.len_in_bytes())?;
        match head.header {
            Header::OfsDelta { base_distance } => {
                let base = offset.checked_sub(base_distance);
                self.is_base_aside |= base.is_some_and(|base| self.offsets_aside.contains(&base));
            }
            Header::RefDelta { .. } => self.has_deltas_by_id = true,
            _ => {}
        }
        let kind = head
            .header
            .as_kind()
            .filter(|_| head.decompressed_size > self.aside_above);
        let mut hash = kind.map(|kind| {
            let mut hash = gix_hash::hasher(Kind::Sha1);
            hash.update(format!("{kind} {}\0", head.decompressed_size).as_bytes());
            hash
        });
        let data = self.passing.to.offset;
        self.inflate.reset(true);
        let size = inflate(&mut self.inflate, &mut self.passing, |piece| {
            if let Some(hash) = &mut hash {
                hash.update(piece);
            }
            Ok(())
        })?;
        if size != head.decompressed_size {
            return Err(invalid(&format!(
                "the object at {offset} has {size} bytes instead of {}",
                head.decompressed_size
            )));
        }
        let crc32 = self.passing.to.crc.sum();
        if let Some(hash) = hash {
            let id = finish(hash)?;
            self.aside.push(Aside { id, offset, crc32 });
            self.offsets_aside.insert(offset);
            return Ok(None);
        }
        Ok(Some(Entry {
            header: head.header,
            header_size: u16::try_from(head.header_size()).unwrap_or(u16::MAX),
            pack_offset: offset,
            compressed: None,
            compressed_size: self.passing.to.offset - data,
            crc32: Some(crc32),
            decompressed_size: size,
            trailer: None,
        }))
    }

    fn read_trailer(&mut self) -> io::Result<()> {
        let found = finish(self.passing.to.hash.clone())?;
        let own = self.passing.to.as_version_2.take().map(finish).transpose()?;
        if let Some(own) = own {
            self.passing.to.trailer = own.as_slice().to_vec();
        }
        let mut said = ObjectId::null(Kind::Sha1);
        self.passing.read_exact(said.as_mut_slice())?;
        self.passing.flush()?;
        if found != said {
            return Err(invalid("its checksum is not that of what was received"));
        }
        self.trailer = Some(own.unwrap_or(said));
        Ok(())
    }
}

impl<R: BufRead, W: Write> Iterator for Entries<R, W> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.failure.is_some() {
            return None;
        }
        self.read_next().unwrap_or_else(|error| {
            self.failure = Some(error);
            None
        })
    }
}

/// Inflates one zlib stream, to its end and not a byte further, and answers how long its content is.
pub(crate) fn inflate(
    state: &mut Decompress,
    from: &mut impl BufRead,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut piece = [0; PIECE];
    loop {
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let buffered = from.fill_buf()?;
        let is_end = buffered.is_empty();
        let status = state
            .decompress(buffered, &mut piece, FlushDecompress::None)
            .map_err(|error| invalid(&error.to_string()))?;
        let consumed = usize::try_from(state.total_in() - before_in).unwrap_or(usize::MAX);
        let inflated = usize::try_from(state.total_out() - before_out).unwrap_or(usize::MAX);
        from.consume(consumed);
        take(&piece[..inflated])?;
        match status {
            Status::StreamEnd => return Ok(state.total_out()),
            _ if is_end && inflated == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
}

pub(crate) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn finish(hash: Hasher) -> io::Result<ObjectId> {
    hash.try_finalize().map_err(|error| invalid(&error.to_string()))
}

/// What was received is written, counted and hashed. Version 3 of the format is the same as version 2, which libgit2 reads: it is written as
/// that.
struct Received<W> {
    file: W,
    /// Of what was received.
    hash: Hasher,
    crc: Crc,
    offset: u64,
    /// Of what is written, where that differs.
    as_version_2: Option<Hasher>,
    /// What is written instead of the checksum that is received.
    trailer: Vec<u8>,
}

/// Where the last byte of the version is in a pack's head.
const VERSION: usize = 7;

impl<W: Write> Write for Received<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let at = usize::try_from(self.offset)
            .ok()
            .and_then(|offset| VERSION.checked_sub(offset));
        let is_version_3 = at.is_some_and(|at| data.get(at) == Some(&3));
        let count = if let (true, Some(at)) = (is_version_3, at) {
            let mut own = data.to_vec();
            own[at] = 2;
            self.file.write_all(&own)?;
            let mut hash = self.hash.clone();
            hash.update(&own);
            self.as_version_2 = Some(hash);
            data.len()
        } else if self.trailer.is_empty() {
            let count = self.file.write(data)?;
            if let Some(hash) = &mut self.as_version_2 {
                hash.update(&data[..count]);
            }
            count
        } else {
            let count = data.len().min(self.trailer.len());
            self.file.write_all(&self.trailer[..count])?;
            self.trailer.drain(..count);
            count
        };
        self.hash.update(&data[..count]);
        self.crc.update(&data[..count]);
        self.offset += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
