//! `check` where tags are followed: CONTRACT 4.6.

mod mirror;
mod mode;
mod walk;

use std::collections::HashSet;

use concourse_resource_sdk::{Context, Error, Result};
use git_remote::{Filter as Objects, Ref, Remote};
use git2::{ObjectType, Oid};

use self::mirror::Mirror;
use self::mode::Behaviour;
pub(super) use self::mode::TagMode;
use self::walk::Graph;
use super::incomplete;
use super::work::Work;
use crate::config::GitVersion;
use crate::filter::Filter;
use crate::history::{History, Missing};
use crate::memory::TagMemory;

/// What a check of tags is asked.
pub(super) struct TagCheck<'a> {
    pub(super) cx: &'a Context,
    pub(super) mode: &'a TagMode,
    pub(super) filter: &'a Filter,
    pub(super) branch: Option<&'a str>,
    pub(super) from: Option<&'a str>,
}

/// A tag that is followed.
struct Candidate {
    name: String,
    commit: Oid,
    /// When it was made, in seconds since 1970.
    created: i64,
}

impl TagCheck<'_> {
    /// The versions, oldest first.
    pub(super) fn versions(&self, remote: &mut Remote, work: &Work<'_>) -> Result<Vec<GitVersion>> {
        let refs = remote.refs(&["HEAD", "refs/heads/", "refs/tags/"])?;
        let branch = match self.branch {
            Some(branch) => match find(&refs, &format!("refs/heads/{branch}")) {
                Some(id) => Some(id),
                // CONTRACT 4.6, kept.
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let state = state(&refs)?;
        if let Some(versions) = work
            .tag_memory()
            .and_then(|memory| memory.answer(&state, self.from))
        {
            self.cx.log().trace("nothing changed since the last check");
            return Ok(versions);
        }
        let history = self.history(remote, work, &refs)?;
        let versions = self.select(&history, &refs, branch).map_err(incomplete)?;
        work.remember_tags(&TagMemory::new(state, self.from, &versions));
        Ok(versions)
    }

    /// All there is, and the commit that the check starts from, if anybody still has it.
    fn history(&self, remote: &mut Remote, work: &Work<'_>, refs: &[Ref]) -> Result<History> {
        if let Some(path) = remote.local() {
            return History::open(path);
        }
        let mut mirror = Mirror {
            cx: self.cx,
            remote,
            objects: if self.filter.looks_at_paths() {
                Objects::BlobNone
            } else {
                Objects::TreeZero
            },
            path: work.whole()?,
        };
        mirror.update(refs)?;
        let history = History::open(&mirror.path)?;
        if let Some(id) = self.from.and_then(full_id)
            && history.commit(id).is_err()
        {
            mirror.fetch_beside(id)?;
            return History::open(&mirror.path);
        }
        Ok(history)
    }

    fn select(
        &self,
        history: &History,
        refs: &[Ref],
        branch: Option<Oid>,
    ) -> Result<Vec<GitVersion>, Missing> {
        let graph = Graph::new(history);
        let mut tips = Vec::new();
        for found in refs {
            tips.extend(commit_of(history, found)?);
        }
        let cursor = self.cursor(history, refs, &graph, &tips)?;
        let excluded = match cursor {
            Some(cursor) => graph.ancestors(graph.first_parent(cursor)?)?,
            None => HashSet::new(),
        };
        let members = graph.chains(&tips, &excluded)?;
        let candidates = self.candidates(history, refs, &graph, cursor, branch)?;
        let mut versions = match self.mode.behaviour {
            Behaviour::MatchTagged => self.tagged(history, &candidates, &members)?,
            Behaviour::MatchTagAncestors => self.below(history, &candidates, &members, &graph)?,
        };
        versions.reverse();
        Ok(versions)
    }

    /// The newest tags whose commits pass, the newest first.
    fn tagged(
        &self,
        history: &History,
        candidates: &[Candidate],
        members: &HashSet<Oid>,
    ) -> Result<Vec<GitVersion>, Missing> {
        let mut versions = Vec::new();
        let mut left_out = Vec::new();
        for tag in candidates
            .iter()
            .rev()
            .filter(|tag| members.contains(&tag.commit))
        {
            if versions.len() == self.filter.newest {
                break;
            }
            let commit = history.commit(tag.commit)?;
            if self.filter.passes(history, &commit)? {
                versions.push(GitVersion::tagged(&tag.name, tag.commit));
            } else {
                left_out.push((tag.name.as_str(), self.filter.leaves_out(&commit)));
            }
        }
        if versions.is_empty() {
            self.tell_left_out(&left_out);
        }
        Ok(versions)
    }

    /// Says that there are tags, and that the filters let none through.
    fn tell_left_out(&self, left_out: &[(&str, &str)]) {
        if let Some((name, why)) = left_out.first() {
            let more = match left_out.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            self.cx.log().line(format!(
                "tag {name}{more} matches, and {why} leaves out the commit"
            ));
        }
    }

    /// The newest commits that pass and that some tag contains, the newest first.
    fn below(
        &self,
        history: &History,
        candidates: &[Candidate],
        members: &HashSet<Oid>,
        graph: &Graph<'_>,
    ) -> Result<Vec<GitVersion>, Missing> {
        let below = graph.ancestors(candidates.iter().map(|tag| tag.commit))?;
        let mut versions = Vec::new();
        let mut left_out = Vec::new();
        for id in graph
            .newest_first(members)?
            .into_iter()
            .filter(|id| below.contains(id))
        {
            if versions.len() == self.filter.newest {
                break;
            }
            let commit = history.commit(id)?;
            if self.filter.passes(history, &commit)? {
                versions.push(GitVersion::new(id.to_string()));
            } else if let Some(tag) = candidates.iter().find(|tag| tag.commit == id) {
                left_out.push((tag.name.as_str(), self.filter.leaves_out(&commit)));
            }
        }
        if versions.is_empty() {
            self.tell_left_out(&left_out);
        }
        Ok(versions)
    }

    /// CONTRACT 4.4 and F3: the commit to start from, unless nobody has it, or it is a root that nothing leads to.
    fn cursor(
        &self,
        history: &History,
        refs: &[Ref],
        graph: &Graph<'_>,
        tips: &[Oid],
    ) -> Result<Option<Oid>, Missing> {
        let Some(from) = self.from.filter(|from| !from.is_empty()) else {
            return Ok(None);
        };
        let named = ["refs/tags/", "refs/heads/"].iter().find_map(|prefix| {
            refs.iter()
                .find(|found| found.name == format!("{prefix}{from}").as_bytes())
        });
        let cursor = match (full_id(from), named) {
            (None, Some(found)) => commit_of(history, found)?,
            _ => history.resolve(from),
        };
        let Some(cursor) = cursor else { return Ok(None) };
        let is_lost_root = graph.first_parent(cursor)?.is_none()
            && !graph.ancestors(tips.iter().copied())?.contains(&cursor);
        Ok((!is_lost_root).then_some(cursor))
    }

    /// The tags that match, the oldest first: CONTRACT 4.6, the three cases.
    fn candidates(
        &self,
        history: &History,
        refs: &[Ref],
        graph: &Graph<'_>,
        cursor: Option<Oid>,
        branch: Option<Oid>,
    ) -> Result<Vec<Candidate>, Missing> {
        let mut tags = self.matching(history, refs)?;
        if let Some(branch) = branch {
            let merged = graph.ancestors([branch])?;
            tags.retain(|tag| merged.contains(&tag.commit));
        }
        let Some(cursor) = cursor else { return Ok(tags) };
        // CONTRACT F8: names are compared as a whole.
        let at = tags.iter().position(|tag| Some(tag.name.as_str()) == self.from);
        match at {
            Some(at) if branch.is_none() => {
                tags.drain(..at);
            }
            _ => {
                let containing = graph.containing(cursor, tags.iter().map(|tag| tag.commit))?;
                tags.retain(|tag| containing.contains(&tag.commit));
            }
        }
        Ok(tags)
    }

    /// The tags of commits whose names match, by date and name.
    fn matching(&self, history: &History, refs: &[Ref]) -> Result<Vec<Candidate>, Missing> {
        let mut tags = Vec::new();
        for found in refs {
            let Some(name) = found.name.strip_prefix(b"refs/tags/") else {
                continue;
            };
            let Ok(name) = std::str::from_utf8(name) else {
                let name = String::from_utf8_lossy(name);
                self.cx
                    .log()
                    .warn(format!("the tag \"{name}\" is left out: its name is not UTF-8"));
                continue;
            };
            if !self.mode.matches(name).map_err(Missing::Undecided)? {
                continue;
            }
            if let Some(commit) = commit_of(history, found)? {
                tags.push(Candidate {
                    name: name.to_owned(),
                    commit,
                    created: created(history, found.id, commit)?,
                });
            }
        }
        tags.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        Ok(tags)
    }
}

/// The date of a tag object, or of the commit that a tag without one points to.
fn created(history: &History, id: Oid, commit: Oid) -> Result<i64, Missing> {
    if id == commit {
        return Ok(history.commit(commit)?.time);
    }
    let tag = history.repo().find_tag(id).map_err(Missing::Broken)?;
    // Old tags may have none.
    Ok(tag.tagger().map_or(0, |tagger| tagger.when().seconds()))
}

/// The commit that a ref leads to; none where it leads to something else, which need not be here.
fn commit_of(history: &History, found: &Ref) -> Result<Option<Oid>, Missing> {
    let mut id = found.id;
    loop {
        let object = history.object(id)?;
        let Some(tag) = object.as_tag() else {
            return Ok((object.kind() == Some(ObjectType::Commit)).then_some(id));
        };
        match tag.target_type() {
            Some(ObjectType::Commit) => return Ok(Some(tag.target_id())),
            Some(ObjectType::Tag) => id = tag.target_id(),
            _ => return Ok(None),
        }
    }
}

fn find(refs: &[Ref], name: &str) -> Option<Oid> {
    refs.iter()
        .find(|found| found.name == name.as_bytes())
        .map(|found| found.peeled.unwrap_or(found.id))
}

fn full_id(text: &str) -> Option<Oid> {
    (text.len() == 40).then(|| text.parse().ok()).flatten()
}

/// What the answer depends on besides the source: a digest of all refs.
fn state(refs: &[Ref]) -> Result<String> {
    let mut text = Vec::new();
    for found in refs {
        text.extend_from_slice(found.id.as_bytes());
        text.extend_from_slice(&found.name);
        text.push(0);
    }
    Oid::hash_object(ObjectType::Blob, &text)
        .map(|digest| digest.to_string())
        .map_err(|error| Error::internal("failed to hash the refs").cause(error.message()))
}
