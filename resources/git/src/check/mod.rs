//! `check`: which commits of the branch are new. CONTRACT 4.

mod heads;
mod remote_history;
mod selection;
mod tags;
mod work;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Context, Error, ErrorKind, Result, Validator};
use git_remote::Remote;
use git2::Oid;

use crate::config::{GitVersion, Source};
use crate::filter::Filter;
use crate::history::{History, Missing};
use crate::memory::Memory;
use git_source::Location;
use heads::{Cursor, Heads};
use remote_history::RemoteHistory;
use tags::{TagCheck, TagMode};
use work::Work;

/// The versions from `from` on, oldest first.
/// What is wrong with the patterns of a source.
pub(crate) fn validate(source: &Source, v: &mut Validator<'_>) {
    v.add(Filter::new(source).err());
    v.add(TagMode::new(source).err());
}

pub(crate) async fn check(
    cx: &Context,
    source: &Source,
    from: Option<GitVersion>,
) -> Result<Vec<GitVersion>> {
    crate::trace_if(cx, source.debug.0);
    let location = Location::new(&source.access())?;
    let filter = Filter::new(source)?;
    let tags = TagMode::new(source)?;
    let cx = cx.clone();
    git_source::blocking(move || {
        let work = Work::new(&cx);
        let check = Check {
            cx: &cx,
            location,
            filter,
            tags,
        };
        check.versions(&work, from.as_ref().map(|version| version.reference.trim()))
    })
    .await
}

struct Check<'a> {
    cx: &'a Context,
    location: Location,
    filter: Filter,
    tags: Option<TagMode>,
}

impl Check<'_> {
    /// Answers with the help of what earlier checks left; what they left broken is dropped, and the work done anew.
    fn versions(&self, work: &Work<'_>, from: Option<&str>) -> Result<Vec<GitVersion>> {
        match self.attempt(work, from) {
            Err(error) if error.kind() == ErrorKind::Internal && work.is_kept() => {
                self.cx
                    .log()
                    .trace(format!("starting over without the cache: {error}"));
                work.clear()?;
                self.attempt(work, from)
            }
            answer => answer,
        }
    }

    fn attempt(&self, work: &Work<'_>, from: Option<&str>) -> Result<Vec<GitVersion>> {
        let mut remote = self.location.open(self.cx)?;
        if let Some(mode) = &self.tags {
            return TagCheck {
                cx: self.cx,
                mode,
                filter: &self.filter,
                branch: self.location.branch.as_deref(),
                from,
            }
            .versions(&mut remote, work);
        }
        let commits = self.commits(&mut remote, work, from)?;
        Ok(commits
            .into_iter()
            .map(|id| GitVersion::new(id.to_string()))
            .collect())
    }

    /// The versions where a branch is followed.
    fn commits(&self, remote: &mut Remote, work: &Work<'_>, from: Option<&str>) -> Result<Vec<Oid>> {
        let heads = self.heads(remote, from)?;
        let Some(tip) = heads.tip() else {
            return self.no_tip(remote, &heads);
        };
        self.cx.log().trace(format!("the head is {tip}"));
        // CONTRACT 4.2: the shortcut.
        if self.filter.takes_any_head && from.is_none_or(|from| from == tip.to_string()) {
            return Ok(vec![tip]);
        }
        // A tag or branch may have moved since: what it leads to now is what counts.
        let cursor = match heads.cursor() {
            Some(Cursor::Id(id)) => Some(id.to_string()),
            _ => from.map(str::to_owned),
        };
        let from = cursor.as_deref();
        let memory = work.memory();
        if let Some(versions) = memory.as_ref().and_then(|memory| memory.answer(tip, from)) {
            self.cx.log().trace("nothing changed since the last check");
            return Ok(versions);
        }
        let versions = if let Some(path) = remote.local() {
            let history = History::open(path)?;
            let cursor = heads.cursor().and_then(|cursor| match cursor {
                Cursor::Id(id) => history.commit(id).ok().map(|_| id),
                Cursor::Abbreviated(text) => history.resolve(text),
            });
            selection::versions(&history, &self.filter, tip, cursor)?
        } else {
            RemoteHistory::new(self.cx, remote, &self.filter, work).versions(
                tip,
                heads.cursor(),
                from,
                memory.as_ref(),
            )?
        };
        work.remember(&Memory::new(tip, from, &versions));
        Ok(versions)
    }

    fn heads(&self, remote: &mut Remote, from: Option<&str>) -> Result<Heads> {
        Heads::ask(remote, self.location.branch.as_deref(), from).map_err(|error| {
            if self.filter.takes_any_head {
                error_of_shortcut(Some(error))
            } else {
                error
            }
        })
    }

    /// An empty repository has no versions; a branch that is not there is a mistake.
    fn no_tip(&self, remote: &mut Remote, heads: &Heads) -> Result<Vec<Oid>> {
        if self.filter.takes_any_head {
            return Err(error_of_shortcut(None));
        }
        if let Some(branch) = &self.location.branch {
            return Err(git_source::branch_not_found(branch));
        }
        if remote.refs(&[])?.is_empty() {
            return Ok(Vec::new());
        }
        Err(
            Error::remote("the remote's HEAD points to a branch that does not exist")
                .cause(heads.head_target().unwrap_or("its HEAD is not advertised"))
                .hint("set source.branch")
                .exit(git_source::GIT_EXIT),
        )
    }
}

/// What lacks in the repository with the whole history is a failure on this side, after which the check starts over.
fn incomplete(missing: Missing) -> Error {
    match missing {
        Missing::Object(id) => Error::internal(format!("object {id} is missing"))
            .hint("the remote repository is incomplete or changed during the check")
            .exit(git_source::GIT_EXIT),
        other @ (Missing::Broken(_) | Missing::Undecided(_)) => other.into(),
    }
}

/// CONTRACT 4.2: no answer is always this message.
fn error_of_shortcut(error: Option<Error>) -> Error {
    let shortcut = Error::remote("No commit returned. Invalid branch?");
    match error {
        Some(error) if error.kind() == ErrorKind::Remote => {
            let causes = std::iter::once(error.text()).chain(error.causes().iter().map(String::as_str));
            let shortcut = shortcut.cause(causes.collect::<Vec<_>>().join(": "));
            match error.hint_text() {
                Some(hint) => shortcut.hint(hint),
                None => shortcut,
            }
        }
        Some(error) => error,
        None => shortcut,
    }
}
