//! Earlier messages that a bot's message answers or replaces.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use concourse_resource_sdk::{Error, Result};

use crate::config::PutParams;
use crate::files;
use crate::message::Relation;
use crate::variables::Variables;

/// What a message has to do with an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thread {
    None,
    Reply(Earlier),
    Update(Earlier),
}

/// An earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// Its timestamp, seconds since 1970 with a fraction: its id in its channel.
    ts: String,
    /// The id of its channel, where a get wrote it.
    channel: Option<String>,
}

impl Thread {
    /// What the params say; at most one of the four fields is given.
    pub(crate) fn of(params: &PutParams, variables: &Variables, sources: &Path) -> Result<Self> {
        if let Some(ts) = params.thread_ts.non_empty() {
            return Ok(Self::Reply(at("thread_ts", &variables.expand(ts))?));
        }
        if let Some(ts) = params.update_ts.non_empty() {
            return Ok(Self::Update(at("update_ts", &variables.expand(ts))?));
        }
        if let Some(directory) = params.thread_from.non_empty() {
            return Ok(Self::Reply(from("thread_from", directory, sources)?));
        }
        if let Some(directory) = params.update_from.non_empty() {
            return Ok(Self::Update(from("update_from", directory, sources)?));
        }
        Ok(Self::None)
    }

    pub(crate) fn relation(&self) -> Relation<'_> {
        match self {
            Self::None => Relation::New,
            Self::Reply(earlier) => Relation::Reply(&earlier.ts),
            Self::Update(earlier) => Relation::Update(&earlier.ts),
        }
    }

    /// The id of the channel of the earlier message, if it is known.
    pub(crate) fn channel(&self) -> Option<&str> {
        self.earlier()?.channel.as_deref()
    }

    /// How long ago the earlier message was sent.
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        let seconds = self.earlier()?.ts.split('.').next()?.parse().ok()?;
        now.duration_since(UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?)
            .ok()
    }

    fn earlier(&self) -> Option<&Earlier> {
        match self {
            Self::None => None,
            Self::Reply(earlier) | Self::Update(earlier) => Some(earlier),
        }
    }
}

fn at(field: &str, ts: &str) -> Result<Earlier> {
    if is_timestamp(ts) {
        return Ok(Earlier {
            ts: ts.to_owned(),
            channel: None,
        });
    }
    let message = format!("expected the timestamp of a message, such as 1712345678.123456, found \"{ts}\"");
    Err(Error::config(format!("params.{field}"), message))
}

/// The message that a get wrote down.
fn from(field: &str, directory: &str, sources: &Path) -> Result<Earlier> {
    let content = |file: &str| -> Result<Option<String>> {
        let text = files::read(sources, field, Some(&format!("{directory}/{file}")))?;
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()))
    };
    match (content("ts")?, content("channel")?) {
        (Some(ts), Some(channel)) if is_timestamp(&ts) => Ok(Earlier {
            ts,
            channel: Some(channel),
        }),
        _ => {
            let message = format!(
                "\"{directory}\" has no message to follow: its files ts and channel are missing or damaged"
            );
            let problem = Error::config(format!("params.{field}"), message);
            Err(problem
                .hint("name the directory of a get of a message that a bot's put sent; if that put failed, there is none"))
        }
    }
}

fn is_timestamp(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.')
        .is_some_and(|(seconds, fraction)| digits(seconds) && digits(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_seconds_with_a_fraction() {
        for (text, valid) in [
            ("1712345678.123456", true),
            ("1.2", true),
            ("1712345678", false),
            ("1.", false),
            (".1", false),
            ("1.2.3", false),
            ("-1.2", false),
            ("", false),
        ] {
            assert_eq!(is_timestamp(text), valid, "{text:?}");
        }
    }

    #[test]
    fn a_message_has_an_age_unless_it_is_of_the_future() {
        let thread = Thread::Reply(at("thread_ts", "100.5").unwrap());
        let now = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(thread.age(now(160)), Some(Duration::from_secs(60)));
        assert_eq!(thread.age(now(99)), None);
        assert_eq!(Thread::None.age(now(99)), None);
    }
}
