//! Which updates of a push may go ahead: git's rules, for each ref on its own.

use std::collections::HashMap;

use git2::{ErrorCode, Oid, Repository};

use crate::error::{Error, Result};
use crate::{Pushed, Ref, RefOutcome, Update, Why};

/// What each update comes to, were the remote to accept it.
pub(crate) fn decide_all(repo: &Repository, updates: &[Update], refs: &[Ref]) -> Result<Vec<Pushed>> {
    // A repository may have 100,000 tags, and a push names them all.
    let there: HashMap<&[u8], Oid> = refs
        .iter()
        .map(|found| (found.name.as_slice(), found.id))
        .collect();
    updates
        .iter()
        .map(|update| {
            let old = there.get(update.dst.as_bytes()).copied();
            Ok(Pushed {
                name: update.dst.clone(),
                old,
                new: update.src,
                outcome: decide(repo, update, old)?,
            })
        })
        .collect()
}

/// Where nothing may change unless all does: whether something is refused, which withholds the rest.
pub(crate) fn withhold(pushed: &mut [Pushed]) -> bool {
    let is_refused = pushed.iter().any(|pushed| pushed.outcome.is_refused());
    if is_refused {
        for pushed in pushed.iter_mut().filter(|pushed| pushed.outcome.has_landed()) {
            pushed.outcome = RefOutcome::Withheld;
        }
    }
    is_refused
}

/// Which of them are to be sent.
pub(crate) fn to_send(pushed: &[Pushed]) -> Vec<usize> {
    let wanted = pushed
        .iter()
        .enumerate()
        .filter(|(_, pushed)| pushed.outcome.has_landed());
    wanted.map(|(index, _)| index).collect()
}

fn decide(repo: &Repository, update: &Update, old: Option<Oid>) -> Result<RefOutcome> {
    let (new, old) = match (update.src, old) {
        (None, None) => return Ok(RefOutcome::UpToDate),
        (None, Some(_)) => return Ok(RefOutcome::Deleted),
        (Some(_), None) => return Ok(RefOutcome::Created),
        (Some(new), Some(old)) if new == old => return Ok(RefOutcome::UpToDate),
        (Some(new), Some(old)) => (new, old),
    };
    if update.yields {
        return Ok(RefOutcome::LeftAlone);
    }
    if update.dst.starts_with("refs/tags/") {
        let kept = RefOutcome::RejectedHere(Why::AlreadyExists);
        return Ok(if update.force { RefOutcome::Forced } else { kept });
    }
    Ok(match relation(repo, new, old)? {
        Relation::Descendant => RefOutcome::FastForwarded,
        _ if update.force => RefOutcome::Forced,
        Relation::Unknown => RefOutcome::RejectedHere(Why::FetchFirst),
        Relation::Other => RefOutcome::RejectedHere(Why::NonFastForward),
    })
}

enum Relation {
    /// The new value has the old one in its history.
    Descendant,
    /// It has not.
    Other,
    /// The old value is not known here.
    Unknown,
}

fn relation(repo: &Repository, new: Oid, old: Oid) -> Result<Relation> {
    match repo.find_object(old, None) {
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(Relation::Unknown),
        Err(error) => return Err(Error::repository("read the local repository")(error)),
        Ok(_) => {}
    }
    // Only commits have a history.
    if repo.find_commit(new).is_err() || repo.find_commit(old).is_err() {
        return Ok(Relation::Other);
    }
    match repo.graph_descendant_of(new, old) {
        Ok(true) => Ok(Relation::Descendant),
        Ok(false) => Ok(Relation::Other),
        Err(error) => Err(Error::repository("compare the local and the remote history")(
            error,
        )),
    }
}
