//! Writing the files of a commit: the one way from a tree to a work tree.
//!
//! A tree is hostile: every name in it becomes a checked path first ([`names`]), and is written beneath a handle of the work tree. All
//! attribute files are known before the first file is written.

mod compare;
mod entries;
mod names;
mod replace;
mod update;
mod write;

use std::sync::atomic::{AtomicUsize, Ordering};

use concourse_resource_sdk::console::Progress;
use concourse_resource_sdk::files::Directory;
use concourse_resource_sdk::{Context, Error, Result};
use git_remote::LargeBlobs;
use git2::{Index, IndexEntry, Oid, Repository};

use crate::attributes::{Attributes, Conversions};
use crate::{CommitText, git_failed};
pub use compare::{Clean, first_change};
use entries::Entry;
pub use replace::Replacer;
pub use update::{InTheWay, move_to};
use write::{Writer, index_entry};

/// With more threads the file system, not the processor, is what is waited for.
const MOST_THREADS: usize = 4;

/// How many files a thread takes at a time: neighbours are in the same directories.
const SHARE: usize = 64;

/// An index entry's extended flag: the file is left out on purpose.
pub const SKIP_WORKTREE: u16 = 1 << 14;

/// Where `HEAD` is after a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// On the branch, where it is already.
    Attached,
    /// At the commit.
    Detached,
}

/// Which paths are written.
type Takes<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Checks a commit out into an empty work tree, all of it or the files that are taken.
///
/// # Errors
/// Fails for a tree that git refuses, where objects are missing, or files cannot be written.
pub fn checkout(
    cx: &Context,
    repo: &Repository,
    id: Oid,
    head: Head,
    takes: Option<Takes<'_>>,
) -> Result<()> {
    if head == Head::Detached {
        repo.set_head_detached(id)
            .map_err(git_failed("set the clone's HEAD"))?;
    }
    let entries = entries::read(repo, tree_of(repo, id)?, &|| cx.is_cancelled())?;
    let conversions = conversions(repo, entries::attribute_files(repo, &entries)?)?;
    let (written, left): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .partition(|entry| takes.is_none_or(|takes| takes(entry.path.as_bytes())));
    let mut indexed = write_all(cx, repo, &written, &conversions)?;
    indexed.extend(left.into_iter().map(|entry| IndexEntry {
        flags_extended: SKIP_WORKTREE,
        ..index_entry(entry, None)
    }));
    write_index(repo, indexed).map_err(git_failed("write the index"))
}

/// The commit's abbreviated id and the first line of its message.
#[must_use]
pub fn one_line(repo: &Repository, id: Oid) -> String {
    let commit = repo.find_commit(id).ok();
    let subject = commit.as_ref().and_then(|commit| {
        let subject = CommitText::of(commit).read(commit.summary_bytes()?).into_owned();
        Some(String::from_utf8_lossy(&subject).into_owned())
    });
    format!("{} {}", &id.to_string()[..7], subject.unwrap_or_default())
}

fn tree_of(repo: &Repository, commit: Oid) -> Result<Oid> {
    let commit = repo
        .find_commit(commit)
        .map_err(git_failed("check the commit out"))?;
    Ok(commit.tree_id())
}

/// The conversions that the attribute files of a tree, and the repository's own settings, ask for.
fn conversions(repo: &Repository, files: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Conversions> {
    let (configured, info) = Attributes::beside(repo);
    let attributes = Attributes::new(files, configured.as_deref(), info.as_deref());
    let config = repo.config().and_then(|mut config| config.snapshot());
    let config = config.map_err(git_failed("read the repository's configuration"))?;
    Ok(Conversions::new(&config, attributes))
}

/// The conversions of what is in an index, by the attribute files that are in it.
///
/// # Errors
/// Fails where the repository's configuration cannot be read.
pub fn indexed_conversions(repo: &Repository, index: &Index) -> Result<Conversions> {
    conversions(repo, entries::indexed_attribute_files(repo, index))
}

/// The work tree of a repository.
fn work_tree(repo: &Repository) -> Result<Directory> {
    let path = repo
        .workdir()
        .ok_or_else(|| Error::internal("failed to check the commit out: the repository is bare"))?;
    Directory::open(path).map_err(|error| crate::unwritable(path, &error))
}

/// Writes files, on several threads where there are many, and answers their entries in the index.
fn write_all(
    cx: &Context,
    repo: &Repository,
    entries: &[&Entry],
    conversions: &Conversions,
) -> Result<Vec<IndexEntry>> {
    let work = Work {
        cx,
        repo: repo.path(),
        directory: work_tree(repo)?,
        entries,
        large: LargeBlobs::find(repo),
        conversions,
        progress: cx.progress_items("Updating files", Some(entries.len() as u64)),
        next: AtomicUsize::new(0),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(MOST_THREADS).min(entries.len().div_ceil(SHARE));
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| work.run())).collect();
        let mut written = work.run();
        for other in others {
            let more = match other.join() {
                Ok(more) => more,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            written = written.and_then(|mut written| {
                written.extend(more?);
                Ok(written)
            });
        }
        written
    })
}

/// What the threads of a checkout share.
struct Work<'a> {
    cx: &'a Context,
    repo: &'a std::path::Path,
    directory: Directory,
    entries: &'a [&'a Entry],
    large: LargeBlobs,
    conversions: &'a Conversions,
    progress: Progress,
    /// The first share that nobody took yet.
    next: AtomicUsize,
}

impl Work<'_> {
    /// Takes shares until there are none.
    fn run(&self) -> Result<Vec<IndexEntry>> {
        let failed = git_failed("read the repository");
        let repo = Repository::open(self.repo).map_err(&failed)?;
        let directory = self.directory.try_clone();
        let mut writer = Writer {
            directory: directory.map_err(|error| crate::unwritable(self.repo, &error))?,
            odb: repo.odb().map_err(&failed)?,
            large: &self.large,
            conversions: self.conversions,
            log: self.cx.log(),
        };
        let mut written = Vec::new();
        loop {
            if self.cx.is_cancelled() {
                return Err(git_remote::Error::Interrupted.into());
            }
            let share = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(entries) = self.entries.chunks(SHARE).nth(share) else {
                return Ok(written);
            };
            for entry in entries {
                written.push(writer.write(entry)?);
                self.progress.add(1);
            }
        }
    }
}

/// Makes these entries the index.
fn write_index(repo: &Repository, mut entries: Vec<IndexEntry>) -> Result<(), git2::Error> {
    // In order, each entry goes to the end, and none has to be moved.
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let mut index = repo.index()?;
    index.clear()?;
    for entry in &entries {
        index.add(entry)?;
    }
    index.write()
}
