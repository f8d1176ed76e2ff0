//! Where a check keeps objects: the cache directory, or a temporary one.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use concourse_resource_sdk::{CacheDir, Context, Error, Result};

use crate::memory::{Memory, TagMemory};
use git_source::Scratch;

/// The packs of small fetches pile up; past this many it is cheaper to begin anew.
const MOST_PACKS: usize = 40;

/// Two repositories, made when first needed: one with a part of the history, and one with all of it, for servers that can
/// give nothing less.
pub(super) struct Work<'a> {
    cx: &'a Context,
    cache: Option<CacheDir>,
    scratch: OnceCell<Scratch>,
}

impl<'a> Work<'a> {
    pub(super) fn new(cx: &'a Context) -> Self {
        Self {
            cx,
            cache: cx.cache(),
            scratch: OnceCell::new(),
        }
    }

    /// Whether what is written here outlives this check.
    pub(super) fn is_kept(&self) -> bool {
        self.cache.is_some()
    }

    pub(super) fn memory(&self) -> Option<Memory> {
        self.cache.as_ref()?.recall()
    }

    pub(super) fn remember(&self, memory: &Memory) {
        if let Some(cache) = &self.cache {
            cache.remember(memory);
        }
    }

    pub(super) fn tag_memory(&self) -> Option<TagMemory> {
        self.cache.as_ref()?.recall()
    }

    pub(super) fn remember_tags(&self, memory: &TagMemory) {
        if let Some(cache) = &self.cache {
            cache.remember(memory);
        }
    }

    /// Drops everything.
    pub(super) fn clear(&self) -> Result<()> {
        if let Some(cache) = &self.cache {
            cache.forget();
        }
        for name in [PARTIAL, WHOLE] {
            remove(&self.directory()?.join(name))?;
        }
        Ok(())
    }

    /// A repository for a part of the history, as earlier checks left it.
    pub(super) fn partial(&self) -> Result<PathBuf> {
        let path = self.directory()?.join(PARTIAL);
        if packs(&path) > MOST_PACKS {
            remove(&path)?;
        }
        made(path)
    }

    /// A repository for a part of the history, empty.
    pub(super) fn fresh_partial(&self) -> Result<PathBuf> {
        let path = self.directory()?.join(PARTIAL);
        // What is remembered relies on these objects being there.
        if let Some(cache) = &self.cache {
            cache.forget();
        }
        remove(&path)?;
        made(path)
    }

    /// A repository for the whole history.
    pub(super) fn whole(&self) -> Result<PathBuf> {
        made(self.directory()?.join(WHOLE))
    }

    fn directory(&self) -> Result<&Path> {
        if let Some(cache) = &self.cache {
            return Ok(cache.path());
        }
        if self.scratch.get().is_none() {
            // Only this thread fills the cell, which is empty.
            let _ = self.scratch.set(Scratch::new(self.cx)?);
        }
        self.scratch
            .get()
            .map(Scratch::path)
            .ok_or_else(|| Error::internal("failed to make a temporary directory"))
    }
}

const PARTIAL: &str = "partial.git";
const WHOLE: &str = "whole.git";

fn made(path: PathBuf) -> Result<PathBuf> {
    if !path.join("HEAD").exists() {
        git_source::bare_repository(&path)?;
    }
    Ok(path)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(git_source::local_failure(
            format!("failed to remove {}", path.display()),
            error,
        )),
        _ => Ok(()),
    }
}

fn packs(repository: &Path) -> usize {
    std::fs::read_dir(repository.join("objects/pack")).map_or(0, Iterator::count) / 2
}
