//! Requests that must not be done twice by accident, such as sending a message: their callers say after what they may be
//! repeated, and where redirects may take them.

use std::future::Future;
use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use url::Url;

use super::failure::origin;
use super::retry::{Attempt, Retries, retry_after};
use super::target::redirect_target;
use crate::error::Error;

const MOST_REDIRECTS: usize = 10;

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// As much of its body as was read; what is no UTF-8 is replaced.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Silence {
    /// The failure.
    pub error: Error,
    /// Whether the server may have got the request, and acted on it.
    pub may_have_arrived: bool,
    /// Whether another attempt may do better; only if nothing was sent.
    pub is_transient: bool,
}

impl Silence {
    /// A failure before anything was sent, which another attempt would meet too.
    #[must_use]
    pub fn before_sending(error: Error) -> Self {
        Self {
            error,
            may_have_arrived: false,
            is_transient: false,
        }
    }

    /// A failure before anything was sent, which may be over in a moment.
    #[must_use]
    pub fn for_now(error: Error) -> Self {
        Self {
            is_transient: true,
            ..Self::before_sending(error)
        }
    }

    /// A failure after the request was sent.
    #[must_use]
    pub fn after_sending(error: Error) -> Self {
        Self {
            may_have_arrived: true,
            ..Self::before_sending(error)
        }
    }
}

/// A request that must not be done twice by accident.
pub trait Exchange: Sync {
    /// Sends it once, to this address, without following redirects.
    fn once(&self, at: &Url) -> impl Future<Output = Result<Reply, Silence>> + Send;

    /// Whether it may be sent again after this.
    fn may_repeat(&self, outcome: &Result<Reply, Silence>) -> bool;

    /// Whether it may go from one address to another, where a redirect leads; if not, why, as in "redirects to X, …".
    fn may_follow(&self, from: &Url, to: &Url) -> Result<(), &'static str>;
}

/// Makes an exchange with the server at `url`: repeats it as it and `retries` allow, and follows redirects with method and
/// body.
pub async fn exchange(request: &impl Exchange, url: &Url, retries: &Retries) -> Result<Reply, Silence> {
    let attempt = || async {
        let outcome = follow(request, url).await;
        if !request.may_repeat(&outcome) {
            return Attempt::Final(outcome);
        }
        let (reason, after) = match &outcome {
            Ok(reply) => (
                format!("{} answers {}", origin(url), reply.status),
                retry_after(&reply.headers, SystemTime::now()),
            ),
            Err(silence) => (first_line(&silence.error), None),
        };
        Attempt::Again {
            outcome,
            reason,
            after,
        }
    };
    retries.run(attempt).await
}

async fn follow(request: &impl Exchange, url: &Url) -> Result<Reply, Silence> {
    let refused = |text: String| {
        let hint = "let the configuration have the address that the server has now";
        Err(Silence::before_sending(Error::remote(text).hint(hint)))
    };
    let mut at = url.clone();
    for _ in 0..=MOST_REDIRECTS {
        let reply = request.once(&at).await?;
        let Some(target) = redirect_target(&at, reply.status, &reply.headers) else {
            return Ok(reply);
        };
        if let Err(why) = request.may_follow(&at, &target) {
            return refused(format!("{} redirects to {}, {why}", origin(&at), origin(&target)));
        }
        at = target;
    }
    refused(format!(
        "{} redirects more than {MOST_REDIRECTS} times",
        origin(url)
    ))
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
