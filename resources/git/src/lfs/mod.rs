//! Git LFS: files whose content is kept beside the repository.

mod batch;
mod endpoint;
mod pointer;
mod pushed;
mod server;
mod store;
mod transfer;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;

use concourse_resource_sdk::{Context, Result};
use git_source::{Location, Replacer, git_failed};
use git2::{Oid, Repository};
use tokio::runtime::Handle;

use self::endpoint::{Endpoint, Operation};
use self::pointer::Pointer;
use self::server::Server;
use self::store::Store;
use self::transfer::{Needed, Transfer, absent, lost, unwritable};

/// The filter driver.
const DRIVER: &str = "lfs";

/// What the filter driver makes of a file on its way into the repository; nothing for other drivers.
pub(crate) fn clean(driver: &[u8], file: &mut File) -> io::Result<Option<Vec<u8>>> {
    if driver != DRIVER.as_bytes() {
        return Ok(None);
    }
    Pointer::clean(file).map(Some)
}

/// Puts their content into the files that are checked out.
pub(crate) fn fetch(cx: &Context, repo: &Repository, location: &Location) -> Result<()> {
    let mut replacer = Replacer::new(repo)?;
    let mut files = Vec::new();
    for entry in replacer.files(DRIVER.as_bytes())? {
        let path = shown(&entry.path);
        let (pointer, _) = Pointer::read(&mut replacer.read(&entry)?)
            .map_err(|error| git_source::local_failure(format!("failed to read {path}"), error))?;
        match pointer {
            Some(pointer) => files.push((entry, Needed { path, pointer })),
            // As stock git-lfs has it: it was committed without the filter.
            None if entry.file_size > 0 => cx
                .log()
                .warn(format!("{path} should be an LFS pointer, and is not")),
            None => {}
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    configure(repo).map_err(git_failed("configure the clone for Git LFS"))?;
    let store = Store::of(repo);
    let mut seen = HashSet::new();
    let needed: Vec<Needed> = files
        .iter()
        .map(|(_, needed)| needed)
        .filter(|needed| seen.insert(needed.pointer.id.clone()) && store.open(&needed.pointer).is_none())
        .cloned()
        .collect();
    bring(cx, repo, location, &store, &needed)?;
    for (entry, needed) in &files {
        crate::get::refuse_if_aborted(cx)?;
        let mut object = store
            .open(&needed.pointer)
            .ok_or_else(|| lost(needed, "the commit has it in two sizes"))?;
        replacer.write(entry, |file| io::copy(&mut object, file).map(drop))?;
    }
    replacer.finish()
}

/// Brings objects into the store of a repository.
fn bring(
    cx: &Context,
    repo: &Repository,
    location: &Location,
    store: &Store,
    needed: &[Needed],
) -> Result<()> {
    if needed.is_empty() {
        return Ok(());
    }
    let config = lfsconfig(repo);
    match Endpoint::find(
        &location.uri,
        &location.config,
        config.as_deref(),
        Operation::Download,
    )? {
        Endpoint::Local(path) => {
            let from = local(&path);
            for needed in needed {
                copy(cx, &from, store, needed)?
                    .then_some(())
                    .ok_or_else(|| lost(needed, format!("it is not in {}", path.display())))?;
            }
            Ok(())
        }
        endpoint => {
            let server = Server::open(cx, location, &endpoint, Operation::Download)?;
            cx.log()
                .line(format!("Getting LFS objects from {}", server.name()));
            let transfer = Transfer {
                cx,
                server: &server,
                store,
            };
            Handle::current().block_on(transfer.download(needed))
        }
    }
}

/// Uploads the objects of the commits that are about to be pushed.
pub(crate) fn push(
    cx: &Context,
    repo: &Repository,
    location: &Location,
    (tips, target): (&[Oid], Option<&str>),
) -> Result<()> {
    let needed = pushed::objects(repo, tips)?;
    if needed.is_empty() {
        return Ok(());
    }
    let store = Store::of(repo);
    let config = lfsconfig(repo);
    match Endpoint::find(
        &location.uri,
        &location.config,
        config.as_deref(),
        Operation::Upload,
    )? {
        Endpoint::Local(path) => {
            let to = local(&path);
            let mut missing = Vec::new();
            for needed in &needed {
                if to.open(&needed.pointer).is_none() && !copy(cx, &store, &to, needed)? {
                    missing.push(needed);
                }
            }
            if missing.is_empty() {
                Ok(())
            } else {
                Err(absent(&missing))
            }
        }
        endpoint => {
            let server = Server::open(cx, location, &endpoint, Operation::Upload)?;
            let transfer = Transfer {
                cx,
                server: &server,
                store: &store,
            };
            Handle::current().block_on(transfer.upload(&needed, target))
        }
    }
}

/// Copies an object from store to store; whether it is there, and is what its pointer says.
fn copy(cx: &Context, from: &Store, to: &Store, needed: &Needed) -> Result<bool> {
    crate::get::refuse_if_aborted(cx)?;
    let Some(mut object) = from.open(&needed.pointer) else {
        return Ok(false);
    };
    let mut incoming = to.begin(&needed.pointer).map_err(unwritable(needed))?;
    io::copy(&mut object, &mut incoming).map_err(unwritable(needed))?;
    incoming.keep().map_err(unwritable(needed))
}

/// The store of a repository at a path, bare or not.
fn local(path: &Path) -> Store {
    match Repository::open(path) {
        Ok(repo) => Store::of(&repo),
        Err(_) => Store::at(path),
    }
}

/// `.lfsconfig` of the commit that is checked out.
fn lfsconfig(repo: &Repository) -> Option<String> {
    let tree = repo.head().ok()?.peel_to_tree().ok()?;
    let entry = tree.get_path(Path::new(".lfsconfig")).ok()?;
    let blob = repo.find_blob(entry.id()).ok()?;
    Some(String::from_utf8_lossy(blob.content()).into_owned())
}

/// What `git lfs install --local` sets, but for hooks.
fn configure(repo: &Repository) -> Result<(), git2::Error> {
    let mut config = repo.config()?.open_level(git2::ConfigLevel::Local)?;
    config.set_str("filter.lfs.clean", "git-lfs clean -- %f")?;
    config.set_str("filter.lfs.smudge", "git-lfs smudge -- %f")?;
    config.set_str("filter.lfs.process", "git-lfs filter-process")?;
    config.set_bool("filter.lfs.required", true)?;
    config.set_i32("lfs.repositoryformatversion", 0)
}

/// A path, for people.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).escape_debug().to_string()
}
