//! The graph of commits: the one walk that all questions about it stand on.

use std::collections::HashSet;

use git2::Oid;

/// All commits that can be reached from `starts`, these included. Who asks says what the parents of a commit are, none at a cut for one; his
/// failure ends the walk.
///
/// # Errors
/// What `parents` answers.
pub fn ancestors<E>(
    starts: impl IntoIterator<Item = Oid>,
    mut parents: impl FnMut(Oid) -> Result<Vec<Oid>, E>,
) -> Result<HashSet<Oid>, E> {
    let mut pending: Vec<Oid> = starts.into_iter().collect();
    let mut reached: HashSet<Oid> = pending.iter().copied().collect();
    while let Some(id) = pending.pop() {
        for parent in parents(id)? {
            if reached.insert(parent) {
                pending.push(parent);
            }
        }
    }
    Ok(reached)
}
