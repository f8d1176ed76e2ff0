//! A repository to pack objects from.

use std::io::Write as _;

use concourse_resource_sdk::{AbortGuard, Context};
use git2::{Config, ConfigLevel, Repository};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// More memory for finding deltas costs time and hardly makes packs smaller: design.md, section 5. Of large files, none are
/// looked for.
const SETTINGS: &[u8] = b"[pack]\n\twindowMemory = 1m\n[core]\n\tbigFileThreshold = 16m\n";

/// A second handle on a repository, with settings for packing below its own; the repository's files are not touched.
pub(crate) struct RepoForPacking {
    repo: Repository,
    /// libgit2 looks whether it changed.
    _settings: NamedTempFile,
    _abort: AbortGuard,
}

impl RepoForPacking {
    pub(crate) fn new(repo: &Repository, cx: &Context) -> Result<Self> {
        let mut settings =
            NamedTempFile::new_in(cx.tmp()).map_err(Error::io("make a temporary file in", cx.tmp()))?;
        let path = settings.path().to_owned();
        let abort = cx.on_abort(async move {
            // What cannot be removed stays; it holds no secret.
            let _ = std::fs::remove_file(path);
        });
        settings
            .write_all(SETTINGS)
            .map_err(Error::io("write", settings.path()))?;
        let failed = Error::repository("open the repository to push");
        let handle = Repository::open(repo.path()).map_err(&failed)?;
        let own = repo.commondir().join("config");
        let mut config = Config::new().map_err(&failed)?;
        config
            .add_file(settings.path(), ConfigLevel::System, false)
            .and_then(|()| config.add_file(&own, ConfigLevel::Local, false))
            .and_then(|()| handle.set_config(&config))
            .map_err(&failed)?;
        Ok(Self {
            repo: handle,
            _settings: settings,
            _abort: abort,
        })
    }

    pub(crate) fn repo(&self) -> &Repository {
        &self.repo
    }
}
