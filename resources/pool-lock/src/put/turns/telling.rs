//! What is said of a turn: in the log, and where it fails.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, ErrorKind};

use super::Turns;
use crate::pool::{Change, Name, Operation, Pool, State};

const WAITING: &str = "waiting for lock";

impl Turns<'_> {
    pub(super) fn tell_failure(&self, text: String) {
        self.cx
            .log()
            .line("failed to broadcast the change to lock state!");
        self.cx.log().line(text);
    }

    /// Whose claim was taken over, and since when it was theirs.
    pub(super) fn tell_takeover(&self, change: &Change) {
        for note in change.commits.iter().filter_map(|commit| commit.note.as_deref()) {
            let lock = String::from_utf8_lossy(&change.lock);
            self.cx
                .log()
                .line(format!("took over the claim of lock {lock}: {note}"));
        }
    }

    pub(super) fn announce(&self) {
        let pool = self.pool;
        let shown = |name: &Name| String::from_utf8_lossy(name).into_owned();
        let lines = match &self.job.operation {
            Operation::Acquire => vec![format!("acquiring lock on: {pool}"), WAITING.to_owned()],
            Operation::Claim(_) => vec![format!("claiming lock on: {pool}"), WAITING.to_owned()],
            Operation::Release(lock) => vec![format!("releasing lock: {} on pool: {pool}", shown(lock))],
            Operation::ReleaseOurs => vec![format!("releasing what this build claimed in pool: {pool}")],
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

    pub(super) fn warn(&self, pool: &Pool) {
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
    pub(super) fn failed(&self, stage: &str, error: Error) -> Error {
        if error.kind() == ErrorKind::Config {
            return error;
        }
        error
            .reworded(|text| format!("error {}: {stage}: {text}", self.job.doing))
            .exit(1)
    }
}
