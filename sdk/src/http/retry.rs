//! Sending again what is safe to send again.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, Response, StatusCode};
use tokio::time::Instant;

use super::failure::{Kind, explain, kind, origin};

/// Takes a line for the build log.
type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// How failed requests are repeated.
#[derive(Clone)]
pub struct Retries {
    attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    total: Duration,
    notice: Option<Notice>,
}

impl Default for Retries {
    /// Four attempts, waiting half a second, one, two, give or take; no attempt begins later than a minute after the first.
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(8),
            total: Duration::from_secs(60),
            notice: None,
        }
    }
}

impl Retries {
    /// Sends everything once.
    #[must_use]
    pub fn none() -> Self {
        Self::default().attempts(1)
    }

    /// How often a request is sent at most.
    #[must_use]
    pub fn attempts(mut self, most: u32) -> Self {
        self.attempts = most;
        self
    }

    /// About how long to wait before the second attempt, doubled for each further one up to `longest`.
    #[must_use]
    pub fn waits(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }

    /// When the last attempt may begin, counted from the first. Bounds what a server may ask for by `Retry-After`, too.
    #[must_use]
    pub fn total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Tells of each wait in a line for the build log.
    #[must_use]
    pub fn notice(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Some(Arc::new(notice));
        self
    }

    pub(super) fn or_notice_of(mut self, other: &Self) -> Self {
        self.notice = self.notice.or_else(|| other.notice.clone());
        self
    }

    /// Repeats an attempt until it is final or there may be no other, and answers what the last one brought. For what a
    /// client of this module does not send by itself.
    pub(super) async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Attempt<T>>,
    {
        let started = Instant::now();
        let mut count = 1;
        loop {
            let (outcome, reason, after) = match attempt().await {
                Attempt::Final(outcome) => return outcome,
                Attempt::Again {
                    outcome,
                    reason,
                    after,
                } => (outcome, reason, after),
            };
            let wait = after.unwrap_or_default().max(self.backoff(count));
            if count >= self.attempts || started.elapsed().saturating_add(wait) > self.total {
                return outcome;
            }
            // The connection of a response that nobody reads is closed, not kept over the wait.
            drop(outcome);
            if let Some(notice) = &self.notice {
                notice(&format!("{reason}; trying again in {:.1} s", wait.as_secs_f64()));
            }
            tokio::time::sleep(wait).await;
            count += 1;
        }
    }

    /// How long to wait after an attempt (counted from 1) where the server does not say: between half and all of what
    /// doubling gives, so that clients that failed together do not come back together.
    fn backoff(&self, attempt: u32) -> Duration {
        let doubled = self
            .first_wait
            .saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let ceiling = doubled.min(self.longest_wait);
        ceiling / 2 + (ceiling / 2).mul_f64(random())
    }
}

impl fmt::Debug for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retries")
            .field("attempts", &self.attempts)
            .field("first_wait", &self.first_wait)
            .field("longest_wait", &self.longest_wait)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    /// The last one, whatever it brought.
    Final(T),
    /// One to be repeated, if there may be another.
    Again {
        /// What to answer if there may be none.
        outcome: T,
        /// Why, for the build log: `example.org answers 503 Service Unavailable`.
        reason: String,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
}

/// Sends a request, again if `retries` allow it. `safe` says that it may arrive twice.
pub(super) async fn send(
    client: &Client,
    request: Request,
    safe: bool,
    retries: &Retries,
) -> reqwest::Result<Response> {
    if request.try_clone().is_none() {
        return client.execute(request).await;
    }
    let attempt = || async {
        #[expect(clippy::expect_used, reason = "what could be copied once can be copied again")]
        let copy = request.try_clone().expect("a copy of the request");
        let outcome = client.execute(copy).await;
        let Some(reason) = reason_to_repeat(&outcome, safe) else {
            return Attempt::Final(outcome);
        };
        let after = match &outcome {
            Ok(response) => retry_after(response.headers(), SystemTime::now()),
            Err(_) => None,
        };
        Attempt::Again {
            outcome,
            reason,
            after,
        }
    };
    retries.run(attempt).await
}

fn reason_to_repeat(outcome: &reqwest::Result<Response>, safe: bool) -> Option<String> {
    match outcome {
        Ok(response) => repeatable_status(response.status(), safe)
            .then(|| format!("{} answers {}", origin(response.url()), response.status())),
        Err(error) => repeatable_failure(error, safe).then(|| explain(error, None).text().to_owned()),
    }
}

/// 429 says that nothing was done; after the others something may have been.
fn repeatable_status(status: StatusCode, safe: bool) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => safe,
        _ => false,
    }
}

/// Whether a request that failed before anything was sent may do better in a moment.
#[cfg(feature = "reqwest")]
pub(super) fn is_transient(error: &reqwest::Error) -> bool {
    repeatable_failure(error, false)
}

/// What may be better in a moment. A certificate will not be, nor a name that does not exist.
fn repeatable_failure(error: &reqwest::Error, safe: bool) -> bool {
    match kind(error) {
        Kind::Dns
        | Kind::Refused
        | Kind::Unreachable
        | Kind::ConnectTimeout
        | Kind::ProxyRefused
        | Kind::ProxyUnreachable => true,
        Kind::Broken | Kind::Other(_) => safe || error.is_connect(),
        _ => false,
    }
}

/// How long the server wants to be left alone, by its `Retry-After`: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Between 0 and 1. The standard library seeds its hash tables well enough to spread clients.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn waits_double_within_their_bound() {
        let retries = Retries::default();
        for (attempt, least, most) in [
            (1, 250, 500),
            (2, 500, 1000),
            (3, 1000, 2000),
            (9, 4000, 8000),
            (99, 4000, 8000),
        ] {
            for _ in 0..50 {
                let wait = retries.backoff(attempt).as_millis();
                assert!((least..=most).contains(&wait), "attempt {attempt}: {wait} ms");
            }
        }
    }

    #[tokio::test]
    async fn an_attempt_is_repeated_until_it_is_final_or_the_last() {
        let waits = (Duration::from_millis(1), Duration::from_millis(2));
        let retries = Retries::default().attempts(3).waits(waits.0, waits.1);
        let run = async |retries: &Retries, final_from: u32, after: Option<Duration>| {
            let mut count = 0;
            let outcome = retries.run(|| {
                count += 1;
                let count = count;
                async move {
                    if count >= final_from {
                        return Attempt::Final(count);
                    }
                    Attempt::Again {
                        outcome: count,
                        reason: "busy".to_owned(),
                        after,
                    }
                }
            });
            outcome.await
        };
        assert_eq!(run(&retries, 1, None).await, 1);
        assert_eq!(run(&retries, 2, None).await, 2);
        assert_eq!(run(&retries, 9, None).await, 3);
        assert_eq!(run(&retries, 9, Some(Duration::from_secs(61))).await, 1);
        assert_eq!(run(&retries, 9, Some(Duration::MAX)).await, 1);
    }

    #[test]
    fn clients_wait_differently() {
        let retries = Retries::default();
        let waits: std::collections::HashSet<_> = (0..20).map(|_| retries.backoff(3)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
    }
}
