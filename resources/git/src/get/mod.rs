//! `get`: the repository at a version. CONTRACT 5.

mod deepen;
mod files;
mod revision;
mod sparse;
mod unsupported;

use std::path::{Path, PathBuf};

use concourse_resource_sdk::{Context, Outcome, Result, Validator};

use self::files::Formats;
use crate::config::{GetParams, GitVersion, Source};
use crate::crypt::GitCrypt;
use crate::got_tags;
use crate::lfs;
use crate::metadata::metadata;
use crate::signatures::Verification;
use git_source::{Branches, CheckedOut, Clone, FetchTags, Location, check_branch};
use revision::Revision;
use sparse::Sparse;

/// Clones into `dest`, checks the version out, and writes the files below `.git`.
/// What is wrong with the params.
pub(crate) fn validate(params: &GetParams, v: &mut Validator<'_>) {
    v.add(Formats::check(params).err());
}

pub(crate) async fn get(
    cx: &Context,
    source: &Source,
    version: Option<GitVersion>,
    params: &GetParams,
    dest: &Path,
) -> Result<Outcome<GitVersion>> {
    crate::trace_if(cx, source.debug.0 || params.debug.0);
    let mut plan = Plan::new(cx, source, version, params, dest)?;
    plan.verification = Verification::prepare(cx, source).await?;
    plan.announce(cx);
    let cx = cx.clone();
    git_source::blocking(move || plan.carry_out(&cx)).await
}

/// What a get does, resolved from source, version and params.
struct Plan {
    location: Location,
    /// The branch, or tag, that the version names instead of the source's.
    overridden: Option<(Option<String>, String)>,
    version: Option<String>,
    depth: Option<u32>,
    branches: Branches,
    tags: FetchTags,
    /// Further branches to fetch.
    fetch: Vec<String>,
    /// Whether a version that is unknown is looked for in the remote's other refs.
    searches: bool,
    /// Which files are written, if not all.
    sparse: Option<Sparse>,
    formats: Formats,
    /// Which keys must have signed, if any.
    verification: Option<Verification>,
    /// The key of encrypted files, if any.
    crypt: Option<GitCrypt>,
    params: GetParams,
    dest: PathBuf,
}

impl Plan {
    fn new(
        cx: &Context,
        source: &Source,
        version: Option<GitVersion>,
        params: &GetParams,
        dest: &Path,
    ) -> Result<Self> {
        let mut location = Location::new(&source.access())?;
        let mut overridden = None;
        if let Some(branch) = version.as_ref().and_then(|version| version.branch.clone()) {
            check_branch("version.branch", &branch)?;
            overridden = Some((location.branch.replace(branch.clone()), branch));
        }
        let depth = depth(params, &location);
        Ok(Self {
            depth,
            branches: branches(params, depth),
            overridden,
            fetch: further_branches(params)?,
            searches: source.search_remote_refs.0 && location.branch.is_some(),
            location,
            version: version.map(|version| version.reference),
            tags: tags(source, params),
            sparse: Sparse::new(&source.sparse_paths),
            formats: Formats::new(cx, params)?,
            verification: None,
            crypt: source
                .git_crypt_key
                .non_empty()
                .map(|key| GitCrypt::new(cx, key))
                .transpose()?,
            params: params.clone(),
            dest: dest.to_owned(),
        })
    }

    fn announce(&self, cx: &Context) {
        if let Some((old, new)) = &self.overridden {
            cx.log().line(format!(
                "Override {} with {new}",
                old.as_deref().unwrap_or_default()
            ));
        }
        cx.log()
            .heading(format!("Cloning into '{}'...", self.dest.display()));
    }

    fn carry_out(self, cx: &Context) -> Result<Outcome<GitVersion>> {
        git_source::refuse_used_directory(&self.dest)?;
        let dest = self.dest.clone();
        git_source::or_nothing(cx, &dest, move || self.write(cx))
    }

    fn write(self, cx: &Context) -> Result<Outcome<GitVersion>> {
        let mut remote = self.location.open(cx)?;
        let mut clone = Clone::start(
            cx,
            &self.dest,
            &self.location,
            (self.branches, self.tags),
            &mut remote,
        )?;
        clone.fetch(self.depth)?;
        let revision = match self.depth {
            Some(depth) => deepen::until_reached(&mut clone, self.version.as_deref(), depth)?,
            None => self.find(&mut clone)?,
        };
        clone.fetch_branches(&self.fetch)?;
        self.location.config.write(clone.repo())?;
        let repo = clone.finish()?;
        let (revision, id) = revision.known(self.version.as_deref())?;
        refuse_if_aborted(cx)?;
        // Before anything of it is written.
        if let Some(verification) = &self.verification {
            verification.check(cx, &repo, id, self.version.as_deref())?;
        }
        let takes = self
            .sparse
            .as_ref()
            .map(|sparse| |path: &[u8]| sparse.takes(path));
        if let Some(sparse) = &self.sparse {
            sparse.configure(&repo)?;
        }
        let takes = takes.as_ref().map(|takes| takes as &dyn Fn(&[u8]) -> bool);
        git_source::checkout(cx, &repo, id, self.head(&revision), takes)?;
        refuse_if_aborted(cx)?;
        if let Some(crypt) = &self.crypt {
            crypt.unlock(cx, &repo)?;
        }
        if !self.params.disable_git_lfs.0 {
            lfs::fetch(cx, &repo, &self.location)?;
        }
        unsupported::refuse(&repo, &self.params)?;
        let returned = self.version.unwrap_or_else(|| id.to_string());
        let metadata = metadata(&repo)?;
        files::write(&repo, &returned, &metadata, &self.formats)?;
        if self.params.clean_tags.0 {
            delete_tags(&repo)?;
        }
        got_tags::write(&repo)?;
        cx.log()
            .line(format!("HEAD is now at {}", git_source::one_line(&repo, id)));
        Ok(Outcome::new(GitVersion::new(returned)).metadata(metadata))
    }
}

impl Plan {
    /// CONTRACT 5.3: `HEAD` is attached only to a branch, and never in a shallow clone.
    fn head(&self, revision: &Revision) -> CheckedOut {
        match revision {
            Revision::Branch { .. } if self.depth.is_none() => CheckedOut::Attached,
            _ => CheckedOut::Detached,
        }
    }

    /// What the version names; where that is nothing, the remote's other refs are searched if the source says so.
    fn find(&self, clone: &mut Clone<'_>) -> Result<Revision> {
        let version = self.version.as_deref();
        let revision = Revision::find(clone, version);
        match version {
            Some(text) if revision == Revision::Unknown && self.searches => {
                clone.search(text)?;
                Ok(Revision::find(clone, version))
            }
            _ => Ok(revision),
        }
    }
}

/// CONTRACT 5.1, `fetch`.
fn further_branches(params: &GetParams) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (index, item) in params.fetch.0.iter().flatten().enumerate() {
        if let Some(name) = item.non_empty() {
            check_branch(&format!("params.fetch[{index}]"), name)?;
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// CONTRACT 5.2 step 2.
fn tags(source: &Source, params: &GetParams) -> FetchTags {
    let said = match params.fetch_tags {
        FetchTags::Following => source.fetch_tags,
        said => said,
    };
    match said {
        FetchTags::Following if source.follows_tags() => FetchTags::All,
        said => said,
    }
}

/// CONTRACT 5.1: only a positive whole number cuts the history, and not for plain local paths (5.3).
fn depth(params: &GetParams, location: &Location) -> Option<u32> {
    let depth = params
        .depth
        .get()?
        .trim()
        .parse::<u64>()
        .ok()
        .filter(|&depth| depth > 0)?;
    (!git_remote::is_plain_path(&location.uri)).then(|| {
        u32::try_from(depth)
            .unwrap_or(u32::MAX)
            .min(i32::MAX.unsigned_abs())
    })
}

/// CONTRACT 5.1: `all_branches`, in any letter case, has no effect where the history is cut.
fn branches(params: &GetParams, depth: Option<u32>) -> Branches {
    match params.all_branches.get() {
        Some(all) if depth.is_none() && all.eq_ignore_ascii_case("true") => Branches::All,
        _ => Branches::One,
    }
}

/// CONTRACT 5.1, `clean_tags`.
fn delete_tags(repo: &git2::Repository) -> Result<()> {
    let delete = || -> Result<(), git2::Error> {
        for tag in repo.references_glob("refs/tags/*")? {
            tag?.delete()?;
        }
        Ok(())
    };
    delete().map_err(git_source::git_failed("delete the tags"))
}

/// Ends the work between its steps; the SDK reports the abort.
pub(crate) fn refuse_if_aborted(cx: &Context) -> Result<()> {
    if cx.is_cancelled() {
        return Err(git_remote::Error::Interrupted.into());
    }
    Ok(())
}
