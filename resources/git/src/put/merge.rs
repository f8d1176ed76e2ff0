//! Merging the remote branch into `HEAD`.

use concourse_resource_sdk::{Context, Error, Result};
use git_remote::Uri;
use git2::{ErrorCode, Index, Oid, Repository, Signature, Tree};

use super::moved_directories;

use git_source::{InTheWay, NewCommit, git_failed, stored};

/// Merges `upstream`, the remote's `branch`, into `start`; `HEAD` and the work tree are at the answer afterwards.
///
/// # Errors
/// A conflict, which leaves `HEAD` and the work tree at `start`.
pub(super) fn merge(
    cx: &Context,
    repo: &Repository,
    start: Oid,
    upstream: Oid,
    (branch, uri): (&str, &Uri),
    by: &Signature<'_>,
) -> Result<Oid> {
    // CONTRACT 6.2: what was not committed is lost.
    git_source::move_to(cx, repo, start, InTheWay::Overwritten)?;
    let failed = git_failed("merge the remote branch");
    let base = match repo.merge_base(start, upstream) {
        Err(error) if error.code() == ErrorCode::NotFound => return Err(super::unrelated(repo)),
        base => base.map_err(&failed)?,
    };
    if base == upstream {
        cx.log().line("Already up to date.");
        return Ok(start);
    }
    if base == start {
        git_source::move_to(cx, repo, upstream, InTheWay::Refused)?;
        return Ok(upstream);
    }
    let commit = |id| repo.find_commit(id).map_err(&failed);
    let mut index = repo
        .merge_commits(&commit(start)?, &commit(upstream)?, None)
        .map_err(&failed)?;
    let doing = format!("merge the remote branch {branch}");
    refuse_conflicts(&index, &doing)?;
    let tree = |id| commit(id)?.tree().map_err(&failed);
    refuse_strays(repo, &tree(base)?, [&tree(start)?, &tree(upstream)?], &doing)?;
    let message = message(repo, branch, uri)?;
    let merged = NewCommit {
        tree: index.write_tree_to(repo).map_err(&failed)?,
        parents: &[start, upstream],
        author: stored(by),
        committer: by,
        encoding: None,
        extra: &[],
        message: message.as_bytes(),
    };
    let merged = merged.write(repo).map_err(&failed)?;
    git_source::move_to(cx, repo, merged, InTheWay::Refused)?;
    Ok(merged)
}

/// CONTRACT 6.2: git's own message of a pull.
fn message(repo: &Repository, branch: &str, uri: &Uri) -> Result<String> {
    let address = uri.to_string();
    let address = address.strip_suffix(".git").unwrap_or(&address);
    let head = repo.head().map_err(git_failed("read the repository's HEAD"))?;
    let into = match head.shorthand() {
        Ok("main" | "master") if head.is_branch() => String::new(),
        Ok(local) => format!(" into {local}"),
        Err(_) => " into HEAD".to_owned(),
    };
    Ok(format!("Merge branch '{branch}' of {address}{into}\n"))
}

/// Fails where one side added a file to a directory that the other one renamed.
pub(super) fn refuse_strays(
    repo: &Repository,
    base: &Tree<'_>,
    sides: [&Tree<'_>; 2],
    doing: &str,
) -> Result<()> {
    let found = moved_directories::stray(repo, base, sides).map_err(git_failed("compare directories"))?;
    let Some(stray) = found else { return Ok(()) };
    let to = stray.to.map_or_else(String::new, |to| format!(" to {to}/"));
    Err(Error::remote(format!(
        "failed to {doing}: conflict in {}: the directory {}/ was renamed{to} on the other side",
        stray.path, stray.from
    ))
    .hint("nothing was pushed; get the branch again, and add the file where it belongs"))
}

/// Fails where an index has conflicts, with their paths.
pub(super) fn refuse_conflicts(index: &Index, doing: &str) -> Result<()> {
    if !index.has_conflicts() {
        return Ok(());
    }
    let mut paths = Vec::new();
    for conflict in index.conflicts().map_err(git_failed("read the conflicts"))? {
        let conflict = conflict.map_err(git_failed("read the conflicts"))?;
        let entry = conflict.our.or(conflict.their).or(conflict.ancestor);
        paths.extend(entry.map(|entry| String::from_utf8_lossy(&entry.path).into_owned()));
    }
    paths.sort();
    paths.dedup();
    Err(
        Error::remote(format!("failed to {doing}: conflict in {}", paths.join(", ")))
            .hint("nothing was pushed; get the branch again, and resolve it there"),
    )
}
