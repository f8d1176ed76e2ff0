//! The whole history of the branch, for servers and cursors with which nothing less will do.

use std::path::Path;

use concourse_resource_sdk::Result;
use git_remote::Fetch;
use git2::Oid;

use super::RemoteHistory;
use crate::check::heads::Cursor;
use crate::check::{incomplete, selection};
use crate::history::History;

impl RemoteHistory<'_> {
    /// The versions of a check, oldest first, from all commits of the branch.
    pub(super) fn whole(&mut self, tip: Oid, cursor: Option<Cursor<'_>>) -> Result<Vec<Oid>> {
        let path = self.work.whole()?;
        let history = History::open(&path)?;
        let known = history
            .repo()
            .refname_to_id(TIP)
            .ok()
            .filter(|&id| history.commit(id).is_ok());
        if known != Some(tip) {
            let fetch = Fetch {
                wants: vec![tip],
                haves: known.into_iter().collect(),
                filter: self.objects(),
                ..Fetch::default()
            };
            self.remote.fetch(&path, &fetch, self.cx)?;
            history
                .repo()
                .reference(TIP, tip, true, "check")
                .map_err(git_source::git_failed("write to the cache"))?;
        }
        if let Some(Cursor::Id(id)) = cursor {
            self.fetch_beside(&path, &history, tip, id)?;
        }
        let cursor = cursor.and_then(|cursor| match cursor {
            Cursor::Id(id) => history.commit(id).ok().map(|_| id),
            Cursor::Abbreviated(text) => history.resolve(text),
        });
        if cursor.is_none() && known.is_some() {
            // A cache that lost a file must not pass for a remote that lost the cursor.
            history.ancestors(tip).map_err(incomplete)?;
        }
        selection::versions(&history, self.filter, tip, cursor).map_err(incomplete)
    }

    /// Fetches a cursor that is not on the branch any more, where the server still has it and gives it.
    fn fetch_beside(&mut self, path: &Path, history: &History, tip: Oid, cursor: Oid) -> Result<()> {
        if history.commit(cursor).is_ok() || !self.remote.supports_any_want()? {
            return Ok(());
        }
        let fetch = Fetch {
            wants: vec![cursor],
            haves: vec![tip],
            filter: self.objects(),
            ..Fetch::default()
        };
        match self.remote.fetch(path, &fetch, self.cx) {
            Ok(_) | Err(git_remote::Error::NotOurRef { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The head that the repository with the whole history is complete up to.
const TIP: &str = "refs/heads/tip";
