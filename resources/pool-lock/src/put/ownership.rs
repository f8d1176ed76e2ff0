//! Whose a lock is, where claims expire.

use std::collections::HashMap;
use std::time::Instant;

use concourse_resource_sdk::{Error, Result};
use git2::{Oid, Repository};

use super::holder::{Holder, date};
use super::turns::{Done, Turns};
use super::waiting::path;
use crate::path_history::{Missing, PathHistory};
use crate::pool::{Expired, Name, Operation, Pool, State, is_lock};
use crate::store::Store;

/// The part of `expire_after` for which a claim has to be seen before it is taken over: its date is by the clock of whoever made it.
const SEEN_PART: u32 = 10;

/// How far back a free lock is looked for.
const MOST_LOOKED_AT: usize = 64;

/// How the messages of commits begin after which a lock is free.
const FREEING: [&str; 3] = ["unclaiming: ", "adding unclaimed: ", "updating: "];

const NO_CLAIM_KNOWN: &str = "the lock's directory has no repository that tells which claim it was got with";

impl Turns<'_> {
    /// The claims that may be taken over, where this is allowed and would help.
    pub(super) fn expired(
        &self,
        store: &mut Store<'_>,
        tip: Oid,
        pool: &Pool,
        seen: &mut HashMap<Oid, Instant>,
    ) -> Result<Expired> {
        let mut expired = Expired::new();
        let Some(limit) = self.rules.expire_after else {
            return Ok(expired);
        };
        let names: Vec<&Name> = match &self.job.operation {
            Operation::Acquire => pool.claimed.keys().collect(),
            Operation::Claim(name) => pool.claimed.keys().filter(|claimed| *claimed == name).collect(),
            _ => Vec::new(),
        };
        // Of two clocks that differ, the one by which less time has passed.
        let now = store
            .server_time()
            .map_or(self.cx.now(), |theirs| theirs.min(self.cx.now()));
        for name in names {
            let Some(holder) = self.holder(store, tip, name)? else {
                continue;
            };
            let first_seen = *seen.entry(holder.commit).or_insert_with(Instant::now);
            // A date in the future never expires.
            let is_old = holder.age(now).is_some_and(|age| age >= limit);
            if is_old && first_seen.elapsed() >= limit / SEEN_PART {
                let note = format!("Expired: claimed on {}{holder}", date(holder.since));
                expired.insert(name.clone(), note);
            }
        }
        Ok(expired)
    }

    /// The locks whose claims are of this build.
    pub(super) fn ours(&self, store: &mut Store<'_>, tip: Oid, pool: &Pool) -> Result<Vec<Name>> {
        let mut ours = Vec::new();
        for name in pool.claimed.keys().filter(|name| is_lock(name)) {
            let holder = self.holder(store, tip, name)?;
            if holder.is_some_and(|holder| holder.build_url.as_deref() == Some(&self.rules.build_url)) {
                ours.push(name.clone());
            }
        }
        Ok(ours)
    }

    /// This build has no claim to release. The version is one that can be got whatever others do: the newest at which a lock was free.
    pub(super) fn nothing(&self, store: &mut Store<'_>, tip: Oid) -> Result<Done> {
        let (pool, url) = (self.pool, &self.rules.build_url);
        self.cx
            .log()
            .line(format!("nothing to release: {url} has no claim in pool {pool}"));
        let mut from = Some(tip);
        for _ in 0..MOST_LOOKED_AT {
            let Some(at) = from else { break };
            let change = store
                .ask(|history| history.last_change(at, pool.as_bytes()))?
                .flatten();
            let Some(change) = change else { break };
            if let Some((message, _)) = store.described(change)
                && let Some(lock) = FREEING
                    .iter()
                    .find_map(|verb| message.lines().next()?.strip_prefix(verb))
            {
                return Ok(Done {
                    commit: change,
                    lock: lock.as_bytes().to_vec(),
                    guard: None,
                });
            }
            from = store.ask(|history| history.first_parent(change))?.flatten();
        }
        Ok(Done {
            commit: tip,
            lock: Name::new(),
            guard: None,
        })
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
        let is_same = |ours: Option<&str>, theirs: Option<&String>| {
            ours.is_some() && ours == theirs.map(String::as_str)
        };
        let (owner, url) = (self.rules.owner.as_deref(), Some(self.rules.build_url.as_str()));
        let is_ours = match ours {
            Some(commit) => commit == holder.commit,
            None => is_same(owner, holder.owner.as_ref()) || is_same(url, holder.build_url.as_ref()),
        };
        if is_ours {
            return Ok(());
        }
        let lock = String::from_utf8_lossy(lock);
        let (why, hint) = match (ours, owner, &holder.owner) {
            (Some(commit), ..) => (
                format!("the claim was {}", &commit.to_string()[..8]),
                "the lock was released, or its claim expired and was taken over, since it was got: expire_after has to be longer than the work takes".to_owned(),
            ),
            (None, None, _) => (
                NO_CLAIM_KNOWN.to_owned(),
                "release it from the directory of the put or get that has it, or set source.owner where it is claimed and here".to_owned(),
            ),
            (None, Some(_), None) => (
                NO_CLAIM_KNOWN.to_owned(),
                "that claim names no owner: set source.owner where it is claimed, too".to_owned(),
            ),
            (None, Some(ours), Some(theirs)) => (
                NO_CLAIM_KNOWN.to_owned(),
                format!("that claim is of {theirs}, and source.owner is {ours}"),
            ),
        };
        let text = format!(
            "lock {lock} is not ours any more: claimed {}",
            holder.told(self.cx.now())
        );
        Err(Error::remote(text).cause(why).hint(hint))
    }

    /// The claim that the lock's directory was got with.
    fn own_claim(&self, lock: &Name) -> Option<Oid> {
        let repo = Repository::open(self.job.directory.as_ref()?).ok()?;
        let head = repo.head().ok()?.peel_to_commit().ok()?.id();
        let history = PathHistory {
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
