//! Who makes the tags, merges and notes of a put.

use concourse_resource_sdk::Context;
use git2::{Repository, Signature};

use git_source::GitConfig;

/// CONTRACT 6.2: the identity of the environment, of the repository's configuration or of `git_config`, else `git` at this host; and now.
pub(super) fn identity(
    cx: &Context,
    repo: &Repository,
    given: &GitConfig,
) -> Result<Signature<'static>, git2::Error> {
    let config = repo.config()?.snapshot()?;
    let from = |key: &str, variable: &str| {
        std::env::var(variable)
            .ok()
            .or_else(|| config.get_string(key).ok())
            .or_else(|| given.given(key).map(str::to_owned))
            .filter(|text| !text.trim().is_empty())
    };
    let name = from("user.name", "GIT_COMMITTER_NAME").unwrap_or_else(|| "git".to_owned());
    let email = from("user.email", "GIT_COMMITTER_EMAIL").unwrap_or_else(|| "git@localhost".to_owned());
    let now = cx
        .now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Signature::new(
        &name,
        &email,
        &git2::Time::new(i64::try_from(now).unwrap_or(i64::MAX), 0),
    )
}
