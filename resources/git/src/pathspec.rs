//! Git's pathspecs: which changed paths are selected. CONTRACT 4.5, item 1.

use concourse_resource_sdk::Error;

use crate::words;
use git_source::wildmatch::{Mode, Pattern};

mod magic;
#[cfg(test)]
mod tests;

use magic::{Magic, Wildcard, normalise};

/// The paths that count, from `paths` and `ignore_paths`.
#[derive(Debug)]
pub(crate) struct Selection {
    selected: Vec<Item>,
    excluded: Vec<Item>,
}

impl Selection {
    /// Reads the items of both fields.
    ///
    /// # Errors
    /// CONTRACT F5: an item that is not a valid pathspec.
    pub(crate) fn new(paths: Option<&[String]>, ignore_paths: &[String]) -> Result<Self, Error> {
        let mut selection = Self {
            selected: Vec::new(),
            excluded: Vec::new(),
        };
        for (index, item) in paths
            .filter(|paths| *paths != ["."])
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            selection.add("paths", index, item, "")?;
        }
        for (index, item) in ignore_paths.iter().enumerate() {
            // CONTRACT F12: every word is excluded, not only the first.
            selection.add("ignore_paths", index, item, ":!")?;
        }
        Ok(selection)
    }

    fn add(&mut self, field: &str, index: usize, item: &str, magic: &str) -> Result<(), Error> {
        let problem = |message: String| Error::config(format!("source.{field}[{index}]"), message);
        for word in words::split(item).map_err(|error| problem(format!("{item:?} {error}")))? {
            let item = Item::parse(&format!("{magic}{word}"))
                .map_err(|reason| problem(format!("{word:?} is not a valid pathspec: {reason}")))?;
            if item.excludes {
                self.excluded.push(item);
            } else {
                self.selected.push(item);
            }
        }
        Ok(())
    }

    /// Whether there is no path setting: then even a commit without a change counts.
    pub(crate) fn is_everything(&self) -> bool {
        self.selected.is_empty() && self.excluded.is_empty()
    }

    /// Whether a change of the entry at `path` counts. `path` is a file, a link or, as `is_submodule` says, a submodule.
    pub(crate) fn matches(&self, path: &[u8], is_submodule: bool) -> bool {
        // CONTRACT 4.5: exclusions alone mean everything else.
        (self.selected.is_empty() || self.selected.iter().any(|item| item.matches(path, is_submodule)))
            && !self.excluded.iter().any(|item| item.matches(path, is_submodule))
    }

    /// Whether a path below the directory `dir` (without a final slash) can match.
    pub(crate) fn may_match_below(&self, dir: &[u8]) -> bool {
        (self.selected.is_empty() || self.selected.iter().any(|item| item.may_match_below(dir)))
            && !self.excluded.iter().any(|item| item.has_below(dir))
    }
}

/// One pathspec.
#[derive(Debug)]
struct Item {
    excludes: bool,
    ignores_case: bool,
    /// Normalised, relative to the root.
    path: Vec<u8>,
    /// How much of `path` stands before the first wildcard.
    literal: usize,
    /// Absent where there is no wildcard.
    wildcards: Option<Wildcards>,
}

#[derive(Debug)]
struct Wildcards {
    whole: Pattern,
    /// The rest of the pattern below directories whose names are, letter for letter, the pattern's own first components.
    below: Vec<(usize, Pattern)>,
}

impl Item {
    fn parse(text: &str) -> Result<Self, String> {
        let (magic, rest) = Magic::parse(text)?;
        if text.is_empty() {
            return Err("it is empty; use \".\" for all paths".into());
        }
        // Git takes a path from the top as it is.
        let path = if magic.top {
            Some(rest.to_owned())
        } else {
            normalise(rest)
        };
        let path = path.ok_or("it is outside of the repository")?.into_bytes();
        let literal = path
            .iter()
            .position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
            .filter(|_| magic.wildcard != Wildcard::Literal)
            .unwrap_or(path.len());
        let mode = Mode {
            stops_at_slash: magic.wildcard == Wildcard::StopsAtSlash,
            ignores_case: magic.icase,
        };
        let wildcards = (literal < path.len()).then(|| Wildcards {
            whole: Pattern::new(&path, mode),
            below: (literal..path.len())
                .filter(|&at| path[at] == b'/')
                .map(|at| (at + 1, Pattern::new(&path[at + 1..], mode)))
                .collect(),
        });
        Ok(Self {
            excludes: magic.exclude,
            ignores_case: magic.icase,
            path,
            literal,
            wildcards,
        })
    }

    fn same(&self, one: &[u8], other: &[u8]) -> bool {
        if self.ignores_case {
            one.eq_ignore_ascii_case(other)
        } else {
            one == other
        }
    }

    fn begins(&self, text: &[u8], prefix: &[u8]) -> bool {
        text.get(..prefix.len())
            .is_some_and(|start| self.same(start, prefix))
    }

    fn matches(&self, path: &[u8], is_submodule: bool) -> bool {
        // A final slash asks for a directory, and a submodule is one.
        let is_the_submodule = || {
            is_submodule
                && self
                    .path
                    .strip_suffix(b"/")
                    .is_some_and(|own| self.same(own, path))
        };
        if self.same(path, &self.path) || self.has_below_file(path) || is_the_submodule() {
            return true;
        }
        let Some(wildcards) = &self.wildcards else {
            return false;
        };
        let base = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(0, |slash| slash + 1);
        // Git's tree walk: below a directory that is literally the pattern's beginning, the rest is matched alone.
        match wildcards
            .below
            .iter()
            .find(|(from, _)| *from == base && self.begins(&self.path, &path[..base]))
        {
            Some((_, rest)) => rest.matches(&path[base..]),
            None => self.begins(path, &self.path[..self.literal]) && wildcards.whole.matches(path),
        }
    }

    /// Whether the pathspec, read literally, is a directory that holds `path`.
    fn has_below_file(&self, path: &[u8]) -> bool {
        self.begins(path, &self.path)
            && (self.path.is_empty() || self.path.ends_with(b"/") || path.get(self.path.len()) == Some(&b'/'))
    }

    /// Whether everything below `dir` is selected.
    fn has_below(&self, dir: &[u8]) -> bool {
        self.has_below_file(&[dir, b"/"].concat())
    }

    fn may_match_below(&self, dir: &[u8]) -> bool {
        if dir.is_empty() {
            return true;
        }
        let dir = [dir, b"/"].concat();
        let shared = dir.len().min(self.literal);
        let fits = self.same(&dir[..shared], &self.path[..shared]);
        // A directory that is the pattern letter for letter counts with all it holds.
        self.has_below_file(&dir) || self.begins(&self.path, &dir) || (self.wildcards.is_some() && fits)
    }
}
