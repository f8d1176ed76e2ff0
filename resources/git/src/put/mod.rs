//! `put`: push a repository's `HEAD` and tags. CONTRACT 6.

mod identity;
mod integrate;
mod merge;
mod moved_directories;
mod notes;
mod push;
mod rebase;
mod tag;
mod watch;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::compat::lenient::Text;
use concourse_resource_sdk::{Context, Error, Outcome, Result, Validator};
use git_remote::{Push, Remote, Update};
use git2::{Oid, Repository, Signature};

use crate::config::{GitVersion, PutParams, Source};
use crate::lfs;
use crate::metadata::metadata;
use git_source::{Location, check_branch};
use integrate::Integration;
use notes::Note;
use push::Outcome as Pushes;
use tag::Tag;
use watch::Watch;

/// Tags `HEAD` if asked to, and pushes it and every local tag.
pub(crate) async fn put(
    cx: &Context,
    source: &Source,
    params: &PutParams,
    sources: &Path,
) -> Result<Outcome<GitVersion>> {
    crate::trace_if(cx, source.debug.0 || params.debug.0);
    let plan = Plan::new(source, params, sources)?;
    let cx = cx.clone();
    git_source::blocking(move || plan.carry_out(&cx)).await
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
    note: Option<Note>,
    force: bool,
    /// How the remote branch is taken in first, and which branch that is.
    integration: Option<(Integration, String)>,
    /// CONTRACT 6.4: the version is the commit that `HEAD` was at.
    returns_unmerged: bool,
    /// What has landed so far, by the names of people.
    landed: RefCell<Vec<String>>,
}

impl Plan {
    /// CONTRACT 6.1: the order of validation.
    fn new(source: &Source, params: &PutParams, sources: &Path) -> Result<Self> {
        let location = Location::new(&source.access())?;
        let named_branch = params
            .branch
            .get()
            .map(str::trim)
            .filter(|branch| !branch.is_empty());
        let branch = named_branch.or(location.branch.as_deref());
        let target = target(branch, params)?;
        let repository = repository(params, sources)?;
        let integration = Integration::new(params);
        // CONTRACT 6.1, `only_tag`: it beats merge and rebase, and notes.
        let integration = integration
            .filter(|_| target.is_some())
            .zip(branch.map(str::to_owned));
        Ok(Self {
            tag: Tag::read(params, sources)?,
            note: Note::read(params, sources, &repository)?.filter(|_| target.is_some()),
            repository,
            target,
            named_branch: named_branch.map(str::to_owned),
            push_options: push_options(params)?,
            location,
            force: params.force.0,
            returns_unmerged: params.merge.0 && params.returning.get() == Some("unmerged"),
            integration,
            landed: RefCell::default(),
        })
    }

    fn carry_out(self, cx: &Context) -> Result<Outcome<GitVersion>> {
        if let Some(branch) = &self.named_branch {
            let old = self.location.branch.as_deref().unwrap_or_default();
            cx.log().line(format!("Override {old} with {branch}"));
        }
        git_remote::init();
        let repo = Repository::open(&self.repository).map_err(|error| {
            Error::internal(format!("'{}' is not a git repository", self.repository.display()))
                .cause(error.message())
                .exit(git_source::GIT_EXIT)
        })?;
        let start = head(&repo)?;
        let head = match &self.integration {
            Some((how, branch)) => self.push_integrated(cx, &repo, start, *how, branch),
            None => self.push_as_is(cx, &repo, start).map(|()| start),
        };
        let head = head.map_err(|error| push::with_landed(error, &self.landed.borrow()))?;
        let returned = if self.integration.is_some() && self.returns_unmerged {
            start
        } else {
            head
        };
        let version = GitVersion {
            branch: self.named_branch,
            ..GitVersion::new(returned.to_string())
        };
        Ok(Outcome::new(version).metadata(metadata(&repo)?))
    }

    fn identity(&self, cx: &Context, repo: &Repository) -> Result<Signature<'static>> {
        identity::identity(cx, repo, &self.location.config)
            .map_err(git_source::git_failed("read who makes commits here"))
    }

    fn push_as_is(&self, cx: &Context, repo: &Repository, head: Oid) -> Result<()> {
        if self.note.is_some() {
            Note::refuse_second(repo, head)?;
        }
        let mut remote = self.location.open_for_push(cx)?;
        match self.push(cx, repo, &mut remote, head)? {
            Pushes::All => {}
            Pushes::LostRace(error) | Pushes::Refused(error) => return Err(error),
        }
        match self.push_note(cx, repo, &mut remote, head)? {
            Pushes::All => Ok(()),
            Pushes::LostRace(error) | Pushes::Refused(error) => Err(error),
        }
    }

    /// Sets the tag, and pushes a commit and all tags: nothing lands unless all does, as far as the server can.
    fn push(&self, cx: &Context, repo: &Repository, remote: &mut Remote, head: Oid) -> Result<Pushes> {
        if let Some(tag) = &self.tag {
            tag.set(&self.identity(cx, repo)?, repo, head)?;
        }
        let named = self.tag.as_ref().map(Tag::name);
        let updates = push::updates(repo, head, self.target.as_deref(), (self.force, named))?;
        // Before the push: a commit whose files are missing is of no use to others.
        let tips: Vec<Oid> = updates.iter().filter_map(|update| update.src).collect();
        lfs::push(cx, repo, &self.location, (&tips, self.target.as_deref()))?;
        self.send(cx, repo, remote, &updates)
    }

    /// Adds the note, if there is one, and pushes all notes.
    fn push_note(&self, cx: &Context, repo: &Repository, remote: &mut Remote, head: Oid) -> Result<Pushes> {
        let Some(note) = &self.note else {
            return Ok(Pushes::All);
        };
        note.add(&self.identity(cx, repo)?, repo, head)?;
        self.send(cx, repo, remote, &notes::updates(repo)?)
    }

    fn send(
        &self,
        cx: &Context,
        repo: &Repository,
        remote: &mut Remote,
        updates: &[Update],
    ) -> Result<Pushes> {
        let watch = Watch::start(cx, updates);
        let push = Push {
            options: &self.push_options,
            together: true,
            sent: Some(watch.sent()),
            ..Push::new(updates)
        };
        let pushed = remote.push(repo, &push, cx)?;
        self.landed.borrow_mut().extend(push::landed(&pushed));
        Ok(watch.told(&pushed, |pushed| push::report(cx, &self.location.uri, pushed)))
    }
}

/// Two histories that have nothing in common, as far as they are here.
fn unrelated(repo: &Repository) -> Error {
    let error = Error::remote("refusing to merge unrelated histories").exit(git_source::GIT_EXIT);
    if repo.is_shallow() {
        return error.hint("the repository is a shallow clone: get it with a larger depth, or without one");
    }
    error
}

/// The full name of the remote ref of a branch.
/// What is wrong with the params in the light of the source.
pub(crate) fn validate(source: &Source, params: &PutParams, v: &mut Validator<'_>) {
    let given = |text: &Text| {
        text.get()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let branch = given(&params.branch).or_else(|| given(&source.branch));
    v.add(target(branch.as_deref(), params).err());
    v.add(push_options(params).err());
}

/// Where the branch is pushed to; none if only tags are.
fn target(branch: Option<&str>, params: &PutParams) -> Result<Option<String>> {
    if params.only_tag.0 {
        return Ok(None);
    }
    let branch = branch.ok_or_else(|| {
        Error::config("source.branch", "invalid payload (missing branch)").verbatim()
            .hint("source.branch, or params.branch: a branch to push to is required, unless params.only_tag is true")
    })?;
    check_branch("params.branch", branch)?;
    let prefix = params.refs_prefix.non_empty().unwrap_or("refs/heads");
    let target = format!("{prefix}/{branch}");
    if prefix.starts_with("refs/") && git2::Reference::is_valid_name(&target) {
        return Ok(Some(target));
    }
    Err(Error::config(
        "params.refs_prefix",
        format!("\"{prefix}\" cannot be used: \"{target}\" is not a valid ref"),
    )
    .hint("it begins with refs/ and does not end with a slash, such as refs/heads or refs/for"))
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
        Some(index) => Err(Error::config(
            format!("params.push_options[{index}]"),
            "must not have line breaks",
        )),
        None => Ok(options),
    }
}

fn repository(params: &PutParams, sources: &Path) -> Result<PathBuf> {
    let name = params.repository.non_empty().unwrap_or_default();
    let path = sources.join(name);
    if path.is_dir() {
        return Ok(path);
    }
    Err(Error::config(
        "params.repository",
        format!("\"{name}\" is not a directory in {}", sources.display()),
    )
    .hint("name an input or output of an earlier step"))
}

fn head(repo: &Repository) -> Result<Oid> {
    let head = repo
        .head()
        .and_then(|head| head.peel_to_commit())
        .map_err(|error| {
            Error::internal("the repository has no commit to push")
                .cause(error.message())
                .exit(git_source::GIT_EXIT)
        })?;
    Ok(head.id())
}
