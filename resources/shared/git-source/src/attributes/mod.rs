//! What `.gitattributes` files ask for a path (gitattributes), and how content is converted for it.
//!
//! All files are known before the first question, as in git, whose index is filled before anything is checked out: neither the order
//! of names nor the number of threads changes an answer. No filter driver is run.

mod convert;
mod encoding;
mod eol;
mod ident;
mod lines;

use std::collections::HashMap;

use git2::Config;

pub use convert::{Conversion, Conversions};
pub(crate) use encoding::WorkTreeEncoding;
use lines::{Line, Subject};

/// The name of the files.
pub(crate) const FILE: &[u8] = b".gitattributes";

/// What an attribute is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// `name`
    Set,
    /// `-name`
    Unset,
    /// `!name`
    Unspecified,
    /// `name=value`
    Value(Vec<u8>),
}

/// All attributes that hold in a tree.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Of `core.attributesFile`: they give way to all others.
    configured: Vec<Line>,
    /// Of the files of the tree, by directory; the top is the empty name.
    directories: HashMap<Vec<u8>, Vec<Line>>,
    /// Of `info/attributes`, which wins over all others.
    info: Vec<Line>,
    /// What macros set, by name.
    macros: HashMap<Vec<u8>, Vec<(Vec<u8>, State)>>,
}

impl Attributes {
    /// Reads the files of a tree, each with its directory (without a slash at the end; the top is empty), and those beside the tree.
    pub fn new(
        files: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        configured: Option<&[u8]>,
        info: Option<&[u8]>,
    ) -> Self {
        let mut attributes = Self::default();
        let binary = [b"diff", b"text"]
            .map(|name| (name.to_vec(), State::Unset))
            .into_iter()
            .chain([(b"merge".to_vec(), State::Unset)]);
        attributes.macros.insert(b"binary".to_vec(), binary.collect());
        attributes.configured = attributes.take_macros(lines::of_file(configured.unwrap_or_default()));
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort();
        for (directory, content) in files {
            let lines = lines::of_blob(&content);
            // Macros count at the top only.
            let lines = if directory.is_empty() {
                attributes.take_macros(lines)
            } else {
                lines.into_iter().filter(Line::is_for_paths).collect()
            };
            attributes.directories.insert(directory, lines);
        }
        attributes.info = attributes.take_macros(lines::of_file(info.unwrap_or_default()));
        attributes
    }

    /// Those beside the files of a repository: `core.attributesFile` in its own configuration, and `info/attributes`.
    pub(crate) fn beside(repo: &git2::Repository) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let path = |config: Config| config.get_path("core.attributesfile");
        let configured = repo.config().and_then(path).ok();
        let configured = configured.and_then(|path| {
            std::fs::read(
                repo.workdir()
                    .map_or(path.clone(), |directory| directory.join(path)),
            )
            .ok()
        });
        (
            configured,
            std::fs::read(repo.commondir().join("info/attributes")).ok(),
        )
    }

    /// Whether nothing is said of any path.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.configured.is_empty() && self.info.is_empty() && self.directories.values().all(Vec::is_empty)
    }

    /// Later definitions of a macro win.
    fn take_macros(&mut self, lines: Vec<Line>) -> Vec<Line> {
        let (paths, macros) = lines.into_iter().partition::<Vec<_>, _>(Line::is_for_paths);
        for line in macros {
            if let Subject::Macro(name) = line.subject {
                self.macros.insert(name, line.states);
            }
        }
        paths
    }

    /// What a path has for each of `names`; nothing where no line speaks of it.
    pub(crate) fn states<const N: usize>(&self, path: &[u8], names: [&[u8]; N]) -> [Option<State>; N] {
        let mut found = Found {
            macros: &self.macros,
            states: HashMap::new(),
        };
        found.add_all(&self.info, path, path);
        let mut end = path.iter().rposition(|&byte| byte == b'/');
        loop {
            let directory = end.map_or(&[][..], |end| &path[..end]);
            if let Some(lines) = self.directories.get(directory) {
                found.add_all(lines, end.map_or(path, |end| &path[end + 1..]), path);
            }
            let Some(here) = end else { break };
            end = path[..here].iter().rposition(|&byte| byte == b'/');
        }
        found.add_all(&self.configured, path, path);
        names.map(|name| found.states.get(name).map(|state| (*state).clone()))
    }
}

/// The states that were found so far, which win over those to come.
struct Found<'a> {
    macros: &'a HashMap<Vec<u8>, Vec<(Vec<u8>, State)>>,
    states: HashMap<&'a [u8], &'a State>,
}

impl<'a> Found<'a> {
    /// Adds what lines say of a path; `below` is the path from their directory on.
    fn add_all(&mut self, lines: &'a [Line], below: &[u8], path: &[u8]) {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        for line in lines.iter().rev() {
            if line.matches(below, name) {
                self.add(&line.states);
            }
        }
    }

    fn add(&mut self, states: &'a [(Vec<u8>, State)]) {
        // A repository may define macros that set macros without end.
        let mut pending = vec![states.iter().rev()];
        while let Some(innermost) = pending.last_mut() {
            let Some((name, state)) = innermost.next() else {
                pending.pop();
                continue;
            };
            if self.states.contains_key(name.as_slice()) {
                continue;
            }
            self.states.insert(name, state);
            if let (State::Set, Some(states)) = (state, self.macros.get(name.as_slice())) {
                pending.push(states.iter().rev());
            }
        }
    }
}

#[cfg(test)]
mod tests;
