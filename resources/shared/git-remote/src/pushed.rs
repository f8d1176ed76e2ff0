//! What is pushed, and what became of it.

use std::sync::atomic::AtomicBool;

use git2::Oid;

/// An update of one remote ref.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The new value; none deletes the ref.
    pub src: Option<Oid>,
    /// The full name of the ref.
    pub dst: String,
    /// Whether commits may be lost, and tags moved.
    pub force: bool,
    /// Whether another value that the remote has is left alone, and is no refusal.
    pub yields: bool,
}

/// A push.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// What is to be updated.
    pub updates: &'a [Update],
    /// Told to the server's hooks.
    pub options: &'a [String],
    /// Whether nothing is to change if one of the updates is refused. A server that lacks `atomic` is sent the first update alone, and the
    /// others only when that one has landed.
    pub together: bool,
    /// Becomes true when all was sent, and only the server knows what comes of it.
    pub sent: Option<&'a AtomicBool>,
}

impl<'a> Push<'a> {
    /// Updates on their own, without options.
    #[must_use]
    pub const fn new(updates: &'a [Update]) -> Self {
        Self {
            updates,
            options: &[],
            together: false,
            sent: None,
        }
    }
}

/// What became of an [`Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The full name of the ref.
    pub name: String,
    /// What the remote had.
    pub old: Option<Oid>,
    /// What it was to have.
    pub new: Option<Oid>,
    /// Whether it has it now.
    pub outcome: RefOutcome,
}

/// How an [`Update`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefOutcome {
    /// It had that value already.
    UpToDate,
    /// There was no such ref.
    Created,
    /// The new value descends from the old one.
    FastForwarded,
    /// The new value does not descend from the old one.
    Forced,
    /// The ref is gone.
    Deleted,
    /// The remote has another value, and the update [yields](Update::yields).
    LeftAlone,
    /// Not done, since another update of the same push was refused.
    Withheld,
    /// Someone moved the ref while the push was under way; with the server's words. Another attempt may do better.
    LostRace(String),
    /// Refused before anything was sent.
    RejectedHere(Why),
    /// Refused by the server, with its words.
    RejectedThere(String),
}

impl RefOutcome {
    /// Whether the push changed the ref.
    #[must_use]
    pub const fn has_landed(&self) -> bool {
        matches!(
            self,
            Self::Created | Self::FastForwarded | Self::Forced | Self::Deleted
        )
    }

    /// Whether the update was wanted and did not happen.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(
            self,
            Self::LostRace(_) | Self::RejectedHere(_) | Self::RejectedThere(_)
        )
    }
}

/// Why an update is refused before anything is sent: git's own rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The new value does not descend from the old one.
    NonFastForward,
    /// The old value is not known here.
    FetchFirst,
    /// A tag of that name exists.
    AlreadyExists,
}
