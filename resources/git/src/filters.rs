//! The filter drivers that are built in, for files on their way into the repository.

use std::fs::File;
use std::io;

use git2::Repository;

/// What they make of a file in a repository's work tree; nothing for drivers that are not known.
pub(crate) fn clean(repo: &Repository) -> impl Fn(&[u8], &mut File) -> io::Result<Option<Vec<u8>>> {
    move |driver, file| match crate::lfs::clean(driver, file)? {
        Some(stored) => Ok(Some(stored)),
        None => crate::crypt::clean(repo, driver, file),
    }
}
