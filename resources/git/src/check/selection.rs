//! The versions of a check on the whole history.

use git2::Oid;

use crate::filter::Filter;
use crate::history::{History, Missing};

/// The versions, oldest first: CONTRACT 4.7.
pub(super) fn versions(
    history: &History,
    filter: &Filter,
    tip: Oid,
    cursor: Option<Oid>,
) -> Result<Vec<Oid>, Missing> {
    let range = match cursor {
        Some(cursor) => history.range(tip, cursor)?,
        None => None,
    };
    let mut versions = Vec::new();
    if let Some(range) = range {
        for id in range {
            if filter.passes(history, &history.commit(id)?)? {
                versions.push(id);
            }
        }
    } else {
        let mut next = Some(tip);
        while let Some(id) = next.filter(|_| versions.len() < filter.newest) {
            let commit = history.commit(id)?;
            if filter.passes(history, &commit)? {
                versions.push(id);
            }
            next = commit.parents.first().copied();
        }
    }
    versions.reverse();
    Ok(versions)
}
