//! All branches and tags of a remote, kept from check to check.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use concourse_resource_sdk::{Context, Result};
use git_remote::{Fetch, Filter as Objects, Ref, Remote};
use git2::Oid;

use crate::history::History;

/// What is offered as known already, at most: more makes the request long, and the answer no shorter.
const MOST_HAVES: usize = 256;

/// A repository with the history of all refs.
pub(super) struct Mirror<'a> {
    pub(super) cx: &'a Context,
    pub(super) remote: &'a mut Remote,
    /// What need not be there.
    pub(super) objects: Objects,
    pub(super) path: PathBuf,
}

impl Mirror<'_> {
    /// Fetches what the refs point to, with its history, as far as it is not here.
    pub(super) fn update(&mut self, refs: &[Ref]) -> Result<()> {
        let mut known = self.known();
        let is_tag = |found: &&Ref| found.name.starts_with(b"refs/tags/");
        // Branches first: most of the tags then need nothing more.
        let branches: BTreeSet<Oid> = refs
            .iter()
            .filter(|found| !is_tag(found))
            .map(|found| found.id)
            .collect();
        self.fetch(branches, &mut known, true)?;
        let history = History::open(&self.path)?;
        let odb = history
            .repo()
            .odb()
            .map_err(git_source::git_failed("read the cache"))?;
        let tags: BTreeSet<Oid> = refs
            .iter()
            .filter(is_tag)
            .filter(|tag| !(odb.exists(tag.id) && tag.peeled.is_none_or(|commit| odb.exists(commit))))
            .map(|tag| tag.id)
            .collect();
        drop(odb);
        self.fetch(tags, &mut known, false)
    }

    /// Fetches a commit that no ref leads to any more, where the server still has it and gives it.
    pub(super) fn fetch_beside(&mut self, id: Oid) -> Result<()> {
        if !self.remote.supports_any_want()? {
            return Ok(());
        }
        let haves = self.known().into_iter().take(MOST_HAVES).collect();
        match self.request(vec![id], haves, false) {
            Ok(()) | Err(git_remote::Error::NotOurRef { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn fetch(&mut self, wants: BTreeSet<Oid>, known: &mut Vec<Oid>, include_tags: bool) -> Result<()> {
        let there: HashSet<Oid> = known.iter().copied().collect();
        let wants: Vec<Oid> = wants.into_iter().filter(|want| !there.contains(want)).collect();
        if wants.is_empty() {
            return Ok(());
        }
        let haves = known.iter().rev().take(MOST_HAVES).copied().collect();
        self.request(wants.clone(), haves, include_tags)?;
        known.extend(wants);
        self.remember(known)
    }

    fn request(&mut self, wants: Vec<Oid>, haves: Vec<Oid>, include_tags: bool) -> git_remote::Result<()> {
        let fetch = Fetch {
            wants,
            haves,
            include_tags,
            filter: self.objects,
            ..Fetch::default()
        };
        self.remote.fetch(&self.path, &fetch, self.cx).map(|_| ())
    }

    /// What is here with all of its history, the latest last.
    fn known(&self) -> Vec<Oid> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Only what was fetched to its end is written down, and in one step.
    fn remember(&self, known: &[Oid]) -> Result<()> {
        let temporary = self.path.join("known.new");
        let mut text = String::new();
        for id in known {
            // Formatting into a string cannot fail.
            let _ = writeln!(text, "{id}");
        }
        fs::write(&temporary, text)
            .and_then(|()| fs::rename(&temporary, self.file()))
            .map_err(|error| git_source::unwritable(&temporary, &error))
    }

    fn file(&self) -> PathBuf {
        known_file(&self.path)
    }
}

fn known_file(repository: &Path) -> PathBuf {
    repository.join("known")
}
