//! One POST, as often as it takes and never twice.

use std::time::{Duration, SystemTime};

use concourse_resource_sdk::http::{Attempt, HttpClient, ProxyRules, Redirects, Retries, retry_after};
use concourse_resource_sdk::{Context, Error, Problem, Result, Secret, http};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use crate::config::Source;
use crate::tunnel::Tunnel;

/// How much of an answer is read: those of Slack are a word or a message.
pub(crate) const MOST_ANSWER_BYTES: usize = 256 * 1024;

const MOST_REDIRECTS: usize = 10;

/// Sends messages.
pub(crate) struct Sender {
    http: HttpClient,
    proxies: ProxyRules,
    always_tunnel: bool,
    retries: Retries,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Silence {
    pub(crate) error: Error,
    /// Whether the server may have got the message.
    pub(crate) may_have_arrived: bool,
    /// Whether another attempt may do better.
    pub(crate) is_transient: bool,
}

impl Silence {
    pub(crate) fn before_sending(error: Error, is_transient: bool) -> Self {
        Self {
            error,
            may_have_arrived: false,
            is_transient,
        }
    }

    pub(crate) fn after_sending(error: Error) -> Self {
        Self {
            error,
            may_have_arrived: true,
            is_transient: false,
        }
    }
}

type Answered = Result<Reply, Silence>;

impl Sender {
    pub(crate) fn of(cx: &Context, source: &Source) -> Result<Self> {
        let log = cx.log().clone();
        let proxies = match source.proxy.non_empty() {
            // As the proxy variables, it does not count for what is to be reached directly.
            Some(proxy) => ProxyRules::all(proxy, &no_proxy())?,
            None => ProxyRules::from_env()?,
        };
        // Redirects are followed here: they have to repeat the message.
        let mut options = cx
            .http()
            .redirects(Redirects::None)
            .skip_verification(source.insecure.0)
            .proxies(proxies.clone());
        let certs = source.ca_certs.0.iter().flatten();
        for cert in certs.filter_map(|cert| cert.cert.non_empty()) {
            options = options.ca(cert.expose());
        }
        let http = options.build().map_err(|error| match &error {
            _ if source.ca_certs.0.is_some() => {
                Error::from(Problem::new("source.ca_certs", error.to_string()))
            }
            _ => error,
        })?;
        Ok(Self {
            http,
            proxies,
            always_tunnel: source.proxy_https_tunnel.0,
            retries: Retries::default().notice(move |line| log.warn(line)),
        })
    }

    /// Posts JSON. What certainly did not arrive is sent again after a while, and what is answered with 429 or 5xx; a message
    /// that may have arrived without an answer is not.
    pub(crate) async fn post(&self, url: &Url, token: Option<&Secret>, body: &Value) -> Answered {
        let body = body.to_string();
        let attempt = || async {
            let outcome = self.follow(url, token, &body).await;
            let reason = match &outcome {
                Ok(reply) if is_busy(reply.status) => format!("{} answers {}", origin(url), reply.status),
                Err(silence) if silence.is_transient => first_line(&silence.error),
                _ => return Attempt::Final(outcome),
            };
            let after = outcome
                .as_ref()
                .ok()
                .and_then(|reply| retry_after(&reply.headers, SystemTime::now()));
            Attempt::Again {
                outcome,
                reason,
                after,
            }
        };
        self.retries.run(attempt).await
    }

    /// Posts once, and again to where redirects lead: they say that nothing was done.
    async fn follow(&self, url: &Url, token: Option<&Secret>, body: &str) -> Answered {
        let mut at = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let reply = self.once(&at, token, body).await?;
            let Some(target) = http::redirect_target(&at, reply.status, &reply.headers) else {
                return Ok(reply);
            };
            let elsewhere = target.origin() != at.origin();
            if target.scheme() != "https" && at.scheme() == "https" || elsewhere && token.is_some() {
                let text = format!(
                    "{} redirects to {}, where the message must not go",
                    origin(&at),
                    origin(&target)
                );
                return Err(Silence::before_sending(Error::remote(text), false));
            }
            at = target;
        }
        let text = format!("{} redirects more than {MOST_REDIRECTS} times", origin(url));
        Err(Silence::before_sending(Error::remote(text), false))
    }

    async fn once(&self, url: &Url, token: Option<&Secret>, body: &str) -> Answered {
        match self.tunnel(url).await? {
            Some(tunnel) => tunnel.post(url, body).await,
            None => self.direct(url, token, body).await,
        }
    }

    /// A tunnel where reqwest would make none: to an address without TLS.
    async fn tunnel(&self, url: &Url) -> Result<Option<Tunnel>, Silence> {
        match self.proxies.proxy_for(url) {
            Some(proxy) if self.always_tunnel && url.scheme() == "http" => match proxy.scheme() {
                "http" => Tunnel::open(proxy, url).await.map(Some),
                "https" => {
                    let problem = Problem::new(
                        "source.proxy_https_tunnel",
                        "a tunnel to an http:// address through an https:// proxy is not supported",
                    );
                    Err(Silence::before_sending(problem.into(), false))
                }
                // SOCKS is a tunnel always.
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    async fn direct(&self, url: &Url, token: Option<&Secret>, body: &str) -> Answered {
        let mut request = self
            .http
            .client()
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body.to_owned());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        let mut response = request.send().await.map_err(|error| self.silence(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() < MOST_ANSWER_BYTES => bytes.extend_from_slice(&chunk),
                // The status says it all for a webhook; what a bot misses, it reports.
                Ok(_) | Err(_) => break,
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    fn silence(&self, error: &reqwest::Error) -> Silence {
        Silence {
            error: self.http.error(error),
            may_have_arrived: http::was_sent(error),
            is_transient: http::is_transient(error),
        }
    }
}

/// 429 says that nothing was done, and 5xx that something went wrong with it.
fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn bearer(token: &Secret) -> Result<HeaderValue, Silence> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose().trim())).map_err(|_| {
        let problem = Problem::new("source.token", "has characters that no token has");
        Silence::before_sending(problem.into(), false)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn no_proxy() -> String {
    ["no_proxy", "NO_PROXY"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_default()
}

/// Scheme, host and port: all of an address that may be shown.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// How long a server may be silent.
pub(crate) const IDLE: Duration = Duration::from_secs(60);
