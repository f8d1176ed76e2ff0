//! How long, and how much of it, an answer is waited for.

use std::time::Duration;

/// How much of an answer is read: those of Slack are a word or a message.
pub(crate) const MOST_ANSWER_BYTES: usize = 256 * 1024;

/// How long a server may be silent.
pub(crate) const IDLE: Duration = Duration::from_secs(60);
