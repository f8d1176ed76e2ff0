//! `get`: the repository at a version, and the lock that the version is about. CONTRACT 6.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use concourse_resource_sdk::files::{Directory, RelativePath};
use concourse_resource_sdk::{Context, Error, Outcome, Result};
use git_remote::Depth;
use git_source::{Branches, CheckedOut, Clone, FetchTags, Location, git_failed};
use git2::{ObjectType, Oid, Repository, Tree};

use crate::config::{GetParams, LockVersion, Source};
use crate::path_history::{Missing, PathHistory};
use crate::pool::{State, is_lock};

/// How many times as deep the next look goes, and from where on all of the history is fetched.
const STEP: u32 = 8;
const DEEPEST: u32 = 1 << 12;

/// Clones into `dest`, checks the version out, and writes the files of the lock.
pub(crate) async fn get(
    cx: &Context,
    source: Source,
    version: Option<LockVersion>,
    params: &GetParams,
    dest: &Path,
) -> Result<Outcome<LockVersion>> {
    let location = Location::new(&source.access())?;
    let get = Get {
        depth: params
            .depth()
            .filter(|_| !git_remote::is_plain_path(&location.uri)),
        location,
        pool: source.pool().to_owned(),
        version: version.map(|version| version.reference),
        dest: dest.to_owned(),
    };
    let cx = cx.clone();
    git_source::blocking(move || {
        git_source::refuse_used_directory(&get.dest)?;
        git_source::or_nothing(&cx, &get.dest, || get.write(&cx))
    })
    .await
}

struct Get {
    location: Location,
    pool: String,
    version: Option<String>,
    depth: Option<u32>,
    dest: PathBuf,
}

/// What a version is about.
struct Found {
    commit: Oid,
    /// The lock, by the last part of that path.
    lock: Vec<u8>,
    /// The content of the lock, unless it is in no state.
    content: Option<Oid>,
}

impl Get {
    fn write(&self, cx: &Context) -> Result<Outcome<LockVersion>> {
        let mut remote = self.location.open(cx)?;
        let ways = (Branches::One, FetchTags::Following);
        let mut clone = Clone::start(cx, &self.dest, &self.location, ways, &mut remote)?;
        clone.fetch(self.depth)?;
        let found = self.find(&mut clone)?;
        self.location.config.write(clone.repo())?;
        let repo = clone.finish()?;
        let head = match self.version {
            Some(_) => CheckedOut::Detached,
            None => CheckedOut::Attached,
        };
        git_source::checkout(cx, &repo, found.commit, head, None)?;
        match found.content {
            Some(content) => self.write_lock(&repo, &found.lock, content)?,
            None => cx.log().line("lock does not exist"),
        }
        Ok(crate::outcome(found.commit, &found.lock, &self.pool))
    }

    /// Finds what the version is about, and fetches as much of the history as that takes.
    fn find(&self, clone: &mut Clone<'_>) -> Result<Found> {
        let mut depth = self.depth.unwrap_or_default();
        loop {
            match self.look(clone) {
                Ok(found) => return found,
                Err(Missing::Failed(error)) => return Err(git_failed("read the history")(error)),
                Err(Missing::Deeper) if clone.is_shallow() => {
                    depth = depth.saturating_mul(STEP);
                    clone.deepen(if depth > DEEPEST {
                        Depth::Unlimited
                    } else {
                        Depth::To(depth)
                    })?;
                }
                Err(Missing::Deeper) => {
                    return Err(git_source::not_on_branch(
                        self.version.as_deref().unwrap_or("HEAD"),
                    ));
                }
            }
        }
    }

    fn look(&self, clone: &Clone<'_>) -> Result<Result<Found>, Missing> {
        let repo = clone.repo();
        let cuts: BTreeSet<Oid> = clone.cuts().collect();
        let history = PathHistory { repo, cuts: &cuts };
        let tip = clone.head().id();
        let commit = match self.version.as_deref() {
            None => tip,
            Some(text) if text.len() == 40 => text.parse().map_err(|_| Missing::Deeper)?,
            Some(text) => {
                let object = repo.revparse_single(text).map_err(|_| Missing::Deeper)?;
                object.peel(ObjectType::Commit)?.id()
            }
        };
        repo.find_commit(commit)?;
        let Some(change) = history.last_change(commit, self.pool.as_bytes())? else {
            let text = format!("no commit at or before {commit} touches pool {}", self.pool);
            return Ok(Err(Error::remote(text).hint("check source.pool")));
        };
        let parent = history.first_parent(change)?;
        let Some(path) = changed_path(repo, &self.pool, parent, change)? else {
            let text = format!("commit {change} changes no file of pool {}", self.pool);
            return Ok(Err(Error::remote(text)));
        };
        let lock = path
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default()
            .to_vec();
        let at = |state: State| {
            let path = [format!("{}/{}/", self.pool, state.directory()).as_bytes(), &lock].concat();
            history.entry(commit, &path)
        };
        let (claimed, unclaimed) = (at(State::Claimed)?, at(State::Unclaimed)?);
        if claimed.is_some() && tip != commit {
            let last = history.last_change(tip, &path)?;
            let is_before = match last {
                Some(last) => last == commit || history.reaches(commit, last)?,
                None => false,
            };
            if !is_before {
                return Ok(Err(Error::remote("error: lock instance is no longer acquired")));
            }
        }
        // CONTRACT F9: of a lock in both states, the one that was changed.
        let content = match history.entry(commit, &path)? {
            Some(entry) if claimed.is_some() || unclaimed.is_some() => Some(entry),
            _ => claimed.or(unclaimed),
        };
        Ok(Ok(Found {
            commit,
            lock,
            content: content.map(|(id, _)| id),
        }))
    }

    /// CONTRACT 6, step 7: over what is checked out under these names.
    fn write_lock(&self, repo: &Repository, lock: &[u8], content: Oid) -> Result<()> {
        let blob = repo.find_blob(content).map_err(git_failed("read the lock"))?;
        let name = [lock, b"\n"].concat();
        let mut dest =
            Directory::open(&self.dest).map_err(|error| git_source::unwritable(&self.dest, &error))?;
        for (file, content) in [("metadata", blob.content()), ("name", &name)] {
            let written = RelativePath::new(file)
                .map_err(io::Error::other)
                .and_then(|path| {
                    dest.remove_all(&path)?;
                    dest.create(&path, 0o666)?.write_all(content)
                });
            written.map_err(|error| git_source::unwritable(&self.dest.join(file), &error))?;
        }
        Ok(())
    }
}

/// The path of a pool that a commit changed: the first one in the order of bytes, where a file that was moved counts at its new
/// place, and dot files only where there is nothing else. CONTRACT 6, step 3, F2, F3, F17.
fn changed_path(
    repo: &Repository,
    pool: &str,
    parent: Option<Oid>,
    commit: Oid,
) -> Result<Option<Vec<u8>>, Missing> {
    let before = match parent {
        Some(parent) => files(repo, parent, pool)?,
        None => BTreeMap::new(),
    };
    let after = files(repo, commit, pool)?;
    let mut paths: BTreeSet<&Vec<u8>> = BTreeSet::new();
    let mut added = Vec::new();
    for (path, file) in &after {
        if before.get(path) != Some(file) {
            paths.insert(path);
            if !before.contains_key(path) {
                added.push((path, file));
            }
        }
    }
    for (path, file) in before.iter().filter(|(path, _)| !after.contains_key(*path)) {
        let is_same_name = |new: &[u8]| last_part(new) == last_part(path);
        let moved = added
            .iter()
            .position(|(new, _)| is_same_name(new))
            .or_else(|| added.iter().position(|(_, there)| there.0 == file.0));
        match moved {
            Some(index) => drop(added.remove(index)),
            None => drop(paths.insert(path)),
        }
    }
    let lock = paths.iter().find(|path| is_lock(last_part(path)));
    Ok(lock.or_else(|| paths.iter().next()).map(|path| (*path).clone()))
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// All files of a pool, by their paths, with content and mode.
fn files(repo: &Repository, commit: Oid, pool: &str) -> Result<BTreeMap<Vec<u8>, (Oid, i32)>, Missing> {
    let mut files = BTreeMap::new();
    let history = PathHistory {
        repo,
        cuts: &BTreeSet::new(),
    };
    let Some((id, _)) = history.entry(commit, pool.as_bytes())? else {
        return Ok(files);
    };
    let Ok(tree) = repo.find_tree(id) else {
        return Ok(files);
    };
    collect(repo, &tree, pool.as_bytes(), &mut files)?;
    Ok(files)
}

fn collect(
    repo: &Repository,
    tree: &Tree<'_>,
    at: &[u8],
    files: &mut BTreeMap<Vec<u8>, (Oid, i32)>,
) -> Result<(), Missing> {
    // On the heap: a tree may be as deep as somebody made it.
    let mut pending = vec![(at.to_vec(), tree.id())];
    while let Some((at, id)) = pending.pop() {
        for entry in &repo.find_tree(id)? {
            let path = [&at, b"/".as_slice(), entry.name_bytes()].concat();
            if entry.kind() != Some(ObjectType::Tree) {
                files.insert(path, (entry.id(), entry.filemode_raw()));
            } else if path.len() <= LONGEST_PATH {
                pending.push((path, entry.id()));
            }
        }
    }
    Ok(())
}

/// What lies deeper can be checked out nowhere, which says so.
const LONGEST_PATH: usize = 4096;
