//! The moves of locks, without a repository: a pool as it is, what is wanted, and the change that leads there. CONTRACT 7.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid};

/// The mode of a file that is newly written.
const NEW_MODE: i32 = 0o100_755;

/// The name of a lock: any bytes but `/`.
pub(crate) type Name = Vec<u8>;

/// A state, which is the directory that a lock is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Somebody has it.
    Claimed,
    /// It is free.
    Unclaimed,
}

impl State {
    /// The directory below the pool.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Unclaimed => "unclaimed",
        }
    }
}

/// The file of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    /// Its content.
    pub(crate) id: Oid,
    /// Its mode in the tree.
    pub(crate) mode: i32,
}

/// A pool at one commit. Only files are locks (CONTRACT F17).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Whether its directory is there.
    pub(crate) exists: bool,
    pub(crate) claimed: BTreeMap<Name, File>,
    pub(crate) unclaimed: BTreeMap<Name, File>,
}

impl Pool {
    pub(crate) fn files(&self, state: State) -> &BTreeMap<Name, File> {
        match state {
            State::Claimed => &self.claimed,
            State::Unclaimed => &self.unclaimed,
        }
    }

    /// Locks that are in both states, which nothing but edits by hand and `add` can bring about.
    pub(crate) fn doubles(&self) -> impl Iterator<Item = &Name> {
        let both = self
            .claimed
            .keys()
            .filter(|name| self.unclaimed.contains_key(*name));
        both.filter(|name| is_lock(name))
    }
}

/// Names with a dot in front are there to keep the directories, and are never picked.
pub(crate) fn is_lock(name: &[u8]) -> bool {
    !name.starts_with(b".")
}

/// What is wanted of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Claim any lock.
    Acquire,
    /// Claim this lock.
    Claim(Name),
    /// Free this lock.
    Release(Name),
    /// Free what this build claimed.
    ReleaseOurs,
    /// Make this lock.
    Add(State, Name, Vec<u8>),
    /// Delete this lock.
    Remove(Name),
    /// Replace what this lock holds.
    Update(Name, Vec<u8>),
    /// Wait until this lock is not in that state.
    Check(State, Name),
}

/// What has to happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Commit this.
    Ready(Change),
    /// Nothing: all is as it is wanted (CONTRACT F6).
    Unchanged(State, Name),
    /// Nothing: there is nothing to be done.
    Nothing,
    /// Nothing: what was waited for holds.
    Reached(Name),
    /// Look again later.
    Wait(Wait),
    /// Give up.
    Impossible(String),
}

/// A change of one lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) lock: Name,
    /// Pushed together. All but a taking over are one.
    pub(crate) commits: Vec<Commit>,
}

/// One commit of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) edits: Vec<Edit>,
    /// The first line of the message.
    pub(crate) subject: String,
    /// A line below it.
    pub(crate) note: Option<String>,
}

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    Set(State, Name, File),
    Delete(State, Name),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Any free lock.
    NoneFree,
    /// A lock to leave a state.
    While(State, Name),
    /// A lock that is in no state.
    Unknown(Name),
    /// A pool that is not there.
    NoPool,
}

/// Claims that may be taken over, each with the note for the commit that does so.
pub(crate) type Expired = BTreeMap<Name, String>;

/// What is known of claims, besides that they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Marked {
    /// These may be taken over.
    Expired(Expired),
    /// These are of this build.
    Ours(Vec<Name>),
}

impl Operation {
    /// What has to happen next; `pick` draws one of so many.
    pub(crate) fn turn(&self, pool: &Pool, marked: &Marked, pick: &mut dyn FnMut(usize) -> usize) -> Turn {
        let (none, no_names) = (Expired::new(), Vec::new());
        let (expired, ours) = match marked {
            Marked::Expired(expired) => (expired, &no_names),
            Marked::Ours(ours) => (&none, ours),
        };
        match self {
            Self::ReleaseOurs => release_all(pool, ours),
            Self::Acquire => acquire(pool, expired, pick),
            Self::Claim(name) => claim(pool, expired, name),
            Self::Release(name) => match pool.claimed.get(name) {
                Some(&file) => one(name, "unclaiming", release(name, file)),
                None => Turn::Impossible(not_claimed(pool, name)),
            },
            Self::Remove(name) if pool.claimed.contains_key(name) => {
                one(name, "removing", vec![Edit::Delete(State::Claimed, name.clone())])
            }
            Self::Remove(name) => Turn::Impossible(not_claimed(pool, name)),
            _ if !pool.exists && !matches!(self, Self::Check(..)) => Turn::Wait(Wait::NoPool),
            Self::Add(state, name, content) => add(pool, *state, name, content),
            Self::Update(name, _) if pool.claimed.contains_key(name) => {
                Turn::Wait(Wait::While(State::Claimed, name.clone()))
            }
            Self::Update(name, content) => update(pool, name, content),
            Self::Check(state, name) if pool.files(*state).contains_key(name) => {
                Turn::Wait(Wait::While(*state, name.clone()))
            }
            Self::Check(_, name) => Turn::Reached(name.clone()),
        }
    }

    /// Whether the lock is claimed by whoever does it, whose name the commit has.
    pub(crate) fn makes_claims(&self) -> bool {
        self.claims() || matches!(self, Self::Add(State::Claimed, ..))
    }

    /// Whether it makes a lock ours, which an abort has to undo.
    pub(crate) fn claims(&self) -> bool {
        matches!(self, Self::Acquire | Self::Claim(_))
    }
}

/// The edits that free a lock, also one that is in both states.
pub(crate) fn release(name: &Name, file: File) -> Vec<Edit> {
    vec![
        Edit::Delete(State::Claimed, name.clone()),
        Edit::Set(State::Unclaimed, name.clone(), file),
    ]
}

/// Frees these locks, as far as they are claimed, with one push.
fn release_all(pool: &Pool, names: &[Name]) -> Turn {
    let claimed: Vec<(&Name, File)> = names
        .iter()
        .filter_map(|name| Some((name, *pool.claimed.get(name)?)))
        .collect();
    // The answer is about the last commit.
    let Some((last, _)) = claimed.last() else {
        return Turn::Nothing;
    };
    Turn::Ready(Change {
        lock: (*last).clone(),
        commits: claimed
            .iter()
            .map(|(name, file)| commit(name, "unclaiming", release(name, *file)))
            .collect(),
    })
}

fn acquire(pool: &Pool, expired: &Expired, pick: &mut dyn FnMut(usize) -> usize) -> Turn {
    // A lock in both states has an owner.
    let free = pool
        .unclaimed
        .keys()
        .filter(|name| is_lock(name) && !pool.claimed.contains_key(*name));
    let mut choice: Vec<&Name> = free.collect();
    if choice.is_empty() {
        choice = expired.keys().filter(|name| is_lock(name)).collect();
    }
    if choice.is_empty() {
        return Turn::Wait(if pool.exists { Wait::NoneFree } else { Wait::NoPool });
    }
    claim(pool, expired, choice[pick(choice.len())])
}

fn claim(pool: &Pool, expired: &Expired, name: &Name) -> Turn {
    let take = |file| {
        vec![
            Edit::Delete(State::Unclaimed, name.clone()),
            Edit::Set(State::Claimed, name.clone(), file),
        ]
    };
    match (pool.claimed.get(name), pool.unclaimed.get(name)) {
        (None, Some(&file)) => one(name, "claiming", take(file)),
        (Some(&file), _) => match expired.get(name) {
            Some(note) => Turn::Ready(Change {
                lock: name.clone(),
                commits: vec![
                    Commit {
                        note: Some(note.clone()),
                        ..commit(name, "unclaiming", release(name, file))
                    },
                    commit(name, "claiming", take(file)),
                ],
            }),
            None => Turn::Wait(Wait::While(State::Claimed, name.clone())),
        },
        (None, None) => Turn::Wait(if pool.exists {
            Wait::Unknown(name.clone())
        } else {
            Wait::NoPool
        }),
    }
}

fn add(pool: &Pool, state: State, name: &Name, content: &[u8]) -> Turn {
    let there = pool.files(state).get(name);
    let file = match file(content, there.map_or(NEW_MODE, |there| there.mode)) {
        Ok(file) => file,
        Err(text) => return Turn::Impossible(text),
    };
    if there == Some(&file) {
        return Turn::Unchanged(state, name.clone());
    }
    let doing = match state {
        State::Claimed => "adding claimed",
        State::Unclaimed => "adding unclaimed",
    };
    one(name, doing, vec![Edit::Set(state, name.clone(), file)])
}

fn update(pool: &Pool, name: &Name, content: &[u8]) -> Turn {
    let there = pool.unclaimed.get(name);
    let file = match file(content, NEW_MODE) {
        Ok(file) => file,
        Err(text) => return Turn::Impossible(text),
    };
    if there == Some(&file) {
        return Turn::Unchanged(State::Unclaimed, name.clone());
    }
    let doing = if there.is_some() {
        "updating"
    } else {
        "adding unclaimed"
    };
    one(name, doing, vec![Edit::Set(State::Unclaimed, name.clone(), file)])
}

fn file(content: &[u8], mode: i32) -> Result<File, String> {
    let id = Oid::hash_object(ObjectType::Blob, content).map_err(|error| error.message().to_owned())?;
    Ok(File { id, mode })
}

fn one(name: &Name, doing: &str, edits: Vec<Edit>) -> Turn {
    Turn::Ready(Change {
        lock: name.clone(),
        commits: vec![commit(name, doing, edits)],
    })
}

fn commit(name: &Name, doing: &str, edits: Vec<Edit>) -> Commit {
    Commit {
        edits,
        subject: format!("{doing}: {}", String::from_utf8_lossy(name)),
        note: None,
    }
}

fn not_claimed(pool: &Pool, name: &Name) -> String {
    let shown = String::from_utf8_lossy(name);
    if pool.unclaimed.contains_key(name) {
        format!("lock {shown} is not claimed")
    } else {
        format!("there is no lock {shown}")
    }
}

#[cfg(test)]
#[path = "pool/tests.rs"]
mod tests;
