//! What a commit of ours says, and who makes it.

use std::time::UNIX_EPOCH;

use concourse_resource_sdk::Context;
use git2::{Signature, Time};

use super::holder::BUILD_URL;

/// The first lines of a commit's message: no blank line between them (CONTRACT 7).
pub(super) fn message(subject: &str, build_url: &str) -> String {
    let url = format!("{BUILD_URL} {build_url}");
    format!("{subject}\n{}\n", url.trim_end())
}

/// Who commits, now.
pub(super) fn signature(cx: &Context, name: &str, email: &str) -> Result<Signature<'static>, git2::Error> {
    let now = cx
        .now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Signature::new(name, email, &Time::new(i64::try_from(now).unwrap_or(i64::MAX), 0))
}
