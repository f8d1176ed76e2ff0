//! The loop around every operation: look, change, push unless someone was first, wait, again. CONTRACT 7.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use concourse_resource_sdk::{AbortGuard, Context, Error, Report, Result};
use git_remote::RefOutcome;
use git_source::{Location, Scratch, git_failed};
use git2::{Oid, Signature, Time};

use super::Rules;
use super::holder::{BUILD_URL, OWNER};
use super::jobs::Job;
use super::undo::Undo;
use super::waiting::{Waiting, path};
use crate::history::History;
use crate::pool::{Change, Commit, Name, Operation, Pool, State, Turn};
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

impl Sent {
    fn arrived(&self, history: &History<'_>, tip: Oid) -> bool {
        arrived(history, tip, self.commit, self.parent)
    }
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
        loop {
            let stage = if is_first { "setup" } else { "reset lock" };
            let tip = self.fetched(&mut store, &waiting, stage)?;
            let action = |error| self.failed("action", error);
            let arrived = sent.iter().position(|sent| sent.arrived(&store.history(), tip));
            if let Some(Sent {
                change,
                commit,
                guard,
                ..
            }) = arrived.map(|index| sent.swap_remove(index))
            {
                return Ok(self.done(commit, change.lock, guard));
            }
            let pool = store.pool(tip, self.pool).map_err(action)?;
            if is_first {
                self.warn(&pool);
            }
            is_first = false;
            let expired = self.expired(&mut store, tip, &pool).map_err(action)?;
            match self
                .job
                .operation
                .turn(&pool, &expired, &mut |count| fastrand::usize(..count))
            {
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
                        Pushed::Landed => return Ok(self.done(commit, change.lock, guard)),
                        Pushed::LostRace => waiting.pause_after_race(),
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
                            self.cx
                                .log()
                                .line("failed to broadcast the change to lock state!");
                            self.cx.log().line(text);
                            if sent.len() == MOST_FAILURES {
                                let text = format!("error {}: too-many-unexpected-errors", self.job.doing);
                                return Err(Error::remote(text));
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
        let guard = self.job.operation.claims().then(|| {
            Undo {
                location: self.location.beyond_abort(),
                pool: self.pool.to_owned(),
                lock: lock.clone(),
                commit,
                parent,
                by: (self.rules.name.clone(), self.rules.email.clone()),
                build_url: self.rules.build_url.clone(),
                pushing: Arc::downgrade(&pushing),
            }
            .at_abort(self.cx)
        });
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
                let tip = self.fetched(store, waiting, "reset lock").map_err(|error| {
                    let hint = format!("look whether commit {commit} is on the branch: it may have arrived");
                    error.hint(hint)
                })?;
                if arrived(&store.history(), tip, commit, parent) {
                    Pushed::Landed
                } else {
                    Pushed::Failed(text)
                }
            }
        };
        Ok((pushed, guard))
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
        } else if let (Some(owner), true) = (&self.rules.owner, self.job.operation.claims()) {
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

    fn announce(&self) {
        let pool = self.pool;
        let shown = |name: &Name| String::from_utf8_lossy(name).into_owned();
        let lines = match &self.job.operation {
            Operation::Acquire => vec![format!("acquiring lock on: {pool}"), WAITING.to_owned()],
            Operation::Claim(_) => vec![format!("claiming lock on: {pool}"), WAITING.to_owned()],
            Operation::Release(lock) => vec![format!("releasing lock: {} on pool: {pool}", shown(lock))],
            Operation::Remove(lock) => vec![format!("removing lock: {} on pool: {pool}", shown(lock))],
            Operation::Add(State::Unclaimed, lock, _) => {
                vec![format!("adding unclaimed lock: {} to pool: {pool}", shown(lock))]
            }
            Operation::Add(State::Claimed, lock, _) => {
                vec![format!("adding claimed lock: {} to pool: {pool}", shown(lock))]
            }
            Operation::Update(lock, _) => {
                vec![
                    format!("updating lock: {} in pool: {pool}", shown(lock)),
                    WAITING.to_owned(),
                ]
            }
            Operation::Check(state, lock) => {
                let wanted = match state {
                    State::Claimed => "unclaimed",
                    State::Unclaimed => "claimed",
                };
                vec![
                    format!("checking lock: {} in pool: {pool}", shown(lock)),
                    format!("waiting for lock to become {wanted}"),
                ]
            }
        };
        for line in lines {
            self.cx.log().line(line);
        }
    }

    fn warn(&self, pool: &Pool) {
        for name in pool.doubles() {
            let name = String::from_utf8_lossy(name);
            self.cx.log().warn(format!(
                "lock {name} is claimed and free at once, and counts as claimed; releasing it mends that"
            ));
        }
        if let Operation::Check(_, lock) = &self.job.operation
            && !pool.claimed.contains_key(lock)
            && !pool.unclaimed.contains_key(lock)
        {
            let lock = String::from_utf8_lossy(lock);
            self.cx
                .log()
                .warn(format!("there is no lock {lock} in pool {}", self.pool));
        }
    }

    /// CONTRACT 1: what is being done, and in which part of it. Git's own exit status is for check and get only.
    fn failed(&self, stage: &str, error: Error) -> Error {
        match error {
            Error::Remote(report) => Error::Remote(self.told(stage, report)),
            Error::Internal(report) => Error::Internal(self.told(stage, report)),
            config @ Error::Config(_) => config,
        }
    }

    fn told(&self, stage: &str, report: Report) -> Report {
        Report {
            text: format!("error {}: {stage}: {}", self.job.doing, report.text),
            exit: 1,
            ..report
        }
    }
}

const WAITING: &str = "waiting for lock";

/// The first lines of a commit's message: no blank line between them (CONTRACT 7).
pub(super) fn message(subject: &str, build_url: &str) -> String {
    let url = format!("{BUILD_URL} {build_url}");
    format!("{subject}\n{}\n", url.trim_end())
}

/// Who commits, now.
pub(super) fn signature(cx: &Context, name: &str, email: &str) -> Result<Signature<'static>, git2::Error> {
    let now = cx
        .now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Signature::new(name, email, &Time::new(i64::try_from(now).unwrap_or(i64::MAX), 0))
}

/// Whether a commit on `parent` is on the branch by now: by its id and nothing else (CONTRACT F16).
pub(super) fn arrived(history: &History<'_>, tip: Oid, commit: Oid, parent: Oid) -> bool {
    if tip == parent {
        return false;
    }
    history.reaches(tip, commit).unwrap_or(false)
}
