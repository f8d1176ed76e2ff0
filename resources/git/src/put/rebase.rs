//! Replaying local commits on the remote branch.

use std::collections::HashSet;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Context, Error, Result};
use git2::{Commit, ErrorCode, Oid, Repository, Signature, Sort};

use super::merge::{refuse_conflicts, refuse_strays};
use git_source::{InTheWay, NewCommit, field, git_failed};

/// Fails where the work tree has changes that are not committed.
pub(super) fn refuse_changes(repo: &Repository) -> Result<()> {
    let Some(path) = git_source::first_change(repo, &crate::filters::clean(repo))? else {
        return Ok(());
    };
    Err(Error::internal(format!(
        "cannot rebase: \"{path}\" has changes that are not committed"
    ))
    .hint("commit them in the step before")
    .exit(git_source::GIT_EXIT))
}

/// Replays what `start` has and `upstream` has not on `upstream`; `HEAD` and the work tree are at the answer afterwards.
///
/// # Errors
/// A conflict, or a merge among the local commits; `HEAD` is then where it was.
pub(super) fn rebase(
    cx: &Context,
    repo: &Repository,
    start: Oid,
    upstream: Oid,
    by: &Signature<'_>,
) -> Result<Oid> {
    let failed = git_failed("rebase onto the remote branch");
    let base = match repo.merge_base(start, upstream) {
        Err(error) if error.code() == ErrorCode::NotFound => return Err(super::unrelated(repo)),
        base => base.map_err(&failed)?,
    };
    if base == upstream {
        cx.log().line("Current branch is up to date.");
        git_source::move_to(cx, repo, start, InTheWay::Refused)?;
        return Ok(start);
    }
    let ours = only_in(repo, start, upstream).map_err(&failed)?;
    let theirs: HashSet<Oid> = if ours.is_empty() {
        HashSet::new()
    } else {
        let ids = only_in(repo, upstream, start).map_err(&failed)?;
        ids.into_iter()
            .filter_map(|id| patch(repo, id).transpose())
            .collect::<Result<_, _>>()
            .map_err(&failed)?
    };
    let mut tip = upstream;
    for id in ours {
        let commit = repo.find_commit(id).map_err(&failed)?;
        if commit.parent_count() > 1 {
            return Err(merge_among_them(id));
        }
        let patch = patch(repo, id).map_err(&failed)?;
        if patch.is_some_and(|patch| theirs.contains(&patch)) {
            cx.log()
                .line(format!("dropping {id}: the remote branch has the same change"));
            continue;
        }
        tip = replay(repo, &commit, tip, by)?;
    }
    git_source::move_to(cx, repo, tip, InTheWay::Refused)?;
    Ok(tip)
}

/// The commit once more, on `tip`. One that changes nothing there any more is left out.
fn replay(repo: &Repository, commit: &Commit<'_>, tip: Oid, committer: &Signature<'_>) -> Result<Oid> {
    let failed = git_failed("rebase onto the remote branch");
    let onto = repo.find_commit(tip).map_err(&failed)?;
    let mut index = repo.cherrypick_commit(commit, &onto, 0, None).map_err(&failed)?;
    let doing = format!("rebase {} onto the remote branch", commit.id());
    refuse_conflicts(&index, &doing)?;
    if let Ok(parent) = commit.parent(0) {
        let trees = [parent.tree(), onto.tree(), commit.tree()].map(|tree| tree.map_err(&failed));
        let [base, ours, theirs] = trees;
        refuse_strays(repo, &base?, [&ours?, &theirs?], &doing)?;
    }
    let tree = index.write_tree_to(repo).map_err(&failed)?;
    let was_empty = commit
        .parent(0)
        .is_ok_and(|parent| parent.tree_id() == commit.tree_id());
    if tree == onto.tree_id() && !was_empty {
        return Ok(tip);
    }
    NewCommit {
        tree,
        parents: &[tip],
        author: field(commit, "author").unwrap_or_default(),
        committer,
        encoding: field(commit, "encoding"),
        extra: &[],
        message: commit.message_raw_bytes(),
    }
    .write(repo)
    .map_err(&failed)
}

/// What `tip` has in its history and `other` has not, the oldest first.
fn only_in(repo: &Repository, tip: Oid, other: Oid) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = repo.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(tip)?;
    walk.hide(other)?;
    walk.collect()
}

/// What tells the change of a commit from others; nothing for merges and for commits without a change.
fn patch(repo: &Repository, id: Oid) -> Result<Option<Oid>, git2::Error> {
    let commit = repo.find_commit(id)?;
    if commit.parent_count() > 1 {
        return Ok(None);
    }
    let before = commit.parent(0).ok().map(|parent| parent.tree()).transpose()?;
    let diff = repo.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), None)?;
    if diff.deltas().len() == 0 {
        return Ok(None);
    }
    diff.patchid(None).map(Some)
}

fn merge_among_them(id: Oid) -> Error {
    Error::config(
        "params.rebase",
        format!("the local commit {id} is a merge, and this version rebases linear histories only"),
    )
    .hint("set merge: true instead of rebase: true")
}
