//! `put`: push a repository's `HEAD` and tags. CONTRACT 6.

mod push;
mod tag;

use std::path::{Path, PathBuf};

use concourse_resource_sdk::{Context, Error, Outcome, Problem, Result};
use git2::{Oid, Repository};

use crate::Git;
use crate::config::{GitVersion, PutParams, Source};
use crate::location::Location;
use crate::metadata::metadata;
use tag::Tag;

/// Tags `HEAD` if asked to, and pushes it and every local tag.
pub(crate) async fn put(
    cx: &Context,
    source: &Source,
    params: &PutParams,
    sources: &Path,
) -> Result<Outcome<Git>> {
    crate::trace_if(cx, source.debug.0 || params.debug.0);
    let plan = Plan::new(source, params, sources)?;
    let cx = cx.clone();
    crate::blocking(move || plan.carry_out(&cx)).await
}

/// What a put does, resolved from source and params; all that can be wrong with them is found before anything is done.
struct Plan {
    location: Location,
    repository: PathBuf,
    /// The remote branch to update, none with `only_tag`.
    branch: Option<String>,
    tag: Option<Tag>,
    force: bool,
}

impl Plan {
    /// CONTRACT 6.1: the order of validation.
    fn new(source: &Source, params: &PutParams, sources: &Path) -> Result<Self> {
        let location = Location::new(source)?;
        let branch = match &location.branch {
            _ if params.only_tag.0 => None,
            Some(branch) => Some(branch.clone()),
            None => {
                return Err(Problem::verbatim("source.branch", "invalid payload (missing branch)").into());
            }
        };
        Ok(Self {
            repository: repository(params, sources)?,
            tag: Tag::read(params, sources)?,
            location,
            branch,
            force: params.force.0,
        })
    }

    fn carry_out(self, cx: &Context) -> Result<Outcome<Git>> {
        git_remote::init();
        let repo = Repository::open(&self.repository).map_err(|error| {
            Error::internal(format!("'{}' is not a git repository", self.repository.display()))
                .cause(error.message())
                .exit(crate::GIT_EXIT)
        })?;
        let head = head(&repo)?;
        if let Some(tag) = &self.tag {
            tag.set(cx, &repo, head)?;
        }
        let updates = push::updates(&repo, head, self.branch.as_deref(), self.force)?;
        let mut remote = self.location.open(cx)?;
        let outcomes = remote.push(&repo, &updates, &[], cx)?;
        push::report(cx, &self.location.uri, &outcomes)?;
        Ok(Outcome::new(GitVersion::new(head.to_string())).with_metadata(metadata(&repo)?))
    }
}

fn repository(params: &PutParams, sources: &Path) -> Result<PathBuf> {
    let Some(name) = params.repository.non_empty() else {
        return Err(Problem::verbatim("params.repository", "invalid payload (missing repository)").into());
    };
    let path = sources.join(name);
    if path.is_dir() {
        return Ok(path);
    }
    Err(Problem::new(
        "params.repository",
        format!("\"{name}\" is not a directory in {}", sources.display()),
    )
    .hint("name an input or output of an earlier step")
    .into())
}

fn head(repo: &Repository) -> Result<Oid> {
    let head = repo
        .head()
        .and_then(|head| head.peel_to_commit())
        .map_err(|error| {
            Error::internal("the repository has no commit to push")
                .cause(error.message())
                .exit(crate::GIT_EXIT)
        })?;
    Ok(head.id())
}
