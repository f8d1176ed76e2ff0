//! The history behind a wire, of which as little is fetched as can be right.
//!
//! The server decides what is new: asked for the head by someone who has the cursor's first parent, it sends just the
//! commits that CONTRACT 4.4 does not exclude. So membership in that pack is the range, and no walk over old history is
//! needed. From servers that lack protocol v2 or filters the newest commits are fetched when there is no cursor, else everything, once.

mod whole;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use concourse_resource_sdk::{Context, Error, Result};
use git_remote::{Depth, Fetch, FetchOutcome, Fetched, Filter as Objects, Pack, Remote};
use git2::Oid;

use super::heads::Cursor;
use super::work::Work;
use crate::filter::Filter;
use crate::history::{Commit, History, Missing};
use crate::memory::Memory;

/// Commits taken first when there is no cursor.
const FIRST_DEPTH: u32 = 8;
/// From here on all of the history is taken at once.
const LAST_DEPTH: u32 = 1 << 14;
/// Objects that were expected but not sent, after which the whole history is taken instead.
const MOST_GAPS: usize = 64;

pub(super) struct RemoteHistory<'a> {
    cx: &'a Context,
    remote: &'a mut Remote,
    filter: &'a Filter,
    work: &'a Work<'a>,
    gaps: usize,
}

/// Why the short way did not lead to an answer.
enum Detour {
    /// The remote does not know the cursor any more.
    CursorVanished,
    /// What is here does not suffice; the whole history does.
    NeedsWhole,
    Failed(Error),
}

impl From<git_remote::Error> for Detour {
    fn from(error: git_remote::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Detour {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Missing> for Detour {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Object(_) => Self::NeedsWhole,
            Missing::Broken(_) | Missing::Undecided(_) => Self::Failed(missing.into()),
        }
    }
}

impl<'a> RemoteHistory<'a> {
    pub(super) fn new(
        cx: &'a Context,
        remote: &'a mut Remote,
        filter: &'a Filter,
        work: &'a Work<'a>,
    ) -> Self {
        Self {
            cx,
            remote,
            filter,
            work,
            gaps: 0,
        }
    }

    /// The versions of a check, oldest first.
    pub(super) fn versions(
        &mut self,
        tip: Oid,
        cursor: Option<Cursor<'_>>,
        from: Option<&str>,
        memory: Option<&Memory>,
    ) -> Result<Vec<Oid>> {
        let finds_range = self.remote.supports_probing()? && self.remote.supports_filter()?;
        // Without a cursor, depth does as well, although all that the commits hold comes along.
        let goes_short = finds_range || (cursor.is_none() && self.remote.supports_depth()?);
        if !goes_short {
            return self.whole(tip, cursor);
        }
        let answer = match cursor {
            Some(Cursor::Abbreviated(_)) => Err(Detour::NeedsWhole),
            Some(Cursor::Id(id)) => self.since(tip, id, from, memory),
            None => self.newest(tip),
        };
        let answer = match answer {
            Err(Detour::CursorVanished) => {
                self.cx
                    .log()
                    .trace("the remote does not know the last version any more");
                self.newest(tip)
            }
            answer => answer,
        };
        match answer {
            Ok(mut versions) => {
                versions.reverse();
                Ok(versions)
            }
            Err(Detour::NeedsWhole | Detour::CursorVanished) => self.whole(tip, cursor),
            Err(Detour::Failed(error)) => Err(error),
        }
    }

    fn since(
        &mut self,
        tip: Oid,
        cursor: Oid,
        from: Option<&str>,
        memory: Option<&Memory>,
    ) -> Result<Vec<Oid>, Detour> {
        if let (Some(memory), Some(from)) = (memory, from)
            && let Some(mut known) = memory.since(from)
            && let Some(old_tip) = memory.tip()
            && let Some(mut versions) = self.after_old_tip(tip, old_tip)?
        {
            known.reverse();
            versions.extend(known);
            return Ok(versions);
        }
        self.after_cursor(tip, cursor)
    }

    /// The commits that pass between the head of the last check and the head of now, newest first. `None` when the branch
    /// did not simply grow.
    fn after_old_tip(&mut self, tip: Oid, old_tip: Oid) -> Result<Option<Vec<Oid>>, Detour> {
        let partial = self.work.partial()?;
        let Some(pack) = self.fetch_range(&partial, tip, old_tip)? else {
            return Ok(None);
        };
        let history = History::open(&partial)?;
        let mut versions = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next.filter(|&id| pack.contains(id)) {
            let commit = history.commit(id)?;
            if self.passes(&history, &partial, &commit)? {
                versions.push(id);
            }
            next = commit.parents.first().copied();
        }
        Ok((next == Some(old_tip)).then_some(versions))
    }

    /// The commits that pass from the cursor on, newest first.
    fn after_cursor(&mut self, tip: Oid, cursor: Oid) -> Result<Vec<Oid>, Detour> {
        let partial = self.work.fresh_partial()?;
        self.fetch_cursor(&partial, cursor)?;
        let history = History::open(&partial)?;
        // A tag of a tree, say, is no place in the history.
        let commit = history.commit(cursor).map_err(|_| Detour::CursorVanished)?;
        if tip == cursor {
            return Ok(if self.passes(&history, &partial, &commit)? {
                vec![cursor]
            } else {
                Vec::new()
            });
        }
        let excluded = match commit.parents.first() {
            Some(&parent) if parent == tip => return Ok(Vec::new()),
            Some(&parent) => parent,
            // Nothing is excluded by a root, which is on its own the place to stop at.
            None => cursor,
        };
        let Some(pack) = self.fetch_range(&partial, tip, excluded)? else {
            return Err(Detour::CursorVanished);
        };
        let mut versions = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next.filter(|&id| id == cursor || pack.contains(id)) {
            let commit = history.commit(id)?;
            if self.passes(&history, &partial, &commit)? {
                versions.push(id);
            }
            if id == cursor {
                return Ok(versions);
            }
            next = commit.parents.first().copied();
        }
        // Whether a root can be reached from the head, although not by first parents, takes the whole history to tell.
        if excluded == cursor {
            Err(Detour::NeedsWhole)
        } else {
            Ok(versions)
        }
    }

    /// The newest commits that pass, newest first, as many as the source asks for.
    fn newest(&mut self, tip: Oid) -> Result<Vec<Oid>, Detour> {
        let partial = self.work.fresh_partial()?;
        let mut cuts = HashSet::new();
        let mut judged = HashMap::new();
        let wanted = u32::try_from(self.filter.newest)
            .unwrap_or(LAST_DEPTH)
            .saturating_add(1);
        // A server that cannot filter sends all files of each commit: no more than may be needed.
        let mut depth = if self.remote.supports_filter()? {
            FIRST_DEPTH.max(wanted)
        } else if self.filter.looks_at_paths() {
            wanted
        } else {
            wanted.saturating_sub(1).max(1)
        };
        loop {
            self.deepen(&partial, tip, depth, &mut cuts)?;
            let history = History::open(&partial)?;
            if let Some(versions) = self.newest_above(&history, &partial, tip, &cuts, &mut judged)? {
                return Ok(versions);
            }
            depth = depth.saturating_mul(4);
        }
    }

    /// The newest commits that pass; `None` when the history was cut before there were enough.
    fn newest_above(
        &mut self,
        history: &History,
        partial: &Path,
        tip: Oid,
        cuts: &HashSet<Oid>,
        judged: &mut HashMap<Oid, bool>,
    ) -> Result<Option<Vec<Oid>>, Detour> {
        let mut versions = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next.filter(|_| versions.len() < self.filter.newest) {
            let commit = history.commit(id)?;
            let cut = cuts.contains(&id);
            // A commit at the cut looks like a root: it cannot be judged by its paths.
            if cut && self.filter.looks_at_paths() {
                return Ok(None);
            }
            let passes = match judged.get(&id) {
                Some(&passes) => passes,
                None => self.passes(history, partial, &commit)?,
            };
            judged.insert(id, passes);
            if passes {
                versions.push(id);
            }
            if cut && versions.len() < self.filter.newest {
                return Ok(None);
            }
            next = commit.parents.first().copied();
        }
        Ok(Some(versions))
    }

    /// Judges a commit; what is missing for that is fetched by its id.
    fn passes(&mut self, history: &History, partial: &Path, commit: &Commit) -> Result<bool, Detour> {
        loop {
            match self.filter.passes(history, commit) {
                Ok(passes) => return Ok(passes),
                Err(Missing::Object(id)) if self.gaps < MOST_GAPS => {
                    self.gaps += 1;
                    self.cx
                        .log()
                        .trace(format!("fetching {id}, which the server took for known"));
                    let fetch = Fetch {
                        wants: vec![id],
                        depth: Depth::To(1),
                        filter: self.objects(),
                        ..Fetch::default()
                    };
                    match self.remote.fetch(partial, &fetch, self.cx) {
                        Ok(FetchOutcome::Fetched(Fetched { pack: Some(_), .. })) => {}
                        Ok(_) | Err(git_remote::Error::NotOurRef { .. }) => return Err(Detour::NeedsWhole),
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(missing) => return Err(missing.into()),
            }
        }
    }

    /// Fetches the cursor, and its parents with all of their trees where those matter: what the range does not change is
    /// not sent with it, and asking for such trees one by one took longer (measured).
    fn fetch_cursor(&mut self, partial: &Path, cursor: Oid) -> Result<(), Detour> {
        let depth = Depth::To(if self.filter.looks_at_paths() { 2 } else { 1 });
        let fetch = Fetch {
            wants: vec![cursor],
            depth,
            filter: self.objects(),
            ..Fetch::default()
        };
        match self.remote.fetch(partial, &fetch, self.cx) {
            Ok(_) => Ok(()),
            Err(git_remote::Error::NotOurRef { .. }) => Err(Detour::CursorVanished),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches what `tip` has and `known` has not. `None` when the remote does not know `known`.
    fn fetch_range(&mut self, partial: &Path, tip: Oid, known: Oid) -> Result<Option<Pack>, Detour> {
        let fetch = Fetch {
            wants: vec![tip],
            haves: vec![known],
            need_common: true,
            filter: self.objects(),
            ..Fetch::default()
        };
        match self.remote.fetch(partial, &fetch, self.cx)? {
            FetchOutcome::NothingInCommon => Ok(None),
            FetchOutcome::Fetched(Fetched { pack, .. }) => Ok(Some(pack.unwrap_or_default())),
        }
    }

    /// Fetches the newest `depth` commits, or the rest of the history where `depth` is large.
    fn deepen(
        &mut self,
        partial: &Path,
        tip: Oid,
        depth: u32,
        cuts: &mut HashSet<Oid>,
    ) -> Result<(), Detour> {
        let fetch = Fetch {
            wants: vec![tip],
            haves: if cuts.is_empty() { Vec::new() } else { vec![tip] },
            shallow: cuts.iter().copied().collect(),
            depth: if depth < LAST_DEPTH {
                Depth::To(depth)
            } else {
                Depth::Unlimited
            },
            filter: self.objects(),
            ..Fetch::default()
        };
        if let FetchOutcome::Fetched(fetched) = self.remote.fetch(partial, &fetch, self.cx)? {
            cuts.extend(fetched.new_shallow);
            for id in fetched.unshallow {
                cuts.remove(&id);
            }
        }
        Ok(())
    }

    fn objects(&self) -> Objects {
        if self.filter.looks_at_paths() {
            Objects::BlobNone
        } else {
            Objects::TreeZero
        }
    }
}
