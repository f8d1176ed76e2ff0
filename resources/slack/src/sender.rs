//! One POST, as often as it takes and never twice.

use concourse_resource_sdk::http::{
    Exchange, HttpClient, ProxyRules, Redirects, Reply, Retries, Silence, exchange,
};
use concourse_resource_sdk::{Context, Error, Result, Secret};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use url::Url;

use crate::config::Source;
use crate::limits::MOST_ANSWER_BYTES;
use crate::tunnel::Tunnel;

type Answered = Result<Reply, Silence>;

/// Sends messages.
pub(crate) struct Sender {
    http: HttpClient,
    proxies: ProxyRules,
    always_tunnel: bool,
    retries: Retries,
}

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
            _ if source.ca_certs.0.is_some() => Error::config("source.ca_certs", error.to_string()),
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
        let post = Post {
            sender: self,
            token,
            body: body.to_string(),
        };
        exchange(&post, url, &self.retries).await
    }

    /// A tunnel where reqwest would make none: to an address without TLS.
    async fn tunnel(&self, url: &Url) -> Result<Option<Tunnel>, Silence> {
        match self.proxies.proxy_for(url) {
            Some(proxy) if self.always_tunnel && url.scheme() == "http" => match proxy.scheme() {
                "http" => Tunnel::open(proxy, url).await.map(Some),
                "https" => {
                    let problem = Error::config(
                        "source.proxy_https_tunnel",
                        "a tunnel to an http:// address through an https:// proxy is not supported",
                    );
                    Err(Silence::before_sending(problem))
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
        let response = request.send().await.map_err(|error| self.http.silence(&error))?;
        // The status says it all for a webhook; what a bot misses, it reports.
        let (reply, _) = Reply::read(response, MOST_ANSWER_BYTES).await;
        Ok(reply)
    }
}

/// A message on its way.
struct Post<'a> {
    sender: &'a Sender,
    token: Option<&'a Secret>,
    body: String,
}

impl Exchange for Post<'_> {
    async fn once(&self, at: &Url) -> Answered {
        match self.sender.tunnel(at).await? {
            Some(tunnel) => tunnel.post(at, &self.body).await,
            None => self.sender.direct(at, self.token, &self.body).await,
        }
    }

    fn may_repeat(&self, outcome: &Answered) -> bool {
        match outcome {
            Ok(reply) => is_busy(reply.status),
            Err(silence) => silence.is_transient,
        }
    }

    fn may_follow(&self, from: &Url, to: &Url) -> std::result::Result<(), &'static str> {
        let loses_tls = from.scheme() == "https" && to.scheme() != "https";
        if loses_tls || self.token.is_some() && from.origin() != to.origin() {
            return Err("where the message must not go");
        }
        Ok(())
    }
}

/// 429 says that nothing was done, and 5xx that something went wrong with it.
fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn bearer(token: &Secret) -> Result<HeaderValue, Silence> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose().trim())).map_err(|_| {
        let problem = Error::config("source.token", "has characters that no token has");
        Silence::before_sending(problem)
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
