//! The graph of commits: the walks that all questions about it stand on.

use std::collections::{BTreeSet, HashSet, VecDeque};

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

/// The commits that are the `depth`th counted from `starts`, which are 1, and those before them. `parents` answers nothing for a commit at which the
/// history ends anyway: it counts as one of the first.
pub(crate) fn within_depth<E>(
    starts: impl IntoIterator<Item = Oid>,
    depth: u32,
    mut parents: impl FnMut(Oid) -> Result<Option<Vec<Oid>>, E>,
) -> Result<(BTreeSet<Oid>, BTreeSet<Oid>), E> {
    let mut seen = HashSet::new();
    let mut pending: VecDeque<(Oid, u32)> = VecDeque::new();
    pending.extend(starts.into_iter().filter(|&id| seen.insert(id)).map(|id| (id, 1)));
    let (mut last, mut before) = (BTreeSet::new(), BTreeSet::new());
    while let Some((id, at)) = pending.pop_front() {
        let above = if at < depth { parents(id)? } else { None };
        let Some(above) = above else {
            last.insert(id);
            continue;
        };
        before.insert(id);
        pending.extend(
            above
                .into_iter()
                .filter(|&parent| seen.insert(parent))
                .map(|parent| (parent, at + 1)),
        );
    }
    Ok((last, before))
}
