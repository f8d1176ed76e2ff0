//! Tar.

use std::io::{self, Read};
use std::time::{Duration, UNIX_EPOCH};

use tar::{Archive, EntryType, Header};

use super::entries::{Attributes, Entries};

pub(super) fn extract(stream: impl Read, entries: &mut Entries<'_>) -> io::Result<()> {
    let mut archive = Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            continue;
        }
        let Some(path) = entries.path(&entry.path_bytes())? else {
            continue;
        };
        let attributes = attributes(entry.header());
        let target = entry
            .link_name_bytes()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        match kind {
            EntryType::Directory => entries.directory(path, attributes)?,
            EntryType::Symlink => entries.link(&path, &target)?,
            EntryType::Link => entries.hard_link(&path, &target)?,
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                return Err(io::Error::other(format!(
                    "the entry {path} is a device or a pipe"
                )));
            }
            _ => entries.file(&path, &mut entry, attributes)?,
        }
    }
    entries.finish()
}

fn attributes(header: &Header) -> Attributes {
    let id = |id: io::Result<u64>| u32::try_from(id.ok()?).ok();
    Attributes {
        mode: header.mode().ok(),
        modified: header
            .mtime()
            .ok()
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
        owner: id(header.uid()).zip(id(header.gid())),
    }
}
