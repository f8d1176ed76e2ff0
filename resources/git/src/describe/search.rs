//! The tag that is nearest to a commit, as `git describe` finds it.

use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::{ObjectType, Oid, Repository};

use super::Options;

/// A ref, and how many commits are between it and the commit.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) depth: usize,
}

/// What a commit may be named after.
#[derive(Debug, Clone)]
struct Name {
    text: String,
    /// Annotated tags go before others, and those before other refs.
    rank: u8,
    /// When the tag was made.
    date: i64,
}

/// The rank of an annotated tag.
const ANNOTATED: u8 = 2;

/// A name that was found, with what is known of the history that it does not cover.
struct Candidate {
    name: String,
    depth: usize,
    /// Commits that are below it.
    within: HashSet<Oid>,
}

/// The nearest name of a commit.
pub(super) fn nearest(repo: &Repository, head: Oid, options: &Options) -> Result<Option<Found>, git2::Error> {
    let names = names(repo, options)?;
    let counts = |name: &&Name| options.tags || options.all || name.rank == ANNOTATED;
    if let Some(name) = names.get(&head).filter(counts) {
        return Ok(Some(Found {
            name: name.text.clone(),
            depth: 0,
        }));
    }
    if options.candidates == 0 {
        return Ok(None);
    }
    let mut walk = Walk::new(repo, head, options.first_parent)?;
    let mut candidates: Vec<Candidate> = Vec::new();
    while let Some(id) = walk.next()? {
        if candidates.len() == options.candidates || candidates.len() == names.len() {
            // One too many was taken.
            walk.give_back(id)?;
            break;
        }
        if let Some(name) = names.get(&id).filter(counts) {
            candidates.push(Candidate {
                name: name.text.clone(),
                depth: walk.seen - 1,
                within: HashSet::from([id]),
            });
        }
        let parents = walk.parents(id)?;
        for candidate in &mut candidates {
            candidate.pass(id, &parents);
        }
        // Where all that is left is below the best one, nothing changes any more.
        let best = candidates.iter().min_by_key(|candidate| candidate.depth);
        if best.is_some_and(|best| walk.is_left_within(&best.within)) {
            break;
        }
    }
    // Of equally near ones the one that was found first.
    let Some(mut best) = candidates.into_iter().min_by_key(|candidate| candidate.depth) else {
        return Ok(None);
    };
    // What was not walked over yet counts, too.
    while !walk.is_left_within(&best.within) {
        let Some(id) = walk.next()? else { break };
        let parents = walk.parents(id)?;
        best.pass(id, &parents);
    }
    Ok(Some(Found {
        name: best.name,
        depth: best.depth,
    }))
}

impl Candidate {
    /// A commit counts unless it is below the candidate; its parents then are, too.
    fn pass(&mut self, id: Oid, parents: &[Oid]) {
        if self.within.contains(&id) {
            self.within.extend(parents);
        } else {
            self.depth += 1;
        }
    }
}

/// What commits may be named after: of several names, the one that goes before the others.
fn names(repo: &Repository, options: &Options) -> Result<HashMap<Oid, Name>, git2::Error> {
    let mut names: HashMap<Oid, Name> = HashMap::new();
    for reference in repo.references()? {
        let reference = reference?;
        let full = reference.name_bytes();
        let tag = full.strip_prefix(b"refs/tags/");
        let short = tag
            .or_else(|| full.strip_prefix(b"refs/heads/"))
            .or_else(|| full.strip_prefix(b"refs/remotes/"));
        let filtered = !options.matching.is_empty() || !options.excluded.is_empty();
        if !options.all && tag.is_none() || filtered && !short.is_some_and(|short| options.takes(short)) {
            continue;
        }
        let Ok(resolved) = reference.resolve() else {
            continue;
        };
        let (Some(target), Ok(commit)) = (resolved.target(), resolved.peel(ObjectType::Commit)) else {
            continue;
        };
        let object = repo.find_tag(target).ok().filter(|_| tag.is_some());
        let shown = match tag {
            Some(tag) if !options.all => tag,
            _ => full.strip_prefix(b"refs/").unwrap_or(full),
        };
        let name = Name {
            text: String::from_utf8_lossy(shown).into_owned(),
            rank: match (&object, tag) {
                (Some(_), _) => ANNOTATED,
                (None, Some(_)) => 1,
                (None, None) => 0,
            },
            date: object
                .and_then(|object| object.tagger().map(|tagger| tagger.when().seconds()))
                .unwrap_or_default(),
        };
        let known = names.get(&commit.id());
        let is_better = known.is_none_or(|known| {
            name.rank > known.rank
                || name.rank == ANNOTATED && known.rank == ANNOTATED && name.date > known.date
        });
        if is_better {
            names.insert(commit.id(), name);
        }
    }
    Ok(names)
}

/// A walk over the history, newest first by the committers' dates.
struct Walk<'r> {
    repo: &'r Repository,
    queue: BinaryHeap<(i64, std::cmp::Reverse<usize>, Oid)>,
    queued: HashSet<Oid>,
    first_parent: bool,
    /// How many commits were walked over.
    seen: usize,
}

impl<'r> Walk<'r> {
    fn new(repo: &'r Repository, head: Oid, first_parent: bool) -> Result<Self, git2::Error> {
        let mut walk = Self {
            repo,
            queue: BinaryHeap::new(),
            queued: HashSet::new(),
            first_parent,
            seen: 0,
        };
        walk.queued.insert(head);
        walk.give_back(head)?;
        walk.seen = 0;
        Ok(walk)
    }

    fn give_back(&mut self, id: Oid) -> Result<(), git2::Error> {
        let time = self.repo.find_commit(id)?.time().seconds();
        self.seen = self.seen.saturating_sub(1);
        self.queue.push((time, std::cmp::Reverse(self.queued.len()), id));
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Oid>, git2::Error> {
        let Some((_, _, id)) = self.queue.pop() else {
            return Ok(None);
        };
        self.seen += 1;
        for parent in self.parents(id)? {
            if self.queued.insert(parent) {
                let time = self.repo.find_commit(parent)?.time().seconds();
                self.queue
                    .push((time, std::cmp::Reverse(self.queued.len()), parent));
            }
        }
        Ok(Some(id))
    }

    /// Whether all that is still to be walked over is among these.
    fn is_left_within(&self, within: &HashSet<Oid>) -> bool {
        self.queue.iter().all(|(_, _, id)| within.contains(id))
    }

    fn parents(&self, id: Oid) -> Result<Vec<Oid>, git2::Error> {
        let commit = self.repo.find_commit(id)?;
        let most = if self.first_parent { 1 } else { usize::MAX };
        Ok(commit.parent_ids().take(most).collect())
    }
}
