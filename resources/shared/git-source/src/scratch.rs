//! Temporary directories that are gone at the end, and at an abort; and bare repositories.

use std::path::Path;

use concourse_resource_sdk::{AbortGuard, Context, Result};
use git2::{Repository, RepositoryInitOptions};
use tempfile::TempDir;

/// A directory below `$TMPDIR`.
pub struct Scratch {
    directory: TempDir,
    _abort: AbortGuard,
}

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// Fails where `$TMPDIR` cannot be written.
    pub fn new(cx: &Context) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("git-resource-")
            .tempdir_in(cx.tmp())
            .map_err(|error| {
                crate::local_failure(
                    format!("failed to make a temporary directory in {}", cx.tmp().display()),
                    error,
                )
            })?;
        let path = directory.path().to_owned();
        let abort = cx.on_abort(async move {
            // Nothing more can be done about what cannot be removed.
            let _ = std::fs::remove_dir_all(path);
        });
        Ok(Self {
            directory,
            _abort: abort,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Opens a bare repository, or makes it without anything of the machine's templates.
///
/// # Errors
/// Fails where the directory cannot be written, or holds something else.
pub fn bare_repository(path: &Path) -> Result<Repository> {
    git_remote::init();
    let repository = if path.join("HEAD").exists() {
        Repository::open(path)
    } else {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        Repository::init_opts(path, &options)
    };
    repository.map_err(|error| {
        let text = format!("failed to make a repository in {}", path.display());
        crate::local_failure(text, error.message())
    })
}
