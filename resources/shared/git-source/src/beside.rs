//! Files of our own in a repository's directory, which later steps read.

use std::io::{self, Write as _};

use concourse_resource_sdk::Result;
use concourse_resource_sdk::files::{Directory, RelativePath};
use git2::Repository;

/// Writes a file below the git directory, over what is there. A link is replaced, not followed.
///
/// # Errors
/// Fails where it cannot be written.
pub fn write_beside(repo: &Repository, name: &str, content: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut directory = Directory::open(repo.path())?;
        let path = RelativePath::new(name).map_err(io::Error::other)?;
        directory.remove_all(&path)?;
        directory.create(&path, 0o666)?.write_all(content)
    };
    write().map_err(|error| crate::unwritable(&repo.path().join(name), &error))
}
