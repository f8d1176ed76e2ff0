//! How the work of git fails, and where it is done.

use std::path::Path;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result};

/// Git's own exit status of a fatal error.
pub const GIT_EXIT: u8 = 128;

/// CONTRACT 4.3.
#[must_use]
pub fn branch_not_found(branch: &str) -> Error {
    Error::remote(format!("Remote branch {branch} not found in upstream origin"))
        .hint("check source.branch")
        .exit(GIT_EXIT)
}

/// Runs work that blocks, such as everything git does, off the runtime.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            // The SDK reports it.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::internal("the work was cancelled").cause(error)),
        },
    }
}

/// A file or directory that cannot be written.
#[must_use]
pub fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    local_failure(format!("failed to write {}", path.display()), error)
}

/// A failure of libgit2, as in "failed to …".
pub fn git_failed(doing: &'static str) -> impl Fn(git2::Error) -> Error {
    move |error| local_failure(format!("failed to {doing}"), error.message())
}

/// A failure on this side.
pub fn local_failure(text: impl Into<String>, cause: impl std::fmt::Display) -> Error {
    let cause = cause.to_string();
    let hint = git_remote::disk_hint(&cause);
    let error = Error::internal(text).cause(cause).exit(GIT_EXIT);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// CONTRACT 5.2 step 1: a get wants an empty directory, or none.
///
/// # Errors
/// Fails where the directory holds something, or cannot be read.
pub fn refuse_used_directory(dest: &Path) -> Result<()> {
    let used = match std::fs::read_dir(dest) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(
                Error::internal(format!("failed to read the directory {}", dest.display()))
                    .cause(error)
                    .exit(crate::GIT_EXIT),
            );
        }
    };
    if used {
        return Err(Error::internal(format!(
            "destination path '{}' already exists and is not an empty directory",
            dest.display()
        ))
        .exit(crate::GIT_EXIT));
    }
    Ok(())
}

/// CONTRACT 5.2: what git says about the id of a commit that is not there.
#[must_use]
pub fn not_on_branch(version: &str) -> Error {
    Error::remote(format!("fatal: unable to read tree ({version})"))
        .cause("the commit is not on the branch")
        .hint("was the branch force-pushed? check the resource for a newer version")
        .exit(GIT_EXIT)
}
