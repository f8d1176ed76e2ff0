//! Which commits become versions: CONTRACT 4.5.

use concourse_resource_sdk::Result;
use git2::Oid;

use crate::config::Source;
use crate::history::{Commit, History, Missing};
use crate::message_filter::MessageFilter;
use crate::pathspec::Selection;
use crate::{skip, treediff};

/// The filters of a source, all of which a commit must pass.
pub(crate) struct Filter {
    selection: Selection,
    messages: MessageFilter,
    skip_marked: bool,
    /// How many versions a check without a cursor answers.
    pub(crate) newest: usize,
    /// CONTRACT 4.2: with these settings any head is a version.
    pub(crate) takes_any_head: bool,
}

impl Filter {
    pub(crate) fn new(source: &Source) -> Result<Self> {
        let paths = source.paths.0.as_ref().map(|paths| texts(paths));
        let ignore_paths = source
            .ignore_paths
            .0
            .as_ref()
            .map(|paths| texts(paths))
            .unwrap_or_default();
        let newest = source.version_depth()?;
        let messages = MessageFilter::new(&source.commit_filter)?;
        let skip_marked = !source.disable_ci_skip.0;
        let paths_are_default = paths.as_ref().is_none_or(|paths| paths == &["."]);
        Ok(Self {
            takes_any_head: !skip_marked
                && newest == 1
                && paths_are_default
                && ignore_paths.is_empty()
                && messages.is_everything(),
            selection: Selection::new(paths.as_deref(), &ignore_paths)?,
            messages,
            skip_marked,
            newest,
        })
    }

    /// Whether trees are needed to judge a commit.
    pub(crate) fn looks_at_paths(&self) -> bool {
        !self.selection.is_everything()
    }

    /// What leaves a commit out that does not pass, in words.
    pub(crate) fn leaves_out(&self, commit: &Commit) -> &'static str {
        if self.skip_marked && skip::is_skipped(&commit.message) {
            "[ci skip] in its message"
        } else if self.messages.passes(&commit.message).is_ok_and(|passes| !passes) {
            "commit_filter"
        } else {
            "paths or ignore_paths"
        }
    }

    /// Whether the commit passes.
    ///
    /// # Errors
    /// The object that is not there, where the answer depends on it.
    pub(crate) fn passes(&self, history: &History, commit: &Commit) -> Result<bool, Missing> {
        if self.skip_marked && skip::is_skipped(&commit.message) {
            return Ok(false);
        }
        if !self
            .messages
            .passes(&commit.message)
            .map_err(Missing::Undecided)?
        {
            return Ok(false);
        }
        if !self.looks_at_paths() {
            return Ok(true);
        }
        let before = match commit.parents.first() {
            Some(&parent) => Some(history.commit(parent)?.tree),
            None => None,
        };
        treediff::touches(history, before, Some(commit.tree), &self.selection)
    }
}

fn texts(items: &[concourse_resource_sdk::compat::lenient::Text]) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| item.get())
        .map(str::to_owned)
        .collect()
}

/// The trees a commit is judged by.
impl treediff::TreeStore for History {
    type Error = Missing;

    fn tree(&self, id: Oid) -> Result<Vec<u8>, Missing> {
        self.raw_tree(id)
    }

    fn malformed(id: Oid) -> Missing {
        Missing::Broken(git2::Error::from_str(&format!("tree {id} is malformed")))
    }
}
