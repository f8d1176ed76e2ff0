//! A repository in this file system, read straight from its object database, as `git clone --local` does.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository};

use crate::copy;
use crate::error::{Error, Result};
use crate::{Depth, Fetch, Fetched, Ref};

/// Why a repository cannot be opened.
fn unopened(path: &Path, error: git2::Error) -> Error {
    let format = error
        .message()
        .split_once("unknown object format '")
        .map(|(_, format)| format.trim_end_matches('\''));
    if let Some(format) = format {
        return Error::ObjectFormat(format.to_owned());
    }
    let error = match error.code() {
        ErrorCode::NotFound => git2::Error::from_str(&format!(
            "'{}' does not appear to be a git repository",
            path.display()
        )),
        _ => error,
    };
    Error::Repository {
        doing: "open the local repository",
        error,
    }
}

pub(crate) struct Local {
    repo: Repository,
}

impl Local {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let opened = Repository::open(path).or_else(|error| {
            // `git clone a` finds `a.git`, too.
            let mut with_suffix = path.as_os_str().to_owned();
            with_suffix.push(".git");
            Repository::open(with_suffix).map_err(|_| error)
        });
        let repo = opened.map_err(|error| unopened(path, error))?;
        let format = repo
            .config()
            .and_then(|config| config.get_string("extensions.objectformat"));
        match format {
            Ok(format) if !format.eq_ignore_ascii_case("sha1") => Err(Error::ObjectFormat(format)),
            _ => Ok(Self { repo }),
        }
    }

    pub(crate) fn repo(&self) -> &Repository {
        &self.repo
    }

    /// The directory that holds the objects.
    pub(crate) fn git_dir(&self) -> &Path {
        self.repo.commondir()
    }

    pub(crate) fn refs(&self, prefixes: &[&str]) -> Result<Vec<Ref>> {
        let failed = Error::repository("read the refs of the local repository");
        let wanted = |name: &[u8]| {
            prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
        };
        let odb = self.repo.odb().map_err(&failed)?;
        let mut refs = Vec::new();
        if wanted(b"HEAD") {
            refs.extend(self.head().map_err(&failed)?);
        }
        for reference in self.repo.references().map_err(&failed)? {
            // A ref that cannot be read is left out, as git does with a warning.
            let Ok(reference) = reference else { continue };
            if !wanted(reference.name_bytes()) {
                continue;
            }
            let Ok(resolved) = reference.resolve() else {
                continue;
            };
            let Some(id) = resolved.target() else { continue };
            refs.push(Ref {
                name: reference.name_bytes().to_vec(),
                id,
                peeled: self.peeled(&odb, id),
                target: reference.symbolic_target_bytes().map(<[u8]>::to_vec),
            });
        }
        refs.sort_by(|a, b| (a.name != b"HEAD", &a.name).cmp(&(b.name != b"HEAD", &b.name)));
        Ok(refs)
    }

    fn head(&self) -> Result<Option<Ref>, git2::Error> {
        let head = match self.repo.find_reference("HEAD") {
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            head => head?,
        };
        let id = match head.resolve() {
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            resolved => resolved?.target(),
        };
        let target = head.symbolic_target_bytes().map(<[u8]>::to_vec);
        Ok(id.map(|id| Ref {
            name: b"HEAD".to_vec(),
            id,
            peeled: None,
            target,
        }))
    }

    fn peeled(&self, odb: &Odb<'_>, id: Oid) -> Option<Oid> {
        // Most refs point to commits: their headers are read, not all of them.
        let (_, ObjectType::Tag) = odb.read_header(id).ok()? else {
            return None;
        };
        let tag = self.repo.find_tag(id).ok()?;
        Some(tag.into_object().peel(ObjectType::Any).ok()?.id())
    }

    /// Makes all objects of this repository available at `git_dir`: links them, or copies them where it is another file
    /// system.
    pub(crate) fn fetch(&self, git_dir: &Path, fetch: &Fetch, interrupt: &AtomicBool) -> Result<Fetched> {
        let from = self.git_dir().join("objects");
        let odb = self
            .repo
            .odb()
            .map_err(Error::repository("open the local objects"))?;
        for &want in &fetch.wants {
            if !odb.exists(want) {
                // What cannot be read is not missing.
                copy::check_readable(&from)?;
                return Err(Error::not_here(want));
            }
        }
        copy::objects(&from, &git_dir.join("objects"), interrupt)?;
        self.cuts(fetch)
    }

    /// Where the history is cut, by this repository or by the depth that was asked for.
    fn cuts(&self, fetch: &Fetch) -> Result<Fetched> {
        let own = self.own_cuts()?;
        let before: BTreeSet<Oid> = fetch.shallow.iter().copied().collect();
        let (cuts, whole) = match fetch.depth {
            Depth::Keep => (own, BTreeSet::new()),
            Depth::To(depth) => self.boundary(&fetch.wants, depth, &own)?,
            Depth::Unlimited => (own, before.clone()),
        };
        Ok(Fetched {
            pack: None,
            new_shallow: cuts.difference(&before).copied().collect(),
            // A cut that the wants do not lead to stays.
            unshallow: before
                .iter()
                .filter(|id| whole.contains(id) && !cuts.contains(id))
                .copied()
                .collect(),
        })
    }

    fn own_cuts(&self) -> Result<BTreeSet<Oid>> {
        let path = self.git_dir().join("shallow");
        let text = copy::read_if_there(&path)?;
        Ok(crate::cuts::parse(&text))
    }

    /// The commits that are the `depth`th counted from the wants, and those before them. As for git, a commit without
    /// parents at that depth is a cut.
    fn boundary(
        &self,
        wants: &[Oid],
        depth: u32,
        own: &BTreeSet<Oid>,
    ) -> Result<(BTreeSet<Oid>, BTreeSet<Oid>)> {
        let failed = Error::repository("walk the local history");
        let mut starts = Vec::new();
        for &want in wants {
            let object = self.repo.find_object(want, None).map_err(&failed)?;
            // A tag of a tree has no history.
            starts.extend(object.peel(ObjectType::Commit).map(|commit| commit.id()));
        }
        crate::graph::within_depth(starts, depth, |id| {
            if own.contains(&id) {
                return Ok(None);
            }
            Ok(Some(
                self.repo.find_commit(id).map_err(&failed)?.parent_ids().collect(),
            ))
        })
    }
}
