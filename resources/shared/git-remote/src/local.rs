//! A repository in this file system, read straight from its object database, as `git clone --local` does.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{ErrorCode, ObjectType, Oid, Repository};

use crate::error::{Error, Result};
use crate::{Depth, Fetch, Fetched, Ref};

/// Listings of the objects that are tried while somebody repacks them.
const ATTEMPTS: usize = 5;

pub(crate) struct Local {
    repo: Repository,
}

impl Local {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let repo = Repository::open(path).map_err(|error| Error::Repository {
            doing: "open the local repository",
            error: match error.code() {
                ErrorCode::NotFound => git2::Error::from_str(&format!(
                    "'{}' does not appear to be a git repository",
                    path.display()
                )),
                _ => error,
            },
        })?;
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
                peeled: self.peeled(id),
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

    fn peeled(&self, id: Oid) -> Option<Oid> {
        let tag = self.repo.find_tag(id).ok()?;
        Some(tag.into_object().peel(ObjectType::Any).ok()?.id())
    }

    /// Makes all objects of this repository available at `git_dir`: links them, or copies them where it is another file
    /// system.
    pub(crate) fn fetch(&self, git_dir: &Path, fetch: &Fetch, interrupt: &AtomicBool) -> Result<Fetched> {
        let odb = self
            .repo
            .odb()
            .map_err(Error::repository("open the local objects"))?;
        for &want in &fetch.wants {
            if !odb.exists(want) {
                return Err(Error::not_here(want));
            }
        }
        let mut copy = Copy {
            interrupt,
            seen: HashSet::new(),
        };
        let from = self.git_dir().join("objects");
        let mut attempt = 1;
        loop {
            match copy.objects(&from, &git_dir.join("objects")) {
                // A pack that vanished was replaced by another one.
                Err(Error::Io { error, .. })
                    if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    copy.seen.clear();
                }
                copied => {
                    copied?;
                    return self.cuts(fetch);
                }
            }
        }
    }

    /// Where the history is cut, by this repository or by the depth that was asked for.
    fn cuts(&self, fetch: &Fetch) -> Result<Fetched> {
        let own = self.own_cuts();
        let mut cuts = own.clone();
        match fetch.depth {
            Depth::To(depth) => cuts = self.boundary(&fetch.wants, depth, &own)?,
            Depth::Keep => cuts.extend(fetch.shallow.iter().copied()),
            Depth::Unlimited => {}
        }
        let before: BTreeSet<Oid> = fetch.shallow.iter().copied().collect();
        Ok(Fetched {
            pack: None,
            new_shallow: cuts.difference(&before).copied().collect(),
            unshallow: before.difference(&cuts).copied().collect(),
        })
    }

    fn own_cuts(&self) -> BTreeSet<Oid> {
        fs::read_to_string(self.git_dir().join("shallow"))
            .map(|text| text.lines().filter_map(|line| line.parse().ok()).collect())
            .unwrap_or_default()
    }

    /// The commits whose parents are `depth` or more steps from every want.
    fn boundary(&self, wants: &[Oid], depth: u32, own: &BTreeSet<Oid>) -> Result<BTreeSet<Oid>> {
        let failed = Error::repository("walk the local history");
        let mut distance: HashMap<Oid, u32> = HashMap::new();
        let mut queue = VecDeque::new();
        for &want in wants {
            let object = self.repo.find_object(want, None).map_err(&failed)?;
            // A tag of a tree has no history.
            if let Ok(commit) = object.peel(ObjectType::Commit)
                && distance.insert(commit.id(), 1).is_none()
            {
                queue.push_back(commit.id());
            }
        }
        let mut cuts = BTreeSet::new();
        while let Some(id) = queue.pop_front() {
            let at = distance[&id];
            let commit = self.repo.find_commit(id).map_err(&failed)?;
            if own.contains(&id) {
                cuts.insert(id);
                continue;
            }
            if at >= depth {
                if commit.parent_count() > 0 {
                    cuts.insert(id);
                }
                continue;
            }
            for parent in commit.parent_ids() {
                if let std::collections::hash_map::Entry::Vacant(entry) = distance.entry(parent) {
                    entry.insert(at + 1);
                    queue.push_back(parent);
                }
            }
        }
        Ok(cuts)
    }
}

/// Copies object databases.
struct Copy<'a> {
    interrupt: &'a AtomicBool,
    /// Databases that were copied: alternates may form a circle.
    seen: HashSet<PathBuf>,
}

impl Copy<'_> {
    /// Copies an object database and its alternates.
    fn objects(&mut self, from: &Path, to: &Path) -> Result<()> {
        let from = fs::canonicalize(from).map_err(Error::io("read the objects in", from))?;
        if !self.seen.insert(from.clone()) {
            return Ok(());
        }
        self.packs(&from.join("pack"), &to.join("pack"))?;
        for entry in list(&from)? {
            let name = entry.file_name();
            let is_loose = name.len() == 2
                && name
                    .to_string_lossy()
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit());
            if is_loose {
                let to = to.join(&name);
                for file in list(&entry.path())? {
                    self.file(&file.path(), &to.join(file.file_name()))?;
                }
            }
        }
        let alternates = from.join("info/alternates");
        for line in fs::read_to_string(alternates).unwrap_or_default().lines() {
            if !line.is_empty() && !line.starts_with('#') {
                self.objects(&from.join(line), to)?;
            }
        }
        Ok(())
    }

    /// The index comes last: without it, a pack is not there.
    fn packs(&self, from: &Path, to: &Path) -> Result<()> {
        let packs = match list(from) {
            Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            packs => packs?,
        };
        for index in packs
            .iter()
            .map(fs::DirEntry::path)
            .filter(|path| path.extension().is_some_and(|ext| ext == "idx"))
        {
            let pack = index.with_extension("pack");
            for file in [&pack, &index] {
                if let Some(name) = file.file_name() {
                    self.file(file, &to.join(name))?;
                }
            }
        }
        Ok(())
    }

    fn file(&self, from: &Path, to: &Path) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory).map_err(Error::io("make the directory", directory))?;
        }
        // A symbolic link would stay one.
        let is_plain = fs::symlink_metadata(from)
            .map_err(Error::io("read", from))?
            .is_file();
        match fs::hard_link(from, to) {
            Ok(()) if is_plain => return Ok(()),
            Ok(()) => fs::remove_file(to).map_err(Error::io("replace", to))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::io("read", from)(error));
            }
            // Another file system, or one without links: the copy says what is wrong.
            Err(_) => {}
        }
        let temporary = to.with_extension("tmp");
        let copied = fs::copy(from, &temporary).and_then(|_| fs::rename(&temporary, to));
        copied.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            Error::io("copy an object file to", to)(error)
        })
    }
}

fn list(directory: &Path) -> Result<Vec<fs::DirEntry>> {
    let mut entries: Vec<_> = fs::read_dir(directory)
        .and_then(Iterator::collect)
        .map_err(Error::io("list the objects in", directory))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}
