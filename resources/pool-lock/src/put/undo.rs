//! Undoing a claim that an abort came upon: exactly the commit that was pushed, never whoever has a lock of that name.

use std::sync::Weak;
use std::time::{Duration, Instant};

use concourse_resource_sdk::{AbortGuard, Context, Result};
use git_remote::RefOutcome;
use git_source::{Location, Scratch, git_failed};
use git2::Oid;

use super::message::{message, signature};
use super::waiting::path;
use crate::failure::Failure;
use crate::pool::{Commit, Name, State, release};
use crate::store::Store;

/// What design.md gives it, of the ten seconds after which Concourse kills.
const TIME: Duration = Duration::from_secs(8);

/// When it stops trying, to say so in time.
const ENOUGH: Duration = Duration::from_millis(7_500);

/// How long a push may be on its way that ended without an answer: when an abort leaves little time, and when a step gives up.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
const LONG_ON_ITS_WAY: Duration = Duration::from_secs(7);

const PAUSE: Duration = Duration::from_millis(100);

/// What is needed to undo a claim.
pub(super) struct Undo {
    /// Connections that the abort does not stop.
    pub(super) location: Location,
    pub(super) pool: String,
    pub(super) lock: Name,
    /// The claim.
    pub(super) commit: Oid,
    pub(super) parent: Oid,
    /// Name and address of who commits.
    pub(super) by: (String, String),
    pub(super) build_url: String,
    pub(super) push: Push,
}

/// What is known of the push of a claim.
pub(super) enum Push {
    /// It has ended when this is gone.
    UnderWay(Weak<()>),
    /// It ended without an answer; there is time to see whether it arrives after all.
    Lost,
}

/// What became of the claim.
enum Fate {
    /// It did not arrive.
    Never,
    /// It was released already.
    Gone,
    /// It was undone by this commit.
    Undone(Oid),
    /// There was no time to find out.
    Unknown,
}

impl Undo {
    /// Registers it. The claim is undone unless the guard is dropped before an abort.
    pub(super) fn at_abort(self, cx: &Context) -> AbortGuard {
        let context = cx.clone();
        cx.on_abort_within(TIME, async move {
            let undone = git_source::blocking(move || {
                self.run(&context);
                Ok(())
            });
            // It told what happened.
            let _ = undone.await;
        })
    }

    /// Undoes the claim if it arrives, and tells what became of it.
    pub(super) fn run(&self, cx: &Context) {
        let lock = String::from_utf8_lossy(&self.lock);
        let claim = &self.commit.to_string()[..8];
        match self.fate(cx) {
            Fate::Never => cx.log().line(format!("lock {lock} was not claimed")),
            Fate::Gone => cx.log().line(format!("claim {claim} of lock {lock} is gone already")),
            Fate::Undone(by) => {
                let by = &by.to_string()[..8];
                cx.log().line(format!("claim {claim} of lock {lock} was undone by {by}"));
            }
            Fate::Unknown => cx.log().warn(format!(
                "there was no time to undo claim {} of lock {lock}: look whether it is on the branch, and release the lock",
                self.commit
            )),
        }
    }

    fn fate(&self, cx: &Context) -> Fate {
        let began = Instant::now();
        let Ok(scratch) = Scratch::new(cx) else {
            return Fate::Unknown;
        };
        let mut ended: Option<Instant> = None;
        let mut store = None;
        while began.elapsed() < ENOUGH {
            let (is_ended, on_its_way) = match &self.push {
                Push::UnderWay(pushing) => (pushing.strong_count() == 0, ON_ITS_WAY),
                Push::Lost => (true, LONG_ON_ITS_WAY),
            };
            if ended.is_none() && is_ended {
                ended = Some(Instant::now());
            }
            if store.is_none() {
                store = Store::open(cx, &self.location, scratch.path()).ok();
            }
            match store.as_mut().map(|store| self.attempt(cx, store)) {
                Some(Ok(Some(fate))) => return fate,
                // The server may still be at work on what it received before the connection ended.
                Some(Ok(None)) if ended.is_some_and(|ended| ended.elapsed() > on_its_way) => {
                    return Fate::Never;
                }
                _ => {}
            }
            std::thread::sleep(PAUSE);
        }
        Fate::Unknown
    }

    /// `None` as long as the claim has not arrived, or someone was first.
    fn attempt(&self, cx: &Context, store: &mut Store<'_>) -> Result<Option<Fate>, Failure> {
        let tip = store.refresh()?;
        // What was there before the claim is all that has to be known of the past.
        let known = store.ask(|history| {
            if history.repo.find_commit(self.parent).is_err() {
                return Err(crate::path_history::Missing::Deeper);
            }
            Ok(history.has_arrived(tip, self.commit, self.parent))
        })?;
        if known != Some(true) {
            return Ok(None);
        }
        let claimed = path(&self.pool, State::Claimed, &self.lock);
        let holder = store.ask(|history| history.last_change(tip, &claimed))?;
        let pool = store.pool(tip, &self.pool)?;
        let Some(&file) = pool
            .claimed
            .get(&self.lock)
            .filter(|_| holder == Some(Some(self.commit)))
        else {
            return Ok(Some(Fate::Gone));
        };
        let failed = git_failed("write the commit");
        let by = signature(cx, &self.by.0, &self.by.1).map_err(&failed)?;
        let name = String::from_utf8_lossy(&self.lock);
        let commit = Commit {
            edits: release(&self.lock, file),
            subject: format!("unclaiming: {name}"),
            note: None,
        };
        let text = format!(
            "{}Aborted: undoes {}\n",
            message(&commit.subject, &self.build_url),
            self.commit
        );
        let undo = store
            .commit(tip, &self.pool, &commit, &text, &by)
            .map_err(&failed)?;
        Ok(match store.push(undo)? {
            RefOutcome::FastForwarded => Some(Fate::Undone(undo)),
            _ => None,
        })
    }
}
