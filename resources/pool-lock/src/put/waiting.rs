//! Waiting for a lock: who has it is shown when that changes, and nobody waits in step with others.

use std::time::{Duration, Instant};

use concourse_resource_sdk::{Context, Error};
use git_source::Backoff;

use super::Rules;
use super::holder::{Holder, date};
use crate::duration::in_words;
use crate::failure::Failure;
use crate::pool::{Name, Pool, State, Wait, is_lock};
use crate::store::Store;

/// Locks that are shown at most.
const MOST_SHOWN: usize = 10;

/// How deep the history is looked through for who has a lock.
const DEEPEST: u32 = 512;

/// By how much the pauses after lost races grow, up to the delay.
const RACE_STEP: Duration = Duration::from_millis(40);

/// One step's waiting.
pub(super) struct Waiting<'a> {
    cx: &'a Context,
    rules: &'a Rules,
    pool: &'a str,
    began: Instant,
    races: Backoff,
    /// What was shown last.
    shown: Vec<String>,
    /// The same with how long it has been so.
    blockers: Vec<String>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(cx: &'a Context, rules: &'a Rules, pool: &'a str) -> Self {
        Self {
            cx,
            rules,
            pool,
            began: Instant::now(),
            races: Backoff::new(RACE_STEP, rules.delay),
            shown: Vec::new(),
            blockers: Vec::new(),
        }
    }

    /// Shows what is waited for, if that is new, and waits.
    pub(super) fn wait(
        &mut self,
        store: &mut Store<'_>,
        pool: &Pool,
        wait: &Wait,
        branch: &str,
    ) -> Result<(), Error> {
        self.races.reset();
        self.look(store, pool, wait, branch);
        let mut pause = jittered(self.rules.delay);
        if let Some(timeout) = self.rules.timeout {
            let left = timeout.saturating_sub(self.began.elapsed());
            if left.is_zero() {
                let text = format!("gave up after {}", in_words(timeout));
                return Err(Error::remote(text).cause(self.blockers.join("; ")));
            }
            pause = pause.min(left);
        }
        std::thread::sleep(pause);
        Ok(())
    }

    /// Waits after a failure.
    pub(super) fn pause(&self) {
        std::thread::sleep(jittered(self.rules.delay));
    }

    /// Waits a little after a lost race: the lock may still be there.
    pub(super) fn pause_after_race(&mut self) {
        self.races.wait();
    }

    fn look(&mut self, store: &mut Store<'_>, pool: &Pool, wait: &Wait, branch: &str) {
        let locks: Vec<(State, &Name)> = match wait {
            Wait::NoneFree => {
                let claimed = pool.claimed.keys().filter(|name| is_lock(name));
                claimed.map(|name| (State::Claimed, name)).collect()
            }
            Wait::While(state, name) => vec![(*state, name)],
            Wait::Unknown(name) => {
                let name = String::from_utf8_lossy(name);
                return self.show(
                    vec![format!("there is no lock {name} in pool {} yet", self.pool)],
                    None,
                );
            }
            Wait::NoPool => {
                return self.show(
                    vec![format!("there is no pool {} on branch {branch} yet", self.pool)],
                    None,
                );
            }
        };
        if locks.is_empty() {
            return self.show(vec![format!("pool {} has no locks", self.pool)], None);
        }
        let more = locks.len().saturating_sub(MOST_SHOWN);
        let mut lines = Vec::new();
        let mut aged = Vec::new();
        for (state, name) in locks.into_iter().take(MOST_SHOWN) {
            let is = match state {
                State::Claimed => "claimed",
                State::Unclaimed => "free",
            };
            let name_shown = String::from_utf8_lossy(name);
            let (key, told) = match find(store, self.pool, state, name) {
                Ok(Found::Holder(holder)) => (holder.commit.to_string(), holder.told(self.cx.now())),
                Ok(Found::Before(seconds)) => (String::new(), format!("since before {}", date(seconds))),
                Err(_) => (String::new(), String::new()),
            };
            lines.push(format!("{name_shown} {is} {key}"));
            aged.push(format!("{name_shown} is {is} {told}").trim_end().to_owned());
        }
        if more > 0 {
            aged.push(format!("and {more} more"));
        }
        self.show(lines, Some(aged));
    }

    /// Prints the lines if they changed; where they grow older, by what stays the same.
    fn show(&mut self, keys: Vec<String>, aged: Option<Vec<String>>) {
        let lines = aged.unwrap_or_else(|| keys.clone());
        if keys != self.shown {
            for line in &lines {
                self.cx.log().line(format!("  {line}"));
            }
            self.shown = keys;
        }
        self.blockers = lines;
    }
}

/// Three quarters of a pause to five.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// Who brought a lock into its state.
pub(super) enum Found {
    Holder(Holder),
    /// Somebody before that second.
    Before(i64),
}

/// Looks for the commit that brought a lock into its state; not far below the newest one.
fn find(store: &mut Store<'_>, pool: &str, state: State, name: &[u8]) -> Result<Found, Failure> {
    let path = path(pool, state, name);
    let Some(tip) = store.tip() else {
        return Ok(Found::Before(0));
    };
    loop {
        match store.history().last_change(tip, &path) {
            Ok(Some(commit)) => {
                let (message, since) = store.described(commit).unwrap_or_default();
                return Ok(Found::Holder(Holder::new(commit, &message, since)));
            }
            Ok(None) => return Ok(Found::Before(0)),
            Err(_) if store.depth() < DEEPEST => {
                if !store.deepen()? {
                    return Ok(Found::Before(0));
                }
            }
            Err(_) => {
                let dates = store
                    .history()
                    .cuts
                    .iter()
                    .filter_map(|&id| Some(store.described(id)?.1));
                return Ok(Found::Before(dates.max().unwrap_or_default()));
            }
        }
    }
}

/// The path of a lock.
pub(super) fn path(pool: &str, state: State, name: &[u8]) -> Vec<u8> {
    [format!("{pool}/{}/", state.directory()).as_bytes(), name].concat()
}
