//! `put`: push a repository's `HEAD` and tags. CONTRACT 6.

mod push;
mod tag;

use std::path::{Path, PathBuf};

use concourse_resource_sdk::{Context, Error, Outcome, Problem, Result};
use git2::{Oid, Repository};

use crate::Git;
use crate::config::{GitVersion, PutParams, Source};
use crate::location::{Location, check_branch};
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
    /// The remote ref to update, none with `only_tag`.
    target: Option<String>,
    /// The branch that the params name, which makes it a part of the version.
    named_branch: Option<String>,
    push_options: Vec<String>,
    tag: Option<Tag>,
    force: bool,
}

impl Plan {
    /// CONTRACT 6.1: the order of validation.
    fn new(source: &Source, params: &PutParams, sources: &Path) -> Result<Self> {
        let location = Location::new(source)?;
        let named_branch = params
            .branch
            .get()
            .map(str::trim)
            .filter(|branch| !branch.is_empty());
        let target = if params.only_tag.0 {
            None
        } else {
            Some(target(named_branch.or(location.branch.as_deref()), params)?)
        };
        Ok(Self {
            repository: repository(params, sources)?,
            tag: Tag::read(params, sources)?,
            target,
            named_branch: named_branch.map(str::to_owned),
            push_options: push_options(params)?,
            location,
            force: params.force.0,
        })
    }

    fn carry_out(self, cx: &Context) -> Result<Outcome<Git>> {
        if let Some(branch) = &self.named_branch {
            let old = self.location.branch.as_deref().unwrap_or_default();
            cx.log().line(format!("Override {old} with {branch}"));
        }
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
        let updates = push::updates(&repo, head, self.target.as_deref(), self.force)?;
        let mut remote = self.location.open(cx)?;
        let outcomes = remote.push(&repo, &updates, &self.push_options, cx)?;
        push::report(cx, &self.location.uri, &outcomes)?;
        let version = GitVersion {
            branch: self.named_branch,
            ..GitVersion::new(head.to_string())
        };
        Ok(Outcome::new(version).with_metadata(metadata(&repo)?))
    }
}

/// The full name of the remote ref of a branch.
fn target(branch: Option<&str>, params: &PutParams) -> Result<String> {
    let branch =
        branch.ok_or_else(|| Problem::verbatim("source.branch", "invalid payload (missing branch)"))?;
    check_branch("params.branch", branch)?;
    let prefix = params.refs_prefix.non_empty().unwrap_or("refs/heads");
    let target = format!("{prefix}/{branch}");
    if prefix.starts_with("refs/") && git2::Reference::is_valid_name(&target) {
        return Ok(target);
    }
    Err(Problem::new(
        "params.refs_prefix",
        format!("\"{prefix}\" cannot be used: \"{target}\" is not a valid ref"),
    )
    .hint("it begins with refs/ and does not end with a slash, such as refs/heads or refs/for")
    .into())
}

fn push_options(params: &PutParams) -> Result<Vec<String>> {
    let options = params
        .push_options
        .0
        .iter()
        .flatten()
        .filter_map(|option| option.get());
    let options: Vec<String> = options.map(str::to_owned).collect();
    match options.iter().position(|option| option.contains('\n')) {
        Some(index) => Err(Problem::new(
            format!("params.push_options[{index}]"),
            "must not have line breaks",
        )
        .into()),
        None => Ok(options),
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
