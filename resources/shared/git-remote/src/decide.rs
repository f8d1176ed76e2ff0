//! Which updates of a push may go ahead: git's rules, for each ref on its own.

use git2::{ErrorCode, Oid, Repository};

use crate::error::{Error, Result};
use crate::{RefOutcome, Update, Why};

/// What an update comes to, were the remote to accept it.
pub(crate) fn decide(repo: &Repository, update: &Update, old: Option<Oid>) -> Result<RefOutcome> {
    let (new, old) = match (update.src, old) {
        (None, None) => return Ok(RefOutcome::UpToDate),
        (None, Some(_)) => return Ok(RefOutcome::Deleted),
        (Some(_), None) => return Ok(RefOutcome::Created),
        (Some(new), Some(old)) if new == old => return Ok(RefOutcome::UpToDate),
        (Some(new), Some(old)) => (new, old),
    };
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

/// Whether the update is to be sent.
pub(crate) fn is_sent(outcome: &RefOutcome) -> bool {
    matches!(
        outcome,
        RefOutcome::Created | RefOutcome::FastForwarded | RefOutcome::Forced | RefOutcome::Deleted
    )
}
