//! Writing the files of a commit.

use concourse_resource_sdk::{Context, Result};
use git2::build::CheckoutBuilder;
use git2::{Oid, Repository};

use crate::git_failed;

use super::revision::Revision;

/// Checks a revision out; `HEAD` is attached only to a branch, and never in a shallow clone (CONTRACT 5.3).
pub(super) fn checkout(
    cx: &Context,
    repo: &Repository,
    revision: &Revision,
    id: Oid,
    detach: bool,
) -> Result<()> {
    let commit = repo.find_commit(id).map_err(git_failed("check the commit out"))?;
    if detach || !matches!(revision, Revision::Branch { .. }) {
        repo.set_head_detached(id)
            .map_err(git_failed("check the commit out"))?;
    }
    let progress = cx.progress_items("Updating files", None);
    let mut options = CheckoutBuilder::new();
    options.force().progress(|_, done, total| {
        progress.set_total(total as u64);
        progress.set(done as u64);
    });
    repo.checkout_tree(commit.as_object(), Some(&mut options))
        .map_err(git_failed("check the commit out"))
}

/// The commit's abbreviated id and the first line of its message.
pub(super) fn one_line(repo: &Repository, id: Oid) -> String {
    let subject = repo.find_commit(id).ok();
    let subject = subject
        .as_ref()
        .and_then(git2::Commit::summary_bytes)
        .unwrap_or_default();
    format!("{} {}", &id.to_string()[..7], String::from_utf8_lossy(subject))
}
