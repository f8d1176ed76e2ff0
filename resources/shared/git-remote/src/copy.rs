//! Object databases made available elsewhere: linked, or copied where it is another file system.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Listings of the objects that are tried while somebody repacks them.
const ATTEMPTS: usize = 5;

/// How much of a file is copied between two looks at the interrupt.
const PIECE: u64 = 64 << 20;

/// Makes all objects of the database `from`, alternates included, available in the database `to`.
pub(crate) fn objects(from: &Path, to: &Path, interrupt: &AtomicBool) -> Result<()> {
    let mut attempt = 1;
    loop {
        let mut copy = Copy {
            interrupt,
            seen: HashSet::new(),
        };
        match copy.objects(from, to) {
            // A file that vanished was replaced by another one, somewhere else.
            Err(error) if is_not_found(&error) && attempt < ATTEMPTS => attempt += 1,
            copied => return copied,
        }
    }
}

/// Fails where objects may be that cannot be read.
pub(crate) fn check_readable(objects: &Path) -> Result<()> {
    for directory in list(objects)?.iter().filter(|path| path.is_dir()) {
        match list(directory) {
            // A repack removes directories that it left empty.
            Err(error) if is_not_found(&error) => {}
            listed => drop(listed?),
        }
    }
    Ok(())
}

/// The content of a file; empty if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(Error::io("read", path)),
    }
}

struct Copy<'a> {
    interrupt: &'a AtomicBool,
    /// Databases that were copied: alternates may form a circle.
    seen: HashSet<PathBuf>,
}

impl Copy<'_> {
    fn objects(&mut self, from: &Path, to: &Path) -> Result<()> {
        let from = fs::canonicalize(from).map_err(Error::io("read the objects in", from))?;
        if !self.seen.insert(from.clone()) {
            return Ok(());
        }
        // Objects move from loose files into packs: in this order none can slip through.
        self.loose(&from, to)?;
        self.packs(&from.join("pack"), &to.join("pack"))?;
        let alternates = read_if_there(&from.join("info/alternates"))?;
        for line in alternates.split(|&byte| byte == b'\n') {
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let alternate = from.join(OsStr::from_bytes(line));
            // As for git: what is needed of it will be missed later.
            if alternate.exists() {
                self.objects(&alternate, to)?;
            }
        }
        Ok(())
    }

    fn loose(&self, from: &Path, to: &Path) -> Result<()> {
        for directory in list(from)?.iter().filter(|path| is_hex(path, 2)) {
            let to = to.join(directory.file_name().unwrap_or_default());
            let files = match list(directory) {
                // What vanished is in a pack by now, and packs come next.
                Err(error) if is_not_found(&error) => continue,
                listed => listed?,
            };
            for file in files.iter().filter(|path| is_hex(path, 38)) {
                let checked = check_loose(file).and_then(|()| self.file(file, &to));
                match checked {
                    Err(error) if is_not_found(&error) && !file.exists() => {}
                    copied => copied?,
                }
            }
        }
        Ok(())
    }

    fn packs(&self, from: &Path, to: &Path) -> Result<()> {
        let mut indexes = indexes(from)?;
        for _ in 0..ATTEMPTS {
            for index in &indexes {
                // The index comes last: without it, a pack is not there.
                self.file(&index.with_extension("pack"), to)?;
                self.file(index, to)?;
            }
            // A listing during a repack may have neither the old pack nor the new one.
            let now = self::indexes(from)?;
            if now == indexes {
                break;
            }
            indexes = now;
        }
        Ok(())
    }

    /// Links or copies a file into a directory. Files of the same name have the same content.
    fn file(&self, from: &Path, directory: &Path) -> Result<()> {
        self.look()?;
        let to = directory.join(from.file_name().unwrap_or_default());
        fs::create_dir_all(directory).map_err(Error::io("make the directory", directory))?;
        // A link to a symbolic link would be one.
        let is_plain = fs::symlink_metadata(from)
            .map_err(Error::io("read", from))?
            .is_file();
        if is_plain {
            match fs::hard_link(from, &to) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Error::io("read", from)(error));
                }
                // Another file system, one without links, or another owner: the copy says what is wrong.
                Err(_) => {}
            }
        }
        if to.exists() {
            Ok(())
        } else {
            self.copy(from, &to, directory)
        }
    }

    fn copy(&self, from: &Path, to: &Path, directory: &Path) -> Result<()> {
        let mut source = fs::File::open(from).map_err(Error::io("read", from))?;
        let failed = |error| Error::io("copy an object file to", to)(error);
        let mut temporary = NamedTempFile::new_in(directory).map_err(failed)?;
        loop {
            self.look()?;
            if io::copy(&mut (&mut source).take(PIECE), temporary.as_file_mut()).map_err(failed)? == 0 {
                break;
            }
        }
        temporary
            .as_file()
            .set_permissions(Permissions::from_mode(0o444))
            .map_err(failed)?;
        temporary
            .persist(to)
            .map(|_| ())
            .map_err(|error| failed(error.error))
    }

    fn look(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Fails where a loose object is not what its name says: what comes over a wire is checked, too.
fn check_loose(path: &Path) -> Result<()> {
    let failed = Error::io("read the object", path);
    let file = fs::File::open(path).map_err(Error::io("read the object", path))?;
    let mut hash = gix_hash::hasher(gix_hash::Kind::Sha1);
    let mut content = flate2::bufread::ZlibDecoder::new(io::BufReader::new(file));
    let mut piece = vec![0; INFLATED];
    let read = loop {
        match content.read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(length) => hash.update(&piece[..length]),
            Err(error) => break Err(error),
        }
    };
    read.map_err(failed)?;
    let id = hash
        .try_finalize()
        .map_err(|error| Error::Broken(error.to_string()))?
        .to_string();
    let name: Vec<&[u8]> = path.iter().map(OsStr::as_bytes).collect();
    let is_named =
        matches!(name.as_slice(), [.., directory, file] if [*directory, *file].concat() == id.as_bytes());
    if is_named {
        return Ok(());
    }
    let damaged = io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it is damaged: its content is that of {id}"),
    );
    Err(Error::io("read the object", path)(damaged))
}

/// How much of a loose object is looked at at a time.
const INFLATED: usize = 64 * 1024;

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
}

fn is_hex(path: &Path, length: usize) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    name.len() == length && name.iter().all(u8::is_ascii_hexdigit)
}

/// The indexes of the packs in a directory that may be missing.
fn indexes(directory: &Path) -> Result<Vec<PathBuf>> {
    match list(directory) {
        Err(error) if is_not_found(&error) => Ok(Vec::new()),
        listed => Ok(listed?
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
            // Others are still being written.
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.as_bytes().starts_with(b"pack-"))
            })
            .collect()),
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<_>> =
        fs::read_dir(directory).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths = entries.map_err(Error::io("list the objects in", directory))?;
    paths.sort();
    Ok(paths)
}
