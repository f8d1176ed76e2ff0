//! What archives hold, written beneath the destination.

use std::collections::BTreeMap;
use std::fs::{File, FileTimes, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use concourse_resource_sdk::files::{Directory, Kind, RelativePath};

use super::bounded::{Bounded, stop_if, too_large};

/// What an archive says about an entry besides its content.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attributes {
    pub(super) mode: Option<u32>,
    pub(super) modified: Option<SystemTime>,
    /// User and group.
    pub(super) owner: Option<(u32, u32)>,
}

/// Writes entries, so many of them, and so much, at most.
pub(super) struct Entries<'a> {
    directory: &'a mut Directory,
    bytes_left: u64,
    most_bytes: u64,
    left: u64,
    most: u64,
    interrupt: Arc<AtomicBool>,
    /// Directories get what is said about them at the end, when nothing is written into them any more.
    directories: BTreeMap<RelativePath, Attributes>,
    keeps_owners: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        directory: &'a mut Directory,
        most_bytes: u64,
        most_entries: u64,
        interrupt: Arc<AtomicBool>,
    ) -> Self {
        Self {
            directory,
            bytes_left: most_bytes,
            most_bytes,
            left: most_entries,
            most: most_entries,
            interrupt,
            directories: BTreeMap::new(),
            keeps_owners: rustix::process::geteuid().is_root(),
        }
    }

    /// Where an entry goes; none for the destination itself.
    pub(super) fn path(&mut self, name: &[u8]) -> io::Result<Option<RelativePath>> {
        stop_if(&self.interrupt)?;
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            io::Error::other(format!(
                "it has more than {} entries; unpack_max_entries in the params allows more",
                self.most
            ))
        })?;
        relative(name)
    }

    pub(super) fn file(
        &mut self,
        path: &RelativePath,
        content: &mut dyn Read,
        attributes: Attributes,
    ) -> io::Result<()> {
        let mut file = self.create(path)?;
        let mut content = Bounded::new(content, self.bytes_left, Arc::clone(&self.interrupt));
        let written = io::copy(&mut content, &mut file).map_err(|error| {
            let text = error.to_string();
            if text.contains("unpack_max_bytes") {
                too_large(self.most_bytes)
            } else {
                error
            }
        })?;
        self.bytes_left -= written;
        self.apply(&file, attributes)
    }

    pub(super) fn directory(&mut self, path: RelativePath, attributes: Attributes) -> io::Result<()> {
        // What is there and is no directory makes way.
        if self
            .directory
            .find(&path)?
            .is_some_and(|found| found.kind != Kind::Directory)
        {
            self.directory.remove(&path)?;
        }
        self.directory.create_directory(&path)?;
        self.directories.insert(path, attributes);
        Ok(())
    }

    /// A symbolic link, whose target has to be within the destination.
    pub(super) fn link(&mut self, path: &RelativePath, target: &[u8]) -> io::Result<()> {
        if !stays_within(path, target) {
            return Err(io::Error::other(format!(
                "the link {path} leads out of the destination, to {:?}",
                String::from_utf8_lossy(target)
            )));
        }
        self.make_way(path)?;
        self.directory.create_link(path, target)
    }

    /// A hard link to an entry that came before: a file of the same content.
    pub(super) fn hard_link(&mut self, path: &RelativePath, target: &[u8]) -> io::Result<()> {
        let target = relative(target)?
            .ok_or_else(|| io::Error::other(format!("{path} is a link to the destination itself")))?;
        if target == *path {
            return Ok(());
        }
        let mut source = self.directory.read(&target)?;
        let meta = source.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other(format!(
                "{path} is a link to {target}, which is no file"
            )));
        }
        let attributes = Attributes {
            mode: Some(meta.permissions().mode()),
            modified: meta.modified().ok(),
            owner: None,
        };
        self.file(path, &mut source, attributes)
    }

    /// Gives directories what was said about them, those within others first.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        while let Some((path, attributes)) = self.directories.pop_last() {
            if self
                .directory
                .find(&path)?
                .is_some_and(|found| found.kind == Kind::Directory)
            {
                let directory = self.directory.read(&path)?;
                self.apply(&directory, attributes)?;
            }
        }
        Ok(())
    }

    fn create(&mut self, path: &RelativePath) -> io::Result<File> {
        self.make_way(path)?;
        self.directory.create(path, 0o644)
    }

    /// Of two entries of one name, the later one counts.
    fn make_way(&mut self, path: &RelativePath) -> io::Result<()> {
        match self.directory.find(path)? {
            None => Ok(()),
            Some(found) if found.kind == Kind::Directory => Err(io::Error::other(format!(
                "{path} is there already, and a directory"
            ))),
            Some(_) => self.directory.remove(path),
        }
    }

    fn apply(&self, file: &File, attributes: Attributes) -> io::Result<()> {
        if let Some((user, group)) = attributes.owner.filter(|_| self.keeps_owners) {
            // An id that is not valid here leaves our own.
            let _ = fchown(file, Some(user), Some(group));
        }
        if let Some(mode) = attributes.mode {
            // CONTRACT 6: never set-user-id and set-group-id.
            file.set_permissions(Permissions::from_mode(mode & 0o777))?;
        }
        if let Some(modified) = attributes.modified {
            file.set_times(FileTimes::new().set_modified(modified))?;
        }
        Ok(())
    }
}

/// The path that a name in an archive means; none for the destination itself.
fn relative(name: &[u8]) -> io::Result<Option<RelativePath>> {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    while let Some(rest) = name.strip_suffix(b"/") {
        name = rest;
    }
    if name.is_empty() || name == b"." {
        return Ok(None);
    }
    // `a//b` and `a/./b` are `a/b`; what begins with a slash, or goes up, is refused.
    let names: Vec<&[u8]> = name.split(|&byte| byte == b'/').collect();
    let plain = |(index, name): (usize, &&[u8])| index == 0 || !matches!(*name, b"" | b".");
    let kept: Vec<&[u8]> = names
        .iter()
        .enumerate()
        .filter(|pair| plain((pair.0, pair.1)))
        .map(|(_, name)| *name)
        .collect();
    RelativePath::new(kept.join(&b'/')).map(Some).map_err(|error| {
        io::Error::other(format!(
            "the entry {:?} is not written: {error}",
            String::from_utf8_lossy(name)
        ))
    })
}

/// Whether a link at `path` leads to something within the destination.
fn stays_within(path: &RelativePath, target: &[u8]) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    let mut depth = path
        .parent()
        .map_or(0, |parent| parent.split(|&byte| byte == b'/').count());
    let mut descended = false;
    for name in target.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            // Up from what may itself be a link leads who knows where.
            b".." if descended || depth == 0 => return false,
            b".." => depth -= 1,
            _ => descended = true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_within() {
        for (path, target, within) in [
            ("a", "b", true),
            ("d/a", "../b", true),
            ("d/e/a", "../../b/c", true),
            ("a", "../b", false),
            ("d/a", "../../b", false),
            ("a", "/etc", false),
            ("a", "d/../../x", false),
            ("a", "", false),
        ] {
            let path = RelativePath::new(path).unwrap();
            assert_eq!(stays_within(&path, target.as_bytes()), within, "{path} {target}");
        }
    }

    #[test]
    fn names_are_cleaned_or_refused() {
        for (name, path) in [
            ("./a/", Some("a")),
            ("a//b/./c", Some("a/b/c")),
            ("./", None),
            (".", None),
        ] {
            let shown = relative(name.as_bytes()).unwrap().map(|path| path.to_string());
            assert_eq!(shown.as_deref(), path, "{name}");
        }
        for name in ["/a", "../a", "a/../b", "..", "a\0"] {
            assert!(relative(name.as_bytes()).is_err(), "{name}");
        }
    }
}
