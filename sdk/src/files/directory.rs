//! A handle of a directory, below which files are made without following a link.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::RelativePath;

/// How directories are opened on the way to a file.
const STEP: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A directory, and what is below it. Links inside it are never followed, so that nothing outside it can be reached.
///
/// The directory that was used last is kept open: files that are neighbours cost one call each.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
    last: Option<(Vec<u8>, OwnedFd)>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// The permission bits.
    pub mode: u32,
    /// In bytes.
    pub size: u64,
    /// When its content changed: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
    /// When its state changed: seconds since 1970, and nanoseconds.
    pub changed: (i64, u32),
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// The id of its owner.
    pub user: u32,
    /// The id of its group.
    pub group: u32,
}

/// What something in a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

impl Directory {
    /// Opens a directory. Links in `path` itself are followed: it is ours.
    ///
    /// # Errors
    /// Fails where it is not there, or no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = rustix::fs::openat(
            CWD,
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self { root, last: None })
    }

    /// Another handle of the same directory, for another thread.
    ///
    /// # Errors
    /// Fails where no more files can be opened.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            root: self.root.try_clone()?,
            last: None,
        })
    }

    /// Makes a file, and the directories that it is in; `mode` is cut by the umask.
    ///
    /// # Errors
    /// Fails where something of that name is there, and where a directory on the way is something else.
    pub fn create(&mut self, path: &RelativePath, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let parent = self.made_parent(path)?;
        let file = rustix::fs::openat(parent, path.name(), flags, Mode::from_raw_mode(mode))?;
        Ok(File::from(file))
    }

    /// Makes a symbolic link, and the directories that it is in. Where it leads is the affair of who follows it.
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    pub fn create_link(&mut self, path: &RelativePath, target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(
            target,
            self.made_parent(path)?,
            path.name(),
        )?)
    }

    /// Makes a directory, and those that it is in, as far as they are not there.
    ///
    /// # Errors
    /// Fails where one of them is something else.
    pub fn create_directory(&mut self, path: &RelativePath) -> io::Result<()> {
        self.make(path.as_bytes()).map(|_| ())
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Fails where it is not there, or a link.
    pub fn read(&mut self, path: &RelativePath) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.parent(path)?, path.name(), flags, Mode::empty())?;
        Ok(File::from(file))
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// Fails where it is not there, or no link.
    pub fn read_link(&mut self, path: &RelativePath) -> io::Result<Vec<u8>> {
        let target = rustix::fs::readlinkat(self.parent(path)?, path.name(), Vec::new())?;
        Ok(target.into_bytes())
    }

    /// What is at a path; none where nothing is, or the way there leads through something that is no directory.
    ///
    /// # Errors
    /// Fails where that cannot be told.
    pub fn find(&mut self, path: &RelativePath) -> io::Result<Option<Found>> {
        let found = self.parent(path).and_then(|parent| {
            Ok(rustix::fs::statat(
                parent,
                path.name(),
                AtFlags::SYMLINK_NOFOLLOW,
            )?)
        });
        match found {
            Ok(stat) => Ok(Some(Found::new(&stat))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is in a directory: names, and what each of them is.
    ///
    /// # Errors
    /// Fails where it is not there, or no directory.
    pub fn list(&mut self, path: &RelativePath) -> io::Result<Vec<(Vec<u8>, Kind)>> {
        let at = self.walk(path.as_bytes(), step)?;
        let mut found = Vec::new();
        for entry in listed(at)? {
            let name = entry?;
            let kind = Found::new(&rustix::fs::statat(
                at,
                name.as_slice(),
                AtFlags::SYMLINK_NOFOLLOW,
            )?)
            .kind;
            found.push((name, kind));
        }
        Ok(found)
    }

    /// Gives a file another name; what has that name is replaced, if it is no directory.
    ///
    /// # Errors
    /// Fails where there is nothing to rename.
    pub fn rename(&mut self, from: &RelativePath, to: &RelativePath) -> io::Result<()> {
        let at = self.parent(from)?.try_clone_to_owned()?;
        let parent = self.made_parent(to)?;
        Ok(rustix::fs::renameat(at, from.name(), parent, to.name())?)
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    /// Fails where it is not there, or a directory.
    pub fn remove(&mut self, path: &RelativePath) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            self.parent(path)?,
            path.name(),
            AtFlags::empty(),
        )?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// Fails where it is not there, or not empty.
    pub fn remove_directory(&mut self, path: &RelativePath) -> io::Result<()> {
        // The handle of what is gone would lead to nothing.
        self.last = None;
        Ok(rustix::fs::unlinkat(
            self.parent(path)?,
            path.name(),
            AtFlags::REMOVEDIR,
        )?)
    }

    /// Removes whatever is at a path, with all that is below it; nothing where nothing is there.
    ///
    /// # Errors
    /// Fails where something cannot be removed.
    pub fn remove_all(&mut self, path: &RelativePath) -> io::Result<()> {
        match self.find(path)? {
            None => Ok(()),
            Some(found) if found.kind == Kind::Directory => {
                self.last = None;
                let below = self.walk(path.as_bytes(), step)?.try_clone_to_owned()?;
                self.last = None;
                empty(below)?;
                self.remove_directory(path)
            }
            Some(_) => self.remove(path),
        }
    }

    /// The directory that something is in.
    fn parent(&mut self, path: &RelativePath) -> io::Result<BorrowedFd<'_>> {
        match path.parent() {
            None => Ok(self.root.as_fd()),
            Some(parent) => self.walk(parent, step),
        }
    }

    /// The same, made where it is not there.
    fn made_parent(&mut self, path: &RelativePath) -> io::Result<BorrowedFd<'_>> {
        match path.parent() {
            None => Ok(self.root.as_fd()),
            Some(parent) => self.make(parent),
        }
    }

    fn make(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        self.walk(path, |at, name| {
            match rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            step(at, name)
        })
    }

    /// The directory at a path, in one call where it is there, else step by step.
    fn walk(
        &mut self,
        path: &[u8],
        step: impl Fn(BorrowedFd<'_>, &[u8]) -> io::Result<OwnedFd>,
    ) -> io::Result<BorrowedFd<'_>> {
        let is_last = self.last.as_ref().is_some_and(|(last, _)| last == path);
        if !is_last {
            let found = match open_beneath(self.root.as_fd(), path) {
                Some(found) => found,
                None => step_by_step(self.root.as_fd(), path, step)?,
            };
            self.last = Some((path.to_vec(), found));
        }
        // It was just put there.
        Ok(self
            .last
            .as_ref()
            .map_or(self.root.as_fd(), |(_, found)| found.as_fd()))
    }
}

impl Found {
    fn new(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        let nanoseconds = |number: u64| u32::try_from(number).unwrap_or_default();
        Self {
            kind,
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            device: stat.st_dev,
            inode: stat.st_ino,
            user: stat.st_uid,
            group: stat.st_gid,
        }
    }

    /// What an open file is.
    ///
    /// # Errors
    /// Fails where that cannot be told.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::new(&rustix::fs::fstat(file)?))
    }
}

/// None where it has to be walked to: it is not there, is too long for one call, or the kernel, or a sandbox, has no such call.
fn open_beneath(root: BorrowedFd<'_>, path: &[u8]) -> Option<OwnedFd> {
    let never = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, STEP, Mode::empty(), never).ok()
}

fn step_by_step(
    root: BorrowedFd<'_>,
    path: &[u8],
    step: impl Fn(BorrowedFd<'_>, &[u8]) -> io::Result<OwnedFd>,
) -> io::Result<OwnedFd> {
    let mut at = root.try_clone_to_owned()?;
    for name in path.split(|&byte| byte == b'/') {
        at = step(at.as_fd(), name)?;
    }
    Ok(at)
}

/// Opens a directory that is in another one.
fn step(at: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    rustix::fs::openat(at, name, STEP, Mode::empty()).map_err(|error| match error {
        // A link is refused as what is no directory.
        Errno::NOTDIR | Errno::LOOP => io::Error::new(
            io::ErrorKind::NotADirectory,
            format!(
                "\"{}\" on the way to it is no directory",
                String::from_utf8_lossy(name).escape_debug()
            ),
        ),
        error => error.into(),
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Removes all that is in a directory, however deep.
fn empty(directory: OwnedFd) -> io::Result<()> {
    let mut pending = vec![(directory, None::<Vec<u8>>)];
    while let Some((at, _)) = pending.last() {
        let mut deeper = None;
        for name in listed(at.as_fd())? {
            let name = name?;
            let name = name.as_slice();
            match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) => {
                    deeper = Some((step(at.as_fd(), name)?, Some(name.to_vec())));
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(next) = deeper {
            pending.push(next);
            continue;
        }
        let name = pending.pop().and_then(|(_, name)| name);
        if let (Some(name), Some((parent, _))) = (name, pending.last()) {
            rustix::fs::unlinkat(parent, name.as_slice(), AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

/// The names in a directory.
fn listed(directory: BorrowedFd<'_>) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let entries = Dir::new(rustix::fs::openat(directory, ".", flags, Mode::empty())?)?;
    Ok(entries.filter_map(|entry| match entry {
        Ok(entry) => Some(entry.file_name().to_bytes().to_vec())
            .filter(|name| !matches!(name.as_slice(), b"." | b".."))
            .map(Ok),
        Err(error) => Some(Err(error.into())),
    }))
}

#[cfg(test)]
mod tests;
