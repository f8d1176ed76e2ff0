//! Writing the files of a commit.

mod large;

use std::path::Path;

use concourse_resource_sdk::console::Progress;
use concourse_resource_sdk::{Context, Result};
use git2::build::CheckoutBuilder;
use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid, Repository, Tree, TreeWalkMode, TreeWalkResult};

use crate::git_failed;

/// With more threads the file system, not the processor, is what is waited for.
const MOST_THREADS: usize = 4;

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

/// Checks a commit out, all of it or the files that are taken.
///
/// # Errors
/// Fails where objects are missing or files cannot be written.
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
    let progress = cx.progress_items("Updating files", None);
    let placed = large::place(repo, id, takes.unwrap_or(&|_| true), &progress)?;
    if let Some(takes) = takes {
        return write_some(repo, id, takes, &placed, &progress).map_err(git_failed("check the commit out"));
    }
    Checkout {
        repo,
        commit: id,
        placed,
        progress,
    }
    .write()
    .map_err(git_failed("check the commit out"))
}

/// Writes the files that are taken; of the others, the index says that they are left out on purpose.
fn write_some(
    repo: &Repository,
    commit: Oid,
    takes: Takes<'_>,
    placed: &[IndexEntry],
    progress: &Progress,
) -> Result<(), git2::Error> {
    add(&mut repo.index()?, placed)?;
    let (written, left) = split(repo, commit, takes)?;
    if !written.is_empty() {
        write_names(repo, commit, &written, progress)?;
    }
    let mut index = repo.index()?;
    for entry in &left {
        index.add(entry)?;
    }
    index.write()
}

/// The paths of a commit's files that are written, and index entries for the others.
fn split(
    repo: &Repository,
    commit: Oid,
    takes: Takes<'_>,
) -> Result<(Vec<Vec<u8>>, Vec<IndexEntry>), git2::Error> {
    let (mut written, mut left) = (Vec::new(), Vec::new());
    repo.find_commit(commit)?
        .tree()?
        .walk(TreeWalkMode::PreOrder, |directory, entry| {
            if entry.kind() == Some(ObjectType::Tree) {
                return TreeWalkResult::Ok;
            }
            let path = [directory.as_bytes(), entry.name_bytes()].concat();
            if takes(&path) {
                written.push(path);
            } else {
                left.push(skipped(path, entry.id(), entry.filemode()));
            }
            TreeWalkResult::Ok
        })?;
    Ok((written, left))
}

/// An index entry of a file that is not there.
pub(super) fn skipped(path: Vec<u8>, id: Oid, mode: i32) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: u32::try_from(mode).unwrap_or_default(),
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: SKIP_WORKTREE,
        path,
    }
}

/// The commit's abbreviated id and the first line of its message.
pub fn one_line(repo: &Repository, id: Oid) -> String {
    let subject = repo.find_commit(id).ok();
    let subject = subject
        .as_ref()
        .and_then(git2::Commit::summary_bytes)
        .unwrap_or_default();
    format!("{} {}", &id.to_string()[..7], String::from_utf8_lossy(subject))
}

/// Names in a tree, which need not be UTF-8.
type Names = Vec<Vec<u8>>;

/// Writes all files of a commit, on several threads where there are several directories.
struct Checkout<'a> {
    repo: &'a Repository,
    commit: Oid,
    /// Files that are there already.
    placed: Vec<IndexEntry>,
    progress: Progress,
}

impl Checkout<'_> {
    fn write(&self) -> Result<(), git2::Error> {
        add(&mut self.repo.index()?, &self.placed)?;
        let (files, directories) = self.top()?;
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MOST_THREADS);
        let shares = shares(directories, threads);
        if shares.len() < 2 {
            return write_names(self.repo, self.commit, &[], &self.progress);
        }
        // The attributes at the top hold for everything below.
        if !files.is_empty() {
            write_names(self.repo, self.commit, &files, &self.progress)?;
        }
        let mut entries = std::thread::scope(|scope| {
            let running: Vec<_> = (0..)
                .zip(&shares)
                .map(|(number, share)| {
                    let (git_dir, commit, progress) = (self.repo.path(), self.commit, &self.progress);
                    let placed = self.placed.as_slice();
                    scope.spawn(move || write_share(git_dir, number, commit, (share, placed), progress))
                })
                .collect();
            let mut entries = Vec::new();
            for thread in running {
                match thread.join() {
                    Ok(written) => entries.extend(written?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok::<_, git2::Error>(entries)
        })?;
        let mut index = self.repo.index()?;
        entries.extend(index.iter());
        // In order, each entry goes to the end, and none has to be moved.
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        index.clear()?;
        for entry in &entries {
            index.add(entry)?;
        }
        index.write()
    }

    /// The names at the top of the tree: of what is no directory, and of directories.
    fn top(&self) -> Result<(Names, Names), git2::Error> {
        let tree = self.repo.find_commit(self.commit)?.tree()?;
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for entry in &tree {
            let names = if entry.kind() == Some(ObjectType::Tree) {
                &mut directories
            } else {
                &mut files
            };
            names.push(entry.name_bytes().to_vec());
        }
        Ok((files, directories))
    }
}

/// Deals the directories out, one after the other: neighbours are often alike.
fn shares(directories: Names, threads: usize) -> Vec<Names> {
    let mut shares = vec![Vec::new(); threads.min(directories.len())];
    let count = shares.len();
    for (number, directory) in directories.into_iter().enumerate() {
        shares[number % count].push(directory);
    }
    shares
}

/// Writes some directories through a handle and an index of their own, and answers what that index then holds.
fn write_share(
    git_dir: &Path,
    number: usize,
    commit: Oid,
    (names, placed): (&[Vec<u8>], &[IndexEntry]),
    progress: &Progress,
) -> Result<Vec<IndexEntry>, git2::Error> {
    let repo = Repository::open(git_dir)?;
    let path = git_dir.join(format!("index.{number}"));
    let mut index = Index::open(&path)?;
    repo.set_index(&mut index)?;
    add(&mut index, placed)?;
    let written = write_names(&repo, commit, names, progress);
    let entries = index.iter().collect();
    // The entries are in memory; at worst a file stays that nobody reads.
    let _ = std::fs::remove_file(path);
    written.map(|()| entries)
}

/// Writes the files and directories of these names at the top of a commit's tree; all of them where there are none.
fn write_names(
    repo: &Repository,
    commit: Oid,
    names: &[Vec<u8>],
    progress: &Progress,
) -> Result<(), git2::Error> {
    let commit = repo.find_commit(commit)?;
    let plain = !has_attributes(&commit.tree()?)? && !converts_line_ends(repo);
    let mut before = 0;
    let mut options = CheckoutBuilder::new();
    options
        .force()
        .disable_pathspec_match(true)
        .disable_filters(plain)
        .progress(|_, done, _| {
            progress.add((done - before) as u64);
            before = done;
        });
    for name in names {
        options.path(name.as_slice());
    }
    repo.checkout_tree(commit.as_object(), Some(&mut options))
}

/// Tells an index of files that are there.
fn add(index: &mut Index, placed: &[IndexEntry]) -> Result<(), git2::Error> {
    if placed.is_empty() {
        return Ok(());
    }
    for entry in placed {
        index.add(entry)?;
    }
    index.write()
}

/// Whether `git_config` asks for line ends of another kind.
fn converts_line_ends(repo: &Repository) -> bool {
    let config = repo.config().ok();
    config.is_some_and(|config| config.get_string("core.autocrlf").is_ok())
}

/// Whether any file may ask for a filter; looking for attributes beside each file takes longer than writing it.
fn has_attributes(tree: &Tree<'_>) -> Result<bool, git2::Error> {
    let mut found = false;
    let walked = tree.walk(TreeWalkMode::PreOrder, |_, entry| {
        found = found || entry.name_bytes() == b".gitattributes";
        if found {
            TreeWalkResult::Abort
        } else {
            TreeWalkResult::Ok
        }
    });
    // Ending a walk early is reported as a failure.
    if found { Ok(true) } else { walked.map(|()| false) }
}
