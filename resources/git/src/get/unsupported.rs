//! What a repository may hold that this version cannot fetch: said, not left out in silence.

use concourse_resource_sdk::{Problem, Result};
use git2::{AttrCheckFlags, Index, Repository};

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
        return Err(Problem::new(
            "params.submodules",
            format!("the repository has a submodule at \"{path}\", and this version of the git resource cannot fetch submodules yet"),
        )
        .hint("set submodules: none to get the repository without them")
        .into());
    }
    if !params.disable_git_lfs.0
        && let Some(path) = lfs_file(repo, &index).map_err(git_failed("read the index"))?
    {
        return Err(Problem::new(
            "params.disable_git_lfs",
            format!(
                "\"{path}\" is a Git LFS file, and this version of the git resource cannot fetch those yet"
            ),
        )
        .hint("set disable_git_lfs: true to get the pointer files instead")
        .into());
    }
    Ok(())
}

fn submodule(index: &Index) -> Option<String> {
    let entry = index
        .iter()
        .find(|entry| entry.mode == GITLINK && entry.flags_extended & SKIP_WORKTREE == 0)?;
    Some(String::from_utf8_lossy(&entry.path).into_owned())
}

/// The first file that the `lfs` filter would handle. Attributes of each file are looked up only where some file names
/// that filter.
fn lfs_file(repo: &Repository, index: &Index) -> Result<Option<String>, git2::Error> {
    let is_attributes = |path: &[u8]| path == b".gitattributes" || path.ends_with(b"/.gitattributes");
    let mut names_lfs = false;
    for entry in index.iter().filter(|entry| is_attributes(&entry.path)) {
        names_lfs = names_lfs
            || repo
                .find_blob(entry.id)?
                .content()
                .windows(10)
                .any(|part| part == b"filter=lfs");
    }
    if !names_lfs {
        return Ok(None);
    }
    for entry in index
        .iter()
        .filter(|entry| entry.flags_extended & SKIP_WORKTREE == 0)
    {
        let Ok(path) = std::str::from_utf8(&entry.path) else {
            continue;
        };
        let filter = repo.get_attr(std::path::Path::new(path), "filter", AttrCheckFlags::INDEX_ONLY)?;
        if filter == Some("lfs") {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}
