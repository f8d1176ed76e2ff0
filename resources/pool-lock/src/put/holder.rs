//! Who brought a lock into its state, and when: what the commit says.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use git2::Oid;
use jiff::Timestamp;

use crate::duration;

/// The line with the address of a build, below the first one.
pub(super) const BUILD_URL: &str = "Build URL:";

/// The line with the owner of a claim.
pub(super) const OWNER: &str = "Owner:";

/// What the commit says that brought a lock into its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) commit: Oid,
    /// Seconds since the epoch, by the clock of whoever made the commit.
    pub(super) since: i64,
    pub(super) build_url: Option<String>,
    pub(super) owner: Option<String>,
}

impl Holder {
    pub(super) fn new(commit: Oid, message: &str, since: i64) -> Self {
        let line = |name: &str| {
            let mut values = message.lines().filter_map(|line| line.strip_prefix(name));
            values
                .next()
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        Self {
            commit,
            since,
            build_url: line(BUILD_URL),
            owner: line(OWNER),
        }
    }

    /// How long ago; none where the commit is of the future.
    pub(super) fn age(&self, now: SystemTime) -> Option<Duration> {
        let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        now.checked_sub(u64::try_from(self.since).ok()?)
            .map(Duration::from_secs)
    }

    /// The holder for people, with the time that passed.
    pub(super) fn told(&self, now: SystemTime) -> String {
        let age = self
            .age(now)
            .map(|age| format!(" ({} ago)", duration::in_words(age)));
        format!("since {}{}{self}", date(self.since), age.unwrap_or_default())
    }
}

/// Who, as far as the commit says.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.build_url {
            Some(url) => write!(f, " by {url}")?,
            None => write!(f, " by commit {}", &self.commit.to_string()[..8])?,
        }
        match &self.owner {
            Some(owner) => write!(f, ", owner {owner}"),
            None => Ok(()),
        }
    }
}

/// A date in UTC.
pub(super) fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| format!("second {seconds}"), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_tells_who_has_a_lock() {
        let id: Oid = "a".repeat(40).parse().unwrap();
        let told = |message: &str, now: u64| {
            Holder::new(id, message, 1_700_000_000).told(UNIX_EPOCH + Duration::from_secs(now))
        };
        assert_eq!(
            told(
                "claiming: red\nBuild URL: http://ci/b/9\nOwner: blue team\n",
                1_700_000_061
            ),
            "since 2023-11-14T22:13:20Z (1m1s ago) by http://ci/b/9, owner blue team"
        );
        assert_eq!(
            told("claiming: red\nBuild URL:\n", 1_600_000_000),
            "since 2023-11-14T22:13:20Z by commit aaaaaaaa"
        );
    }
}
