//! The index of a pack (gitformat-pack, version 2).

use std::io::{self, Seek as _, Write as _};

use gix_hash::{Kind, ObjectId};
use tempfile::NamedTempFile;

use super::entries::{Aside, invalid};

const MAGIC: [u8; 8] = *b"\xfftOc\0\0\0\x02";

/// Offsets from here on are in a table of their own.
const FAR: u64 = 1 << 31;

/// Adds objects to an index. Answers how many it has then.
pub(super) fn add(index: &NamedTempFile, aside: &[Aside], pack: ObjectId) -> io::Result<u32> {
    let broken = |error: &dyn std::fmt::Display| invalid(&error.to_string());
    let there = gix_pack::index::File::at(index.path(), Kind::Sha1).map_err(|error| broken(&error))?;
    let mut entries: Vec<Aside> = there
        .iter()
        .map(|entry| Aside {
            id: entry.oid,
            offset: entry.pack_offset,
            crc32: entry.crc32.unwrap_or_default(),
        })
        .chain(aside.iter().copied())
        .collect();
    drop(there);
    entries.sort_by_key(|entry| entry.id);
    let count = u32::try_from(entries.len()).map_err(|error| broken(&error))?;
    let mut bytes = MAGIC.to_vec();
    for byte in 0..=u8::MAX {
        let up_to = entries.partition_point(|entry| entry.id.first_byte() <= byte);
        bytes.extend(u32::try_from(up_to).unwrap_or(count).to_be_bytes());
    }
    for entry in &entries {
        bytes.extend(entry.id.as_slice());
    }
    for entry in &entries {
        bytes.extend(entry.crc32.to_be_bytes());
    }
    let mut far = Vec::new();
    for entry in &entries {
        let offset = u32::try_from(entry.offset).ok().filter(|_| entry.offset < FAR);
        let offset = offset.unwrap_or_else(|| {
            let place = far.len() / size_of::<u64>();
            far.extend(entry.offset.to_be_bytes());
            u32::try_from(FAR).unwrap_or_default() | u32::try_from(place).unwrap_or_default()
        });
        bytes.extend(offset.to_be_bytes());
    }
    bytes.extend(far);
    bytes.extend(pack.as_slice());
    let mut hash = gix_hash::hasher(Kind::Sha1);
    hash.update(&bytes);
    bytes.extend(hash.try_finalize().map_err(|error| broken(&error))?.as_slice());
    let mut file = index.as_file();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&bytes)?;
    Ok(count)
}
