//! A directory that one side renamed while the other one added a file to it: a conflict in git, of which libgit2 knows nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use git2::{Delta, DiffFindOptions, ErrorCode, Repository, Tree};

/// Names of directories, and how many files went from the first to the second.
type Moves = BTreeMap<String, HashMap<String, usize>>;

/// A file that was added to a directory which the other side moved elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) path: String,
    /// The directory's name before.
    pub(super) from: String,
    /// Its name now, where it is one.
    pub(super) to: Option<String>,
}

/// The first such file of a merge (`merge.directoryRenames=conflict`, git's default).
pub(super) fn stray(
    repo: &Repository,
    base: &Tree<'_>,
    sides: [&Tree<'_>; 2],
) -> Result<Option<Stray>, git2::Error> {
    let [one, other] = sides;
    let added = [added(repo, base, one)?, added(repo, base, other)?];
    // Only where there is something to be found, renames are searched for.
    let candidates = |paths: &[String], mover: &Tree<'_>| -> Result<bool, git2::Error> {
        for path in paths {
            for directory in parents(path) {
                if has(base, directory)? && !has(mover, directory)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    if !candidates(&added[0], other)? && !candidates(&added[1], one)? {
        return Ok(None);
    }
    let moves = [moves(repo, base, one)?, moves(repo, base, other)?];
    for (paths, mine, theirs) in [
        (&added[0], &moves[0], &moves[1]),
        (&added[1], &moves[1], &moves[0]),
    ] {
        for path in paths {
            // What is in a directory of its own stays where it is, as in git.
            if !has(base, parent(path))? {
                continue;
            }
            let nearest = parents(path).find_map(|directory| Some((directory, theirs.get(directory)?)));
            // What both sides moved is a matter of its files.
            if let Some((from, votes)) = nearest.filter(|(from, _)| !mine.contains_key(*from)) {
                return Ok(Some(Stray {
                    path: path.clone(),
                    from: from.to_owned(),
                    to: winner(votes),
                }));
            }
        }
    }
    Ok(None)
}

/// Where most files went; none where that is not one place.
fn winner(votes: &HashMap<String, usize>) -> Option<String> {
    let most = votes.values().max()?;
    let mut best = votes.iter().filter(|(_, count)| *count == most);
    let first = best.next()?.0.clone();
    best.next().is_none().then_some(first)
}

fn added(repo: &Repository, base: &Tree<'_>, side: &Tree<'_>) -> Result<Vec<String>, git2::Error> {
    let diff = repo.diff_tree_to_tree(Some(base), Some(side), None)?;
    let paths = diff
        .deltas()
        .filter(|delta| delta.status() == Delta::Added)
        .filter_map(|delta| Some(delta.new_file().path()?.to_str()?.to_owned()));
    Ok(paths.collect())
}

/// The directories that a side has no more, and where their files went.
fn moves(repo: &Repository, base: &Tree<'_>, side: &Tree<'_>) -> Result<Moves, git2::Error> {
    let mut diff = repo.diff_tree_to_tree(Some(base), Some(side), None)?;
    diff.find_similar(Some(DiffFindOptions::new().renames(true)))?;
    let mut moves = Moves::new();
    for delta in diff.deltas().filter(|delta| delta.status() == Delta::Renamed) {
        let path = |file: git2::DiffFile<'_>| Some(file.path()?.to_str()?.to_owned());
        let (Some(old), Some(new)) = (path(delta.old_file()), path(delta.new_file())) else {
            continue;
        };
        let (mut from, mut to) = (parent(&old), parent(&new));
        // Of a/b/c moved to x/b/c, a moved to x, too.
        while from != to && !from.is_empty() {
            if !has(side, from)? {
                let votes = moves.entry(from.to_owned()).or_default();
                *votes.entry(to.to_owned()).or_default() += 1;
            }
            if name(from) != name(to) {
                break;
            }
            (from, to) = (parent(from), parent(to));
        }
    }
    Ok(moves)
}

fn has(tree: &Tree<'_>, directory: &str) -> Result<bool, git2::Error> {
    if directory.is_empty() {
        return Ok(true);
    }
    match tree.get_path(Path::new(directory)) {
        Ok(entry) => Ok(entry.kind() == Some(git2::ObjectType::Tree)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The directories that a path is in, the nearest first.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(at, _)| &path[..at])
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
