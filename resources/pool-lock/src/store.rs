//! The repository of locks, as much of it as is needed here: the newest commit without the content of files, and as many older
//! ones as a question takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Instant, SystemTime};

use concourse_resource_sdk::{Context, Error, Result};
use git_remote::{Depth, Fetch, FetchOutcome, Filter, Push, RefOutcome, Remote, Update};
use git_source::{Location, NewCommit, git_failed, stored};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature};

use crate::failure::Failure;
use crate::path_history::{Missing, PathHistory};
use crate::pool::{Commit, Edit, File, Pool, State};

/// Past this depth all of the history is fetched.
const DEEPEST: u32 = 1 << 14;

/// How many times as deep the next look goes.
const STEP: u32 = 8;

/// A bare repository with a part of the remote's branch.
pub(crate) struct Store<'a> {
    cx: &'a Context,
    location: &'a Location,
    repo: Repository,
    cuts: BTreeSet<Oid>,
    depth: u32,
    tip: Option<Oid>,
    remote: Option<Remote>,
    /// The server's clock, and when it was read.
    server_time: Option<(SystemTime, Instant)>,
}

impl<'a> Store<'a> {
    /// Opens or makes one in a directory.
    pub(crate) fn open(cx: &'a Context, location: &'a Location, directory: &Path) -> Result<Self> {
        let repo = git_source::bare_repository(directory)?;
        let tip = repo.refname_to_id(TIP).ok();
        Ok(Self {
            cx,
            location,
            cuts: git_source::read_cuts(&repo),
            depth: 1,
            remote: None,
            server_time: None,
            tip: tip.filter(|&id| repo.find_commit(id).is_ok()),
            repo,
        })
    }

    /// The newest commit of the branch, which is fetched unless it is here.
    pub(crate) fn refresh(&mut self) -> Result<Oid, Failure> {
        if let Some(mut remote) = self.remote.take() {
            match self.refresh_from(&mut remote) {
                // Servers hang up on those who are silent for long.
                Err(failure) if failure.is_passing() => {}
                refreshed => {
                    self.keep(remote)?;
                    return refreshed;
                }
            }
        }
        let mut remote = self.location.open(self.cx)?;
        let tip = self.refresh_from(&mut remote)?;
        self.keep(remote)?;
        Ok(tip)
    }

    /// Keeps a connection on which the refs can be asked for again.
    fn keep(&mut self, mut remote: Remote) -> Result<(), Failure> {
        if remote.answers_anew()? {
            self.remote = Some(remote);
        }
        Ok(())
    }

    fn refresh_from(&mut self, remote: &mut Remote) -> Result<Oid, Failure> {
        let tip = self.remote_tip(remote)?;
        self.server_time = remote.server_time().map(|date| (date, Instant::now()));
        if self.tip == Some(tip) {
            return Ok(tip);
        }
        if self.uses_local(remote)? {
            self.repo = Repository::open(self.repo.path()).map_err(git_failed("read the repository"))?;
        } else {
            let depth = match self.tip {
                Some(_) => Depth::Keep,
                None => Depth::To(self.depth),
            };
            self.fetch(remote, tip, depth)?;
        }
        self.repo
            .reference(TIP, tip, true, "fetch")
            .map_err(git_failed("write to the temporary repository"))?;
        self.tip = Some(tip);
        Ok(tip)
    }

    /// The newest commit that was fetched.
    pub(crate) fn tip(&self) -> Option<Oid> {
        self.tip
    }

    /// What time it is by the server's clock, as far as it tells.
    pub(crate) fn server_time(&self) -> Option<SystemTime> {
        self.server_time.map(|(date, told)| date + told.elapsed())
    }

    /// Only the id of the branch.
    pub(crate) fn remote_tip(&self, remote: &mut Remote) -> Result<Oid, Failure> {
        let branch = self.location.branch.as_deref().unwrap_or_default();
        let name = format!("refs/heads/{branch}");
        let refs = remote.refs(&[&name])?;
        let found = refs.iter().find(|found| found.name == name.as_bytes());
        found
            .map(|found| found.id)
            .ok_or_else(|| Failure::Other(git_source::branch_not_found(branch)))
    }

    /// Fetches more of the history; false when all of it is here.
    pub(crate) fn deepen(&mut self) -> Result<bool, Failure> {
        let Some(tip) = self.tip.filter(|_| !self.cuts.is_empty()) else {
            return Ok(false);
        };
        self.depth = self.depth.saturating_mul(STEP);
        let mut remote = self.location.open(self.cx)?;
        let depth = if self.depth > DEEPEST {
            Depth::Unlimited
        } else {
            Depth::To(self.depth)
        };
        self.fetch(&mut remote, tip, depth)?;
        Ok(true)
    }

    /// How many commits were asked for last.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether an object is on the remote; it is fetched if it can be asked for by its id.
    pub(crate) fn has(&mut self, id: Oid) -> Result<bool, Failure> {
        if self.repo.find_commit(id).is_ok() {
            return Ok(true);
        }
        let mut remote = self.location.open(self.cx)?;
        if remote.local().is_some() || !remote.serves_any_commit()? {
            // Only all of the history tells.
            while self.repo.find_commit(id).is_err() && self.deepen()? {}
            return Ok(self.repo.find_commit(id).is_ok());
        }
        let fetch = Fetch {
            wants: vec![id],
            depth: Depth::To(1),
            filter: Filter::TreeZero,
            ..Fetch::default()
        };
        // Its objects would be in the way of what is fetched in order: only the answer counts.
        let probe = git_source::Scratch::new(self.cx)?;
        git_source::bare_repository(probe.path())?;
        match remote.fetch(probe.path(), &fetch, self.cx) {
            Ok(_) => Ok(true),
            Err(git_remote::Error::NotOurRef { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn history(&self) -> PathHistory<'_> {
        PathHistory {
            repo: &self.repo,
            cuts: &self.cuts,
        }
    }

    /// Asks the history, and fetches more of it until it can answer. `None` when even all of it cannot.
    pub(crate) fn ask<T>(
        &mut self,
        question: impl Fn(&PathHistory<'_>) -> Result<T, Missing>,
    ) -> Result<Option<T>, Failure> {
        loop {
            match question(&self.history()) {
                Ok(answer) => return Ok(Some(answer)),
                Err(Missing::Failed(error)) => {
                    return Err(git_failed("read the history")(error).into());
                }
                Err(Missing::Deeper) => {
                    if !self.deepen()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The pool at a commit.
    pub(crate) fn pool(&self, commit: Oid, path: &str) -> Result<Pool> {
        let failed = git_failed("read the pool");
        let directory = |path: &str| -> Result<Option<git2::Tree<'_>>> {
            let entry = match self.history().entry(commit, path.as_bytes()) {
                Ok(entry) => entry,
                Err(Missing::Deeper) => return Err(Error::internal("the newest commit lacks a directory")),
                Err(Missing::Failed(error)) => return Err(failed(error)),
            };
            Ok(entry.and_then(|(id, _)| self.repo.find_tree(id).ok()))
        };
        let files = |state: State| -> Result<_> {
            let Some(tree) = directory(&format!("{path}/{}", state.directory()))? else {
                return Ok(BTreeMap::default());
            };
            let files = tree.iter().filter(|entry| is_file(entry.filemode_raw()));
            Ok(files
                .map(|entry| {
                    let file = File {
                        id: entry.id(),
                        mode: entry.filemode_raw(),
                    };
                    (entry.name_bytes().to_vec(), file)
                })
                .collect())
        };
        Ok(Pool {
            exists: directory(path)?.is_some(),
            claimed: files(State::Claimed)?,
            unclaimed: files(State::Unclaimed)?,
        })
    }

    /// Writes a commit on another one.
    pub(crate) fn commit(
        &self,
        parent: Oid,
        pool: &str,
        commit: &Commit,
        message: &str,
        by: &Signature<'_>,
    ) -> Result<Oid, git2::Error> {
        let base = self.repo.find_commit(parent)?.tree()?;
        let mut update = TreeUpdateBuilder::new();
        for edit in &commit.edits {
            let path = |state: &State, name: &[u8]| {
                [format!("{pool}/{}/", state.directory()).as_bytes(), name].concat()
            };
            match edit {
                Edit::Set(state, name, file) => {
                    update.upsert(path(state, name), file.id, mode(file.mode));
                }
                Edit::Delete(state, name) => {
                    let path = path(state, name);
                    // What is not there cannot be removed.
                    if matches!(self.history().entry(parent, &path), Ok(Some(_))) {
                        update.remove(path);
                    }
                }
            }
        }
        let tree = update.create_updated(&self.repo, &base)?;
        // Two claimers may say the same in the same second: only one of them may have said it.
        let nonce = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        NewCommit {
            tree,
            parents: &[parent],
            author: stored(by),
            committer: by,
            encoding: None,
            extra: &[("pool-lock", &nonce)],
            message: message.as_bytes(),
        }
        .write(&self.repo)
    }

    /// Keeps what a lock holds, for a commit that names it.
    pub(crate) fn write_blob(&self, content: &[u8]) -> Result<()> {
        self.repo
            .blob(content)
            .map(|_| ())
            .map_err(git_failed("write to the temporary repository"))
    }

    /// Moves the remote's branch to a commit, unless someone was first.
    pub(crate) fn push(&self, commit: Oid) -> Result<RefOutcome, Failure> {
        let mut remote = self.location.open_for_push(self.cx)?;
        let branch = self.location.branch.as_deref().unwrap_or_default();
        let update = Update {
            src: Some(commit),
            dst: format!("refs/heads/{branch}"),
            ..Update::default()
        };
        let pushed = remote.push(&self.repo, &Push::new(&[update]), self.cx)?;
        pushed
            .into_iter()
            .next()
            .map(|pushed| pushed.outcome)
            .ok_or_else(|| Failure::Other(Error::internal("the push has no outcome")))
    }

    /// A commit's message and date.
    pub(crate) fn described(&self, commit: Oid) -> Option<(String, i64)> {
        let commit = self.repo.find_commit(commit).ok()?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        Some((message, commit.time().seconds()))
    }

    /// A local repository's objects are read in place.
    fn uses_local(&mut self, remote: &Remote) -> Result<bool> {
        let Some(git_dir) = remote.local() else {
            return Ok(false);
        };
        let failed = git_failed("read the local repository");
        let theirs = Repository::open(git_dir).map_err(&failed)?;
        let objects = theirs.commondir().join("objects");
        let own = self.repo.path().join("objects/info/alternates");
        let mut line = std::os::unix::ffi::OsStrExt::as_bytes(objects.as_os_str()).to_vec();
        if line.contains(&b'\n') || line.starts_with(b"#") {
            return Err(Error::remote(
                "a local repository cannot be read from a path with a line end",
            ));
        }
        line.push(b'\n');
        std::fs::write(&own, line).map_err(|error| git_source::unwritable(&own, &error))?;
        Ok(true)
    }

    fn fetch(&mut self, remote: &mut Remote, tip: Oid, depth: Depth) -> Result<(), Failure> {
        let fetch = Fetch {
            wants: vec![tip],
            haves: self.tip.into_iter().collect(),
            shallow: self.cuts.iter().copied().collect(),
            depth,
            filter: Filter::BlobNone,
            ..Fetch::default()
        };
        if let FetchOutcome::Fetched(fetched) = remote.fetch(self.repo.path(), &fetch, self.cx)? {
            self.cuts.extend(fetched.new_shallow);
            for id in fetched.unshallow {
                self.cuts.remove(&id);
            }
        }
        git_source::write_cuts(&self.repo, &self.cuts)?;
        // libgit2 reads only now where the history is cut, and which packs there are.
        self.repo = Repository::open(self.repo.path()).map_err(git_failed("read the repository"))?;
        Ok(())
    }
}

/// What is complete here, up to the cuts.
const TIP: &str = "refs/heads/tip";

fn is_file(mode: i32) -> bool {
    let file = [
        FileMode::Blob,
        FileMode::BlobExecutable,
        FileMode::BlobGroupWritable,
        FileMode::Link,
    ];
    file.map(i32::from).contains(&mode)
}

fn mode(mode: i32) -> FileMode {
    if mode == i32::from(FileMode::BlobExecutable) {
        FileMode::BlobExecutable
    } else if mode == i32::from(FileMode::Link) {
        FileMode::Link
    } else {
        FileMode::Blob
    }
}
