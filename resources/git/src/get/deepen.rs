//! CONTRACT 5.3: deepening a shallow clone until it holds enough history below the version.

use concourse_resource_sdk::Result;
use git_remote::Depth;
use git2::Oid;

use super::revision::Revision;
use git_source::Clone;

/// Past this depth the whole history is fetched.
const THRESHOLD: u32 = 127;

/// Fetches more history until the clone holds `depth` commits counted from the version, or all there is.
pub(super) fn until_reached(clone: &mut Clone<'_>, version: Option<&str>, depth: u32) -> Result<Revision> {
    let mut total = depth;
    let mut step = depth;
    loop {
        let revision = Revision::find(clone, version);
        if revision.commit().is_some_and(|id| holds(clone, id, depth)) {
            return Ok(revision);
        }
        let log = clone.context().log().clone();
        if !clone.is_shallow() {
            log.line("Reached max depth of the origin repo while deepening the shallow clone, it's a deep clone now");
            return Ok(revision);
        }
        let wanted = version.map_or_else(|| clone.head().id().to_string(), str::to_owned);
        log.line(format!(
            "Could not find ref {wanted}~{} in a shallow clone of depth {total}",
            depth - 1
        ));
        step = step.saturating_mul(2);
        if total >= THRESHOLD {
            log.line(format!(
                "Reached depth threshold {THRESHOLD}, falling back to deep clone..."
            ));
            clone.deepen(Depth::Unlimited)?;
            return Ok(Revision::find(clone, version));
        }
        log.line(format!("Deepening the shallow clone by an additional {step}..."));
        total = total.saturating_add(step);
        clone.deepen(Depth::To(total))?;
    }
}

/// Whether the commit and its first `depth - 1` first-parent ancestors are there.
fn holds(clone: &Clone<'_>, commit: Oid, depth: u32) -> bool {
    let mut id = commit;
    for _ in 1..depth {
        let parent = match clone.repo().find_commit(id) {
            Ok(commit) if !clone.is_cut(id) => commit.parent_id(0).ok(),
            _ => None,
        };
        let Some(parent) = parent else { return false };
        id = parent;
    }
    clone.holds(id)
}
