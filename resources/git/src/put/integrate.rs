//! Pushing where others push, too: the remote branch is taken in first, and again whenever someone was faster. CONTRACT 6.2
//! and 6.3.

use std::time::Duration;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Context, Error, ErrorKind, Result};
use git_remote::{Fetch, FetchOutcome, Remote};
use git_source::{Backoff, Standstill};
use git2::{Oid, Repository};

use super::notes::Note;
use super::push::Outcome;
use super::{Plan, merge, notes, rebase};
use crate::config::PutParams;
use git_source::git_failed;

/// How the remote branch is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integration {
    /// Merged into `HEAD`.
    Merge,
    /// `HEAD` is replayed on it.
    Rebase,
}

/// Refs of the repository that are offered as known, at most.
const MOST_HAVES: usize = 64;

/// The pause before the next attempt, which grows by as much each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What to do where races are lost to nobody.
const NOBODY_FASTER: &str = "nothing moved on the remote meanwhile: look for a lock file that was left there, and for a branch or tag in the way";

impl Integration {
    pub(super) fn new(params: &PutParams) -> Option<Self> {
        match (params.merge.0, params.rebase.0) {
            (false, false) => None,
            (true, _) => Some(Self::Merge),
            (false, true) => Some(Self::Rebase),
        }
    }

    fn again(self) -> &'static str {
        match self {
            Self::Merge => "merging and trying again...",
            Self::Rebase => "rebasing and trying again...",
        }
    }
}

impl Plan {
    /// Takes the remote branch in and pushes, until nobody was faster. Answers the commit that was pushed.
    pub(super) fn push_integrated(
        &self,
        cx: &Context,
        repo: &Repository,
        start: Oid,
        how: Integration,
        branch: &str,
    ) -> Result<Oid> {
        if how == Integration::Rebase {
            rebase::refuse_changes(repo)?;
        }
        let mut pause = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut standstill = Standstill::default();
        loop {
            let mut remote = self.location.open_for_push(cx)?;
            let upstream = fetch_branch(cx, repo, &mut remote, start, branch)?;
            let by = self.identity(cx, repo)?;
            let head = match how {
                Integration::Merge => {
                    cx.log().line("merging...");
                    merge::merge(cx, repo, start, upstream, (branch, &self.location.uri), &by)?
                }
                Integration::Rebase => {
                    cx.log().line("rebasing...");
                    rebase::rebase(cx, repo, start, upstream, &by)?
                }
            };
            if self.note.is_some() {
                Note::refuse_second(repo, head)?;
            }
            // A place that is not the branch does not change by taking the branch in.
            let is_branch = self.target.as_deref() == Some(&format!("refs/heads/{branch}"));
            match self.push(cx, repo, &mut remote, head)? {
                Outcome::All => {
                    cx.log().line("pushed");
                    self.push_note_again_and_again(cx, repo, &mut remote, head)?;
                    return Ok(head);
                }
                Outcome::LostRace(error) if is_branch => {
                    if standstill.is_reached(upstream) {
                        return Err(non_rebase(error.hint(NOBODY_FASTER)));
                    }
                }
                Outcome::LostRace(error) | Outcome::Refused(error) => return Err(non_rebase(error)),
            }
            cx.log().line(how.again());
            pause.wait();
        }
    }

    /// CONTRACT F4: notes may lose a race, too; the branch has landed by then.
    fn push_note_again_and_again(
        &self,
        cx: &Context,
        repo: &Repository,
        remote: &mut Remote,
        head: Oid,
    ) -> Result<()> {
        let mut pause = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut standstill = Standstill::default();
        let mut there = None;
        loop {
            match self.push_note(cx, repo, remote, head)? {
                Outcome::All => return Ok(()),
                Outcome::LostRace(error) => {
                    if there.is_some_and(|there| standstill.is_reached(there)) {
                        return Err(non_rebase(error.hint(NOBODY_FASTER)));
                    }
                }
                Outcome::Refused(error) => return Err(non_rebase(error)),
            }
            cx.log()
                .line("adding the note to those of the remote, and trying again...");
            pause.wait();
            *remote = self.location.open_for_push(cx)?;
            let refs = remote.refs(&[notes::NOTES])?;
            there = refs
                .iter()
                .find(|note| note.name == notes::NOTES.as_bytes())
                .map(|note| note.id);
            let wants = refs.iter().map(|note| note.id).collect();
            fetch(cx, repo, remote, wants, Vec::new())?;
            notes::take(repo, &refs, true)?;
        }
    }
}

/// Fetches the remote branch and all notes; answers the head of the branch.
fn fetch_branch(
    cx: &Context,
    repo: &Repository,
    remote: &mut Remote,
    start: Oid,
    branch: &str,
) -> Result<Oid> {
    let name = format!("refs/heads/{branch}");
    let refs = remote.refs(&[&name, notes::NOTES])?;
    let Some(head) = refs.iter().find(|found| found.name == name.as_bytes()) else {
        return Err(Error::remote(format!("couldn't find remote ref {branch}"))
            .hint("merge and rebase take in a branch that exists; push it without them the first time")
            .exit(git_source::GIT_EXIT));
    };
    let mut wants = vec![head.id];
    let remote_notes = refs
        .iter()
        .filter(|found| found.name.starts_with(notes::NOTES.as_bytes()));
    wants.extend(remote_notes.map(|found| found.id));
    wants.dedup();
    let mut haves = vec![start];
    let tracked = repo
        .references_glob("refs/remotes/*")
        .map_err(git_failed("list the repository's branches"))?;
    haves.extend(
        tracked
            .flatten()
            .filter_map(|found| found.target())
            .take(MOST_HAVES),
    );
    fetch(cx, repo, remote, wants, haves)?;
    notes::take(repo, &refs, false)?;
    Ok(head.id)
}

fn fetch(
    cx: &Context,
    repo: &Repository,
    remote: &mut Remote,
    wants: Vec<Oid>,
    haves: Vec<Oid>,
) -> Result<()> {
    let odb = repo.odb().map_err(git_failed("read the repository"))?;
    let wants: Vec<Oid> = wants.into_iter().filter(|&id| !odb.exists(id)).collect();
    if wants.is_empty() {
        return Ok(());
    }
    let fetch = Fetch {
        wants,
        haves,
        shallow: git_source::read_cuts(repo).into_iter().collect(),
        ..Fetch::default()
    };
    match remote.fetch(repo.commondir(), &fetch, cx)? {
        FetchOutcome::Fetched(_) | FetchOutcome::NothingInCommon => Ok(()),
    }
}

/// CONTRACT 6.3: what another attempt would not change.
fn non_rebase(error: Error) -> Error {
    if error.kind() != ErrorKind::Remote {
        return error;
    }
    let failure = Error::remote("failed with non-rebase error").cause(error.text());
    match error.hint_text() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
