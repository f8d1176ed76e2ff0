//! Where the history of a repository is cut: its file `shallow` (gitrepository-layout).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;

use git2::{Oid, Repository};

use crate::error::{Error, Result};

const FILE: &str = "shallow";

/// The commits whose parents are left out on purpose; none where the file is not there.
#[must_use]
pub fn read_cuts(repo: &Repository) -> BTreeSet<Oid> {
    parse(&fs::read(repo.commondir().join(FILE)).unwrap_or_default())
}

/// The ids in the file.
pub(crate) fn parse(text: &[u8]) -> BTreeSet<Oid> {
    let lines = text.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| std::str::from_utf8(line).ok()?.trim().parse().ok())
        .collect()
}

/// Replaces them; without any, the file is gone. libgit2 sees it only in a repository that is opened afterwards.
///
/// # Errors
/// Fails where the repository cannot be written.
pub fn write_cuts(repo: &Repository, cuts: &BTreeSet<Oid>) -> Result<()> {
    let file = repo.commondir().join(FILE);
    if cuts.is_empty() {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("write", &file)(error)),
            _ => Ok(()),
        };
    }
    let mut text = String::new();
    for id in cuts {
        // Formatting into a string cannot fail.
        let _ = writeln!(text, "{id}");
    }
    fs::write(&file, text).map_err(Error::io("write", &file))
}
