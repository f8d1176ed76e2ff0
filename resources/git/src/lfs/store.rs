//! The objects of a repository, where git-lfs keeps them: `lfs/objects` in the git directory, by their ids.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use git2::Repository;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::pointer::{ObjectId, Pointer};

/// Objects in a directory.
#[derive(Debug, Clone)]
pub(super) struct Store(PathBuf);

impl Store {
    /// That of a repository.
    pub(super) fn of(repo: &Repository) -> Self {
        Self::at(repo.commondir())
    }

    /// That of a git directory.
    pub(super) fn at(git_dir: &Path) -> Self {
        Self(git_dir.join("lfs"))
    }

    fn path(&self, id: &ObjectId) -> PathBuf {
        let id = id.as_str();
        self.0.join("objects").join(&id[..2]).join(&id[2..4]).join(id)
    }

    /// An object, if it is here, as large as it should be.
    pub(super) fn open(&self, pointer: &Pointer) -> Option<File> {
        let file = File::open(self.path(&pointer.id)).ok()?;
        let found = file.metadata().ok()?;
        (found.is_file() && found.len() == pointer.size).then_some(file)
    }

    /// A new object, which is not here until it is kept.
    pub(super) fn begin(&self, pointer: &Pointer) -> io::Result<Incoming> {
        let directory = self.0.join("tmp");
        fs::create_dir_all(&directory)?;
        Ok(Incoming {
            file: NamedTempFile::new_in(directory)?,
            digest: Sha256::new(),
            size: 0,
            pointer: pointer.clone(),
            path: self.path(&pointer.id),
        })
    }
}

/// An object that is being written.
pub(super) struct Incoming {
    file: NamedTempFile,
    digest: Sha256,
    size: u64,
    pointer: Pointer,
    path: PathBuf,
}

impl Write for Incoming {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let length = self.file.write(piece)?;
        self.digest.update(&piece[..length]);
        self.size += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming {
    /// Whether more was written than there should be.
    pub(super) fn is_too_large(&self) -> bool {
        self.size > self.pointer.size
    }

    /// Makes it an object of the store, if it is what its pointer says: whether it is.
    pub(super) fn keep(self) -> io::Result<bool> {
        if self.size != self.pointer.size || ObjectId::of(self.digest) != self.pointer.id {
            return Ok(false);
        }
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        self.file.as_file().set_permissions(permissions)?;
        self.file.persist(&self.path)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_pointer_says_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let pointer = Pointer::parse(&Pointer::clean(&mut &b"hello\n"[..]).unwrap()).unwrap();
        for (content, is_kept) in [
            ("hullo\n", false),
            ("hello", false),
            ("hello\n\n", false),
            ("hello\n", true),
        ] {
            let mut incoming = store.begin(&pointer).unwrap();
            incoming.write_all(content.as_bytes()).unwrap();
            assert_eq!(incoming.is_too_large(), content.len() > 6);
            assert_eq!(incoming.keep().unwrap(), is_kept, "{content:?}");
            assert_eq!(store.open(&pointer).is_some(), is_kept);
        }
        assert_eq!(fs::read_dir(directory.path().join("lfs/tmp")).unwrap().count(), 0);
    }
}
