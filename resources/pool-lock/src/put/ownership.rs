//! Whose a lock is, where claims expire.

use concourse_resource_sdk::{Error, Result};
use git2::{Oid, Repository};

use super::holder::{Holder, date};
use super::turns::Turns;
use super::waiting::path;
use crate::history::{History, Missing};
use crate::pool::{Expired, Name, Operation, Pool, State};
use crate::store::Store;

impl Turns<'_> {
    /// The claims that may be taken over, where this is allowed and would help.
    pub(super) fn expired(&self, store: &mut Store<'_>, tip: Oid, pool: &Pool) -> Result<Expired> {
        let mut expired = Expired::new();
        let Some(limit) = self.rules.expire_after else {
            return Ok(expired);
        };
        let names: Vec<&Name> = match &self.job.operation {
            Operation::Acquire => pool.claimed.keys().collect(),
            Operation::Claim(name) => pool.claimed.keys().filter(|claimed| *claimed == name).collect(),
            _ => Vec::new(),
        };
        for name in names {
            // A date in the future never expires.
            if let Some(holder) = self.holder(store, tip, name)?
                && holder.age(self.cx.now()).is_some_and(|age| age >= limit)
            {
                let note = format!("Expired: claimed on {}{holder}", date(holder.since));
                expired.insert(name.clone(), note);
            }
        }
        Ok(expired)
    }

    /// Who has a claimed lock.
    fn holder(&self, store: &mut Store<'_>, tip: Oid, lock: &Name) -> Result<Option<Holder>> {
        let path = path(self.pool, State::Claimed, lock);
        let commit = store.ask(|history| history.last_change(tip, &path))?.flatten();
        Ok(commit.and_then(|commit| {
            let (message, since) = store.described(commit)?;
            Some(Holder::new(commit, &message, since))
        }))
    }

    /// With `expire_after`, a late release must not free the lock of its next owner.
    pub(super) fn refuse_what_is_not_ours(&self, store: &mut Store<'_>, tip: Oid, lock: &Name) -> Result<()> {
        if self.rules.expire_after.is_none()
            || !matches!(self.job.operation, Operation::Release(_) | Operation::Remove(_))
        {
            return Ok(());
        }
        let Some(holder) = self.holder(store, tip, lock)? else {
            return Ok(());
        };
        let ours = self.own_claim(lock);
        let is_ours = match ours {
            Some(commit) => commit == holder.commit,
            None => self.rules.owner.is_some() && self.rules.owner == holder.owner,
        };
        if is_ours {
            return Ok(());
        }
        let lock = String::from_utf8_lossy(lock);
        let why = match ours {
            Some(commit) => format!("the claim was {}", &commit.to_string()[..8]),
            None => {
                "the lock's directory has no repository that tells which claim it was got with".to_owned()
            }
        };
        let text = format!(
            "lock {lock} is not ours any more: claimed {}",
            holder.told(self.cx.now())
        );
        Err(Error::remote(text)
            .cause(why)
            .hint("the claim expired and was taken over; give expire_after more time than the work takes"))
    }

    /// The claim that the lock's directory was got with.
    fn own_claim(&self, lock: &Name) -> Option<Oid> {
        let repo = Repository::open(self.job.directory.as_ref()?).ok()?;
        let head = repo.head().ok()?.peel_to_commit().ok()?.id();
        let history = History {
            repo: &repo,
            cuts: &git_source::read_cuts(&repo),
        };
        match history.last_change(head, &path(self.pool, State::Claimed, lock)) {
            Ok(commit) => commit,
            // A shallow clone ends at the version.
            Err(Missing::Deeper) => Some(head),
            Err(Missing::Failed(_)) => None,
        }
    }
}
