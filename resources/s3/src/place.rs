//! Where a get writes: the destination, beneath a handle.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use concourse_resource_sdk::error::chain;
use concourse_resource_sdk::files::{Directory, RelativePath};
use concourse_resource_sdk::{Error, Result};

/// The destination.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: Directory,
}

impl Place {
    pub(crate) fn open(dest: &Path) -> Result<Self> {
        let directory = Directory::open(dest)
            .map_err(|error| Error::internal(format!("failed to open {}", dest.display())).cause(error))?;
        Ok(Self { directory })
    }

    /// A handle for another thread.
    pub(crate) fn again(&self) -> Result<Self> {
        let directory = self
            .directory
            .try_clone()
            .map_err(|error| local("the destination", &error))?;
        Ok(Self { directory })
    }

    /// Writes a file of ours; what has its name is replaced (CONTRACT K8).
    pub(crate) fn write(&mut self, name: &RelativePath, content: &[u8]) -> Result<()> {
        let written = self
            .directory
            .remove_all(name)
            .and_then(|()| self.directory.create(name, 0o644))
            .and_then(|mut file| file.write_all(content));
        written.map_err(|error| local(&name.to_string(), &error))
    }

    /// A new file under a name that nothing has; it gets its own name when it is whole.
    pub(crate) fn temporary(&mut self) -> Result<(RelativePath, File)> {
        let name = format!(".s3-resource-{:016x}", fastrand::u64(..));
        let name = known(&name)?;
        let file = self
            .directory
            .create(&name, 0o644)
            .map_err(|error| local("a temporary file", &error))?;
        Ok((name, file))
    }

    /// Gives a file its name; what has that name is replaced.
    pub(crate) fn rename(&mut self, from: &RelativePath, to: &RelativePath) -> Result<()> {
        self.directory
            .rename(from, to)
            .map_err(|error| local(&to.to_string(), &error))
    }

    /// Removes a file, if it is there. What cannot be removed stays.
    pub(crate) fn forget(&mut self, name: &RelativePath) {
        let _ = self.directory.remove_all(name);
    }
}

/// The name of a file that we chose.
pub(crate) fn known(name: &str) -> Result<RelativePath> {
    RelativePath::new(name)
        .map_err(|error| Error::internal(format!("{name:?} is no name of a file: {error}")))
}

/// The name of the file that an object becomes: what its key has after the last slash.
pub(crate) fn file_name(key: &str) -> Result<RelativePath> {
    let name = base_name(key);
    RelativePath::new(name)
        .map_err(|error| Error::remote(format!("key {key:?} cannot be written as a file: {error}")))
}

/// The last name in a key.
pub(crate) fn base_name(key: &str) -> &str {
    key.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

pub(crate) fn local(what: &str, error: &std::io::Error) -> Error {
    Error::internal(format!("failed to write {what}")).cause(chain(error))
}
