//! `check`: which commits changed the pool. CONTRACT 5.

use std::path::Path;

use concourse_resource_sdk::{CacheDir, Context, Error, ErrorKind, Result};
use git_source::{Location, Scratch};
use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::config::{LockVersion, Source};
use crate::path_history::{Missing, PathHistory};
use crate::store::Store;

/// The versions from `from` on, oldest first.
pub(crate) async fn check(
    cx: &Context,
    source: Source,
    from: Option<LockVersion>,
) -> Result<Vec<LockVersion>> {
    let location = Location::new(&source.access())?;
    let cx = cx.clone();
    git_source::blocking(move || {
        let check = Check {
            cx: &cx,
            location: &location,
            pool: source.pool(),
            from: from.map(|version| version.reference),
        };
        let ids = check.versions()?;
        Ok(ids
            .into_iter()
            .map(|id| LockVersion {
                reference: id.to_string(),
            })
            .collect())
    })
    .await
}

struct Check<'a> {
    cx: &'a Context,
    location: &'a Location,
    pool: &'a str,
    from: Option<String>,
}

impl Check<'_> {
    /// Answers with the help of what earlier checks left; what they left broken is dropped, and the work done anew.
    fn versions(&self) -> Result<Vec<Oid>> {
        let Some(cache) = self.cx.cache() else {
            let scratch = Scratch::new(self.cx)?;
            return self.attempt(scratch.path(), None);
        };
        let repository = cache.path().join(REPOSITORY);
        match self.attempt(&repository, Some(&cache)) {
            Err(error) if error.kind() == ErrorKind::Internal => {
                self.cx
                    .log()
                    .trace(format!("starting over without the cache: {error}"));
                // What cannot be removed fails again, and is told then.
                let _ = std::fs::remove_dir_all(&repository);
                self.attempt(&repository, Some(&cache))
            }
            answer => answer,
        }
    }

    fn attempt(&self, repository: &Path, cache: Option<&CacheDir>) -> Result<Vec<Oid>> {
        let mut remote = self.location.open(self.cx)?;
        let mut store = Store::open(self.cx, self.location, repository)?;
        let tip = store.remote_tip(&mut remote)?;
        drop(remote);
        let memory: Option<Memory> = cache.and_then(CacheDir::recall);
        if let Some(versions) = memory.and_then(|memory| memory.answer(tip, self.from.as_deref())) {
            return Ok(versions);
        }
        let tip = store.refresh()?;
        let versions = match self.known(&mut store)? {
            Some(from) => match self.since(&mut store, tip, from)? {
                Some(versions) => versions,
                None => self.newest(&mut store, tip)?,
            },
            None => self.newest(&mut store, tip)?,
        };
        if let Some(cache) = cache {
            cache.remember(&Memory::new(tip, self.from.as_deref(), &versions));
        }
        Ok(versions)
    }

    /// The cursor, if the remote has such a commit.
    fn known(&self, store: &mut Store<'_>) -> Result<Option<Oid>> {
        let Some(from) = self.from.as_deref() else {
            return Ok(None);
        };
        let is_hex = from.bytes().all(|byte| byte.is_ascii_hexdigit());
        match from.len() {
            40 if is_hex => {
                let id = from.parse().ok();
                let known = id.map(|id| store.has(id)).transpose()?.unwrap_or_default();
                Ok(id.filter(|_| known))
            }
            // Git takes four digits or more, and only all of the history tells which commit is meant.
            4..40 if is_hex => {
                while store.deepen()? {}
                let found = store.history().repo.revparse_single(from).ok();
                Ok(found.map(|object| object.id()))
            }
            _ => Ok(None),
        }
    }

    fn since(&self, store: &mut Store<'_>, tip: Oid, from: Oid) -> Result<Option<Vec<Oid>>> {
        let pool = self.pool.as_bytes();
        Ok(store.ask(|history: &PathHistory<'_>| {
            if history.repo.find_commit(from).is_err() {
                return Err(Missing::Deeper);
            }
            let excluded = history.first_parent(from)?;
            history.changes(tip, excluded, pool)
        })?)
    }

    fn newest(&self, store: &mut Store<'_>, tip: Oid) -> Result<Vec<Oid>> {
        let pool = self.pool.as_bytes();
        let newest = store.ask(|history| history.last_change(tip, pool))?;
        let newest = newest.ok_or_else(|| Error::internal("the history of the branch is not complete"))?;
        Ok(newest.into_iter().collect())
    }
}

const REPOSITORY: &str = "locks.git";

/// What the last check answered, with what it depended on.
#[derive(Serialize, Deserialize)]
struct Memory {
    tip: String,
    from: Option<String>,
    versions: Vec<String>,
}

impl Memory {
    fn new(tip: Oid, from: Option<&str>, versions: &[Oid]) -> Self {
        Self {
            tip: tip.to_string(),
            from: from.map(str::to_owned),
            versions: versions.iter().map(Oid::to_string).collect(),
        }
    }

    /// The answer, if it still holds.
    fn answer(&self, tip: Oid, from: Option<&str>) -> Option<Vec<Oid>> {
        if self.tip != tip.to_string() || self.from.as_deref() != from {
            return None;
        }
        self.versions.iter().map(|id| id.parse().ok()).collect()
    }
}
