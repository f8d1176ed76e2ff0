//! Which tags came with a get: a put tells by it those that the build made or moved.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;

use concourse_resource_sdk::Result;
use git_source::git_failed;
use git2::{Oid, Repository};

/// Below the git directory: a line for each tag, its id and its full name.
const FILE: &str = "got-tags";

/// Keeps the tags that a repository has now.
pub(crate) fn write(repo: &Repository) -> Result<()> {
    let failed = git_failed("list the repository's tags");
    let mut lines = String::new();
    for tag in repo.references_glob("refs/tags/*").map_err(&failed)? {
        let tag = tag.map_err(&failed)?;
        if let (Ok(name), Some(id)) = (tag.name(), tag.target()) {
            // Formatting into a string cannot fail.
            let _ = writeln!(lines, "{id} {name}");
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    git_source::write_beside(repo, FILE, lines.as_bytes())
}

/// The tags that were kept, by their full names; none in a repository that something else made.
pub(crate) fn read(repo: &Repository) -> HashMap<String, Oid> {
    let lines = fs::read_to_string(repo.commondir().join(FILE)).unwrap_or_default();
    lines
        .lines()
        .filter_map(|line| {
            let (id, name) = line.split_once(' ')?;
            Some((name.to_owned(), id.parse().ok()?))
        })
        .collect()
}
