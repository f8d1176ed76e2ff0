//! `put`: the operations on locks. CONTRACT 7.

mod holder;
mod jobs;
mod message;
mod ownership;
mod turns;
mod undo;
mod waiting;

use std::path::Path;
use std::time::Duration;

use concourse_resource_sdk::{AbortGuard, Context, Error, Outcome, Result};
use git_source::{GitConfig, Location};

use crate::config::{LockVersion, PutParams, RetryDelay, Source};
use crate::duration;
use turns::Turns;

/// CONTRACT 3: without `retry_delay`.
const DEFAULT_DELAY: Duration = Duration::from_secs(10);

/// CONTRACT F14: below this, a server would be hammered.
const SHORTEST_DELAY: Duration = Duration::from_millis(100);

/// Does what the params ask for, one after the other; the answer is about the last.
pub(crate) async fn put(
    cx: &Context,
    source: Source,
    params: PutParams,
    sources: &Path,
) -> Result<Outcome<LockVersion>> {
    let location = Location::new(&source.access())?;
    let rules = Rules::new(cx, &source, &params)?;
    let jobs = jobs::jobs(&params, sources, &rules.build_url)?;
    let cx = cx.clone();
    let (outcome, guards) = git_source::blocking(move || {
        let mut guards: Vec<AbortGuard> = Vec::new();
        let mut last = None;
        for job in &jobs {
            let done = Turns {
                cx: &cx,
                location: &location,
                pool: source.pool(),
                rules: &rules,
                job,
            }
            .run()?;
            guards.extend(done.guard);
            last = Some(crate::outcome(done.commit, &done.lock, source.pool()));
        }
        Ok((last, guards))
    })
    .await?;
    // Up to here an abort undoes a claim; from here on the answer is told.
    drop(guards);
    outcome.ok_or_else(|| Error::internal("no operation was asked for"))
}

/// How the operations go about it.
pub(crate) struct Rules {
    /// How long to wait before looking again.
    delay: Duration,
    /// How long to wait in all.
    timeout: Option<Duration>,
    /// From which age on a claim may be taken over.
    expire_after: Option<Duration>,
    owner: Option<String>,
    build_url: String,
    /// Who makes the commits.
    name: String,
    email: String,
}

impl Rules {
    fn new(cx: &Context, source: &Source, params: &PutParams) -> Result<Self> {
        let config = GitConfig::new(&source.git_config.0)?;
        let identity = |key: &str, default: &str| config.given(key).unwrap_or(default).to_owned();
        Ok(Self {
            delay: delay(cx, &source.retry_delay)?,
            timeout: params.timeout()?,
            expire_after: source.expire_after()?,
            owner: source.owner()?.map(str::to_owned),
            build_url: cx.build().url().unwrap_or_default(),
            name: identity("user.name", "git"),
            email: identity("user.email", "git@localhost"),
        })
    }
}

/// CONTRACT 3, `retry_delay`.
fn delay(cx: &Context, given: &RetryDelay) -> Result<Duration> {
    let (nanoseconds, is_text) = given.read()?;
    let given = &given.0;
    if nanoseconds == 0 {
        return Ok(DEFAULT_DELAY);
    }
    let delay = duration::to_std(nanoseconds);
    if !is_text {
        cx.log().warn(format!(
            "source.retry_delay: a number counts nanoseconds: {given} is {delay:?}; write a unit, such as 10s"
        ));
    }
    if delay < SHORTEST_DELAY {
        cx.log().warn(format!(
            "source.retry_delay: pausing {SHORTEST_DELAY:?} instead of {given}, which would hammer the server"
        ));
    }
    Ok(delay.max(SHORTEST_DELAY))
}
