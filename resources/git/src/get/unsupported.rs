//! What a repository may hold that this version cannot fetch: said, not left out in silence.

use concourse_resource_sdk::{Error, Result};
use git2::{Index, Repository};

use crate::config::{GetParams, Submodules};
use git_source::SKIP_WORKTREE;
use git_source::git_failed;

/// The mode of a submodule in an index.
const GITLINK: u32 = 0o160_000;

/// Fails when the commit that is checked out has submodules that nobody said to leave out.
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
    Ok(())
}

fn submodule(index: &Index) -> Option<String> {
    let entry = index
        .iter()
        .find(|entry| entry.mode == GITLINK && entry.flags_extended & SKIP_WORKTREE == 0)?;
    Some(String::from_utf8_lossy(&entry.path).into_owned())
}
