//! Which objects the commits need that are about to be pushed.

use std::collections::BTreeMap;

use concourse_resource_sdk::Result;
use git_source::git_failed;
use git2::{Delta, Oid, Repository};

use super::pointer::{LARGEST, ObjectId, Pointer};
use super::shown;
use super::transfer::Needed;

/// The objects of commits that are below `tips`, and below no ref of a remote as it was last seen.
pub(super) fn objects(repo: &Repository, tips: &[Oid]) -> Result<Vec<Needed>> {
    let failed = git_failed("look for LFS objects in the commits to push");
    let mut walk = repo.revwalk().map_err(&failed)?;
    for &tip in tips {
        // Tags of trees and blobs have no commits.
        if let Ok(commit) = repo
            .find_object(tip, None)
            .and_then(|object| object.peel_to_commit())
        {
            walk.push(commit.id()).map_err(&failed)?;
        }
    }
    for reference in repo.references_glob("refs/remotes/*").map_err(&failed)? {
        let commit = reference.and_then(|reference| reference.peel_to_commit());
        if let Ok(commit) = commit {
            walk.hide(commit.id()).map_err(&failed)?;
        }
    }
    let mut found = BTreeMap::new();
    for commit in walk {
        add(repo, commit.map_err(&failed)?, &mut found).map_err(&failed)?;
    }
    Ok(found.into_values().collect())
}

/// Adds what a commit has that none of its parents has at that path.
fn add(repo: &Repository, commit: Oid, found: &mut BTreeMap<ObjectId, Needed>) -> Result<(), git2::Error> {
    let commit = repo.find_commit(commit)?;
    let tree = commit.tree()?;
    // Where the history is cut, the parent is not here; what is above it is on the remote.
    let parents: Vec<_> = commit.parents().collect();
    if parents.len() < commit.parent_ids().len() {
        return Ok(());
    }
    let parent = parents.first().map(git2::Commit::tree).transpose()?;
    let diff = repo.diff_tree_to_tree(parent.as_ref(), Some(&tree), None)?;
    let odb = repo.odb()?;
    for delta in diff.deltas() {
        let new = delta.new_file();
        if delta.status() == Delta::Deleted || u32::from(new.mode()) & 0o170_000 != 0o100_000 {
            continue;
        }
        let (size, _) = odb.read_header(new.id())?;
        if size >= LARGEST {
            continue;
        }
        if let Some(pointer) = Pointer::parse(odb.read(new.id())?.data()) {
            let path = shown(new.path_bytes().unwrap_or_default());
            found
                .entry(pointer.id.clone())
                .or_insert(Needed { path, pointer });
        }
    }
    Ok(())
}
