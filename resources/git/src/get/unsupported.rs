//! What a repository may hold that this version cannot fetch: said, not left out in silence.

use concourse_resource_sdk::{Error, Result};
use git2::{Index, Repository};

use crate::config::{GetParams, Submodules};
use git_source::SKIP_WORKTREE;
use git_source::git_failed;

/// The mode of a submodule in an index.
const GITLINK: u32 = 0o160_000;

/// Fails when the commit that is checked out has submodules or LFS files that nobody said to leave out.
pub(super) fn refuse(repo: &Repository, params: &GetParams) -> Result<()> {
    let index = repo.index().map_err(git_failed("read the index"))?;
    if params.submodules == Submodules::All
        && let Some(path) = submodule(&index)
    {
        return Err(Error::config(
            "params.submodules",
            format!("the repository has a submodule at \"{path}\", and this version of the git resource cannot fetch submodules yet"),
        )
        .hint("set submodules: none to get the repository without them"));
    }
    if !params.disable_git_lfs.0
        && let Some(path) = lfs_file(repo, &index)?
    {
        return Err(Error::config(
            "params.disable_git_lfs",
            format!(
                "\"{path}\" is a Git LFS file, and this version of the git resource cannot fetch those yet"
            ),
        )
        .hint("set disable_git_lfs: true to get the pointer files instead"));
    }
    Ok(())
}

fn submodule(index: &Index) -> Option<String> {
    let entry = index
        .iter()
        .find(|entry| entry.mode == GITLINK && entry.flags_extended & SKIP_WORKTREE == 0)?;
    Some(String::from_utf8_lossy(&entry.path).into_owned())
}

/// The first file that the `lfs` filter would handle.
fn lfs_file(repo: &Repository, index: &Index) -> Result<Option<String>> {
    let conversions = git_source::indexed_conversions(repo, index)?;
    if conversions.is_none() {
        return Ok(None);
    }
    let written = index
        .iter()
        .filter(|entry| entry.flags_extended & SKIP_WORKTREE == 0);
    let mut lfs = written.filter(|entry| conversions.of(&entry.path).filter() == Some(b"lfs"));
    Ok(lfs
        .next()
        .map(|entry| String::from_utf8_lossy(&entry.path).into_owned()))
}
