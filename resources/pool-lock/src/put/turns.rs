//! The loop around every operation: look, change, push unless someone was first, wait, again. CONTRACT 7.

mod telling;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use concourse_resource_sdk::{AbortGuard, Context, Error, Result};
use git_remote::RefOutcome;
use git_source::{Location, Scratch, Standstill, git_failed};
use git2::Oid;

use super::Rules;
use super::holder::OWNER;
use super::jobs::Job;
use super::message::{message, signature};
use super::undo::{Push, Undo};
use super::waiting::{Waiting, path};
use crate::pool::{Change, Commit, Marked, Name, Operation, Turn};
use crate::store::Store;

/// Failures of one kind after which a step gives up: CONTRACT 7, step 4.
const MOST_FAILURES: usize = 5;

/// One operation, to its end.
pub(super) struct Turns<'a> {
    pub(super) cx: &'a Context,
    pub(super) location: &'a Location,
    pub(super) pool: &'a str,
    pub(super) rules: &'a Rules,
    pub(super) job: &'a Job,
}

/// How an operation ended.
pub(super) struct Done {
    pub(super) commit: Oid,
    pub(super) lock: Name,
    /// Undoes a claim at an abort, for as long as it is kept.
    pub(super) guard: Option<AbortGuard>,
}

/// A push that failed, and may still be on its way to the branch.
struct Sent {
    change: Change,
    commit: Oid,
    parent: Oid,
    guard: Option<AbortGuard>,
}

/// What came of a push.
enum Pushed {
    Landed,
    LostRace,
    /// The server's words.
    Rejected(String),
    /// Nobody knows; it did not arrive.
    Failed(String),
}

impl Turns<'_> {
    pub(super) fn run(&self) -> Result<Done> {
        self.announce();
        let scratch = Scratch::new(self.cx).map_err(|error| self.failed("setup", error))?;
        let mut store = Store::open(self.cx, self.location, scratch.path())
            .map_err(|error| self.failed("setup", error))?;
        if let Operation::Add(_, _, content) | Operation::Update(_, content) = &self.job.operation {
            store
                .write_blob(content)
                .map_err(|error| self.failed("setup", error))?;
        }
        let mut waiting = Waiting::new(self.cx, self.rules, self.pool);
        let mut sent: Vec<Sent> = Vec::new();
        let mut is_first = true;
        // Since when a claim has been seen here.
        let mut seen = HashMap::<Oid, Instant>::new();
        let mut standstill = Standstill::default();
        loop {
            let stage = if is_first { "setup" } else { "reset lock" };
            let tip = self.fetched_or_given_up(&mut store, &waiting, (stage, &sent))?;
            let action = |error| self.failed("action", error);
            let arrived = sent
                .iter()
                .position(|sent| store.history().has_arrived(tip, sent.commit, sent.parent));
            if let Some(Sent {
                change,
                commit,
                guard,
                ..
            }) = arrived.map(|index| sent.swap_remove(index))
            {
                self.tell_takeover(&change);
                return Ok(self.done(commit, change.lock, guard));
            }
            let pool = store.pool(tip, self.pool).map_err(action)?;
            if is_first {
                self.warn(&pool);
            }
            is_first = false;
            let marked = match self.job.operation {
                Operation::ReleaseOurs => Marked::Ours(self.ours(&mut store, tip, &pool).map_err(action)?),
                _ => Marked::Expired(self.expired(&mut store, tip, &pool, &mut seen).map_err(action)?),
            };
            match self
                .job
                .operation
                .turn(&pool, &marked, &mut |count| fastrand::usize(..count))
            {
                Turn::Nothing => return self.nothing(&mut store, tip).map_err(action),
                Turn::Reached(lock) => return Ok(self.done(tip, lock, None)),
                Turn::Impossible(text) => return Err(self.failed("action", Error::remote(text))),
                Turn::Wait(wait) => {
                    let branch = self.location.branch.as_deref().unwrap_or_default();
                    waiting
                        .wait(&mut store, &pool, &wait, branch)
                        .map_err(|error| self.failed("waiting", error))?;
                }
                Turn::Unchanged(place, lock) => {
                    let path = path(self.pool, place, &lock);
                    let last = store.ask(|history| history.last_change(tip, &path));
                    let last = last.map_err(|failure| action(failure.into()))?.flatten();
                    return Ok(self.done(last.unwrap_or(tip), lock, None));
                }
                Turn::Ready(change) => {
                    self.refuse_what_is_not_ours(&mut store, tip, &change.lock)
                        .map_err(action)?;
                    let commit = self.commit(&store, tip, &change).map_err(action)?;
                    let (pushed, guard) = self.push(&mut store, &change.lock, tip, commit, &waiting)?;
                    match pushed {
                        Pushed::Landed => {
                            self.tell_takeover(&change);
                            return Ok(self.done(commit, change.lock, guard));
                        }
                        Pushed::LostRace => self.after_race(standstill.is_reached(tip), &mut waiting),
                        Pushed::Rejected(text) => {
                            self.cx
                                .log()
                                .warn(format!("the push was rejected: {text}; retrying..."));
                            waiting.pause();
                        }
                        Pushed::Failed(text) => {
                            sent.push(Sent {
                                change,
                                commit,
                                parent: tip,
                                guard,
                            });
                            self.tell_failure(text);
                            if sent.len() == MOST_FAILURES {
                                let text = format!("error {}: too-many-unexpected-errors", self.job.doing);
                                return Err(self.give_up(&sent, Error::remote(text)));
                            }
                            waiting.pause();
                        }
                    }
                }
            }
            if self.cx.is_cancelled() {
                return Err(git_remote::Error::Interrupted.into());
            }
        }
    }

    fn after_race(&self, nobody_is_faster: bool, waiting: &mut Waiting<'_>) {
        if !nobody_is_faster {
            return waiting.pause_after_race();
        }
        self.cx.log().warn(
            "push after push lost a race, and nobody moved the branch: look for a lock file that was left on the server; retrying...",
        );
        waiting.pause();
    }

    /// Fetches; a network that fails now and then must not end a step that waits for hours.
    fn fetched(&self, store: &mut Store<'_>, waiting: &Waiting<'_>, stage: &str) -> Result<Oid> {
        let mut failures = 0;
        loop {
            match store.refresh() {
                Ok(tip) => return Ok(tip),
                Err(failure) if failure.is_passing() && !self.cx.is_cancelled() => {
                    failures += 1;
                    let error = Error::from(failure);
                    if failures == MOST_FAILURES {
                        return Err(self.failed(stage, error));
                    }
                    self.cx.log().warn(format!("{error}; retrying..."));
                    waiting.pause();
                }
                Err(failure) => return Err(self.failed(stage, failure.into())),
            }
        }
    }

    /// The same; where pushes may still be on their way, they are not forgotten.
    fn fetched_or_given_up(
        &self,
        store: &mut Store<'_>,
        waiting: &Waiting<'_>,
        (stage, sent): (&str, &[Sent]),
    ) -> Result<Oid> {
        self.fetched(store, waiting, stage).map_err(|error| {
            if sent.is_empty() || self.cx.is_cancelled() {
                error
            } else {
                self.give_up(sent, error)
            }
        })
    }

    /// Pushes, and finds out what came of it where nobody says (CONTRACT F16). A claim has somebody who undoes it at an abort.
    fn push(
        &self,
        store: &mut Store<'_>,
        lock: &Name,
        parent: Oid,
        commit: Oid,
        waiting: &Waiting<'_>,
    ) -> Result<(Pushed, Option<AbortGuard>)> {
        let pushing = Arc::new(());
        let push = Push::UnderWay(Arc::downgrade(&pushing));
        let guard = self
            .job
            .operation
            .claims()
            .then(|| self.undo(lock, (commit, parent), push).at_abort(self.cx));
        let outcome = store.push(commit);
        drop(pushing);
        let pushed = match outcome {
            Ok(RefOutcome::FastForwarded | RefOutcome::Created | RefOutcome::Forced) => Pushed::Landed,
            // CONTRACT case 19: a push that moves nothing is somebody else's.
            Ok(
                RefOutcome::UpToDate
                | RefOutcome::RejectedHere(_)
                | RefOutcome::Deleted
                | RefOutcome::LeftAlone
                | RefOutcome::Withheld
                | RefOutcome::LostRace(_),
            ) => Pushed::LostRace,
            Ok(RefOutcome::RejectedThere(why)) => Pushed::Rejected(why),
            Err(failure) if self.cx.is_cancelled() => return Err(failure.into()),
            Err(failure) => {
                let text = Error::from(failure).to_string();
                // Should it stay so, whoever looks next gives up, with this push among those that may still arrive.
                let Ok(tip) = self.fetched(store, waiting, "reset lock") else {
                    return Ok((Pushed::Failed(text), guard));
                };
                if store.history().has_arrived(tip, commit, parent) {
                    Pushed::Landed
                } else {
                    Pushed::Failed(text)
                }
            }
        };
        Ok((pushed, guard))
    }

    fn undo(&self, lock: &Name, (commit, parent): (Oid, Oid), push: Push) -> Undo {
        Undo {
            location: self.location.beyond_abort(),
            pool: self.pool.to_owned(),
            lock: lock.clone(),
            commit,
            parent,
            by: (self.rules.name.clone(), self.rules.email.clone()),
            build_url: self.rules.build_url.clone(),
            push,
        }
    }

    /// Gives up after pushes without an answer, each of which may still arrive: then a claim is undone, and otherwise they are named.
    fn give_up(&self, sent: &[Sent], error: Error) -> Error {
        let commits: Vec<String> = sent.iter().map(|sent| sent.commit.to_string()).collect();
        let error = error.hint(format!(
            "should one of these commits arrive only now, it is not undone: look for them on the branch: {}",
            commits.join(", ")
        ));
        if self.job.operation.claims() {
            let runtime = tokio::runtime::Handle::current();
            std::thread::scope(|scope| {
                for sent in sent {
                    let undo = self.undo(&sent.change.lock, (sent.commit, sent.parent), Push::Lost);
                    let runtime = runtime.clone();
                    scope.spawn(move || {
                        // Connections are made in it.
                        let _entered = runtime.enter();
                        undo.run(self.cx);
                    });
                }
            });
        }
        error
    }

    /// Writes the commits of a change; answers the last.
    fn commit(&self, store: &Store<'_>, tip: Oid, change: &Change) -> Result<Oid> {
        let failed = git_failed("write the commit");
        let by = signature(self.cx, &self.rules.name, &self.rules.email).map_err(&failed)?;
        let mut parent = tip;
        for commit in &change.commits {
            let message = self.message(commit);
            parent = store
                .commit(parent, self.pool, commit, &message, &by)
                .map_err(&failed)?;
        }
        Ok(parent)
    }

    fn message(&self, commit: &Commit) -> String {
        let mut message = message(&commit.subject, &self.rules.build_url);
        if let Some(note) = &commit.note {
            message.push_str(note);
            message.push('\n');
        } else if let (Some(owner), true) = (&self.rules.owner, self.job.operation.makes_claims()) {
            message = format!("{message}{OWNER} {owner}\n");
        }
        message
    }

    fn done(&self, commit: Oid, lock: Name, guard: Option<AbortGuard>) -> Done {
        match self.job.operation {
            Operation::Acquire => {
                let name = String::from_utf8_lossy(&lock);
                self.cx.log().line(format!("acquired! {name}"));
            }
            Operation::Claim(_) => self.cx.log().line("claimed!"),
            Operation::Update(..) => self.cx.log().line("updated!"),
            _ => {}
        }
        Done { commit, lock, guard }
    }
}
