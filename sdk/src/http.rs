//! The one kind of HTTP client that all resources use.
//!
//! A client trusts the worker's CA roots and those of the source, obeys the proxy variables, gives up on a server that
//! falls silent rather than after a total time, and explains its failures.

#[cfg(feature = "reqwest")]
mod beneath;
mod exchange;
mod failure;
mod proxy;
mod request;
mod retry;
mod target;
mod tls;
mod tunnel;
#[cfg(feature = "reqwest")]
mod upload;

#[cfg(all(test, feature = "testing"))]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Request, RequestBuilder, Response, redirect};

#[cfg(feature = "reqwest")]
pub use self::beneath::explain;
pub use self::exchange::{Exchange, Reply, Silence, exchange};
pub use self::failure::origin;
pub use self::proxy::ProxyRules;
pub use self::request::{HttpRequest, HttpResponse};
pub use self::retry::Retries;
use self::tls::Trust;
pub use self::tunnel::{TunnelError, open_tunnel};
use crate::error::{Error, Result};
/// Of the crate [`http`](https://docs.rs/http), for requests and responses.
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
/// Of the crate [`url`](https://docs.rs/url).
pub use url::Url;
/// What is beneath: [`HttpClient::client`] and its like.
#[cfg(feature = "reqwest")]
pub use {bytes, futures_util, reqwest};

/// Which redirects a client follows.
///
/// Whatever is followed, `Authorization`, `Cookie` and `Proxy-Authorization` never go to another origin (scheme, host or
/// port). A resource whose credentials travel in a header of another name wants [`Redirects::SameOrigin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Up to so many, wherever they lead.
    Follow(usize),
    /// Up to so many within the origin of the request; one that leads elsewhere is an error.
    SameOrigin(usize),
    /// None: the caller sees the response that redirects.
    None,
}

/// What a client is made with. Made by `Context::http`.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    user_agent: String,
    trust: Trust,
    connect_timeout: Duration,
    idle_timeout: Duration,
    redirects: Redirects,
    retries: Retries,
    proxies: Option<ProxyRules>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new(concat!("concourse-resource-sdk/", env!("CARGO_PKG_VERSION")))
    }
}

impl HttpOptions {
    /// The usual options with this `User-Agent`, which is `concourse-<name>-resource/<version>` for a resource.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            trust: Trust::default(),
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            redirects: Redirects::Follow(10),
            retries: Retries::default(),
            proxies: None,
        }
    }

    /// Trusts these PEM certificates too; one text may hold several. Blank texts are ignored.
    #[must_use]
    pub fn ca(mut self, pem: &str) -> Self {
        self.trust.add(pem);
        self
    }

    /// Accepts any certificate.
    #[must_use]
    pub fn skip_verification(mut self, skip: bool) -> Self {
        self.trust.skip(skip);
        self
    }

    /// Fails when no connection can be made for this long; 30 seconds unless told.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Fails when no byte arrives for this long; 60 seconds unless told.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Which redirects to follow; ten, anywhere, unless told.
    #[must_use]
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// How failed requests are repeated. Where these retries tell nobody, those before them go on to tell.
    #[must_use]
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries.or_notice_of(&self.retries);
        self
    }

    /// Goes through these proxies instead of those of the environment.
    #[must_use]
    pub fn proxies(mut self, rules: ProxyRules) -> Self {
        self.proxies = Some(rules);
        self
    }

    /// Builds the client. CA roots are read when the first certificate has to be judged, not here.
    ///
    /// Fails on certificates that cannot be read and on proxy variables that make no sense.
    pub fn build(self) -> Result<HttpClient> {
        let proxies = match self.proxies {
            Some(rules) => rules,
            None => ProxyRules::from_env()?,
        };
        let settings = Settings {
            user_agent: self.user_agent,
            tls: self.trust.client_config()?,
            connect_timeout: self.connect_timeout,
            idle_timeout: self.idle_timeout,
            redirects: self.redirects,
            proxies,
        };
        let inner = settings.client(Some(settings.idle_timeout))?;
        let shared = Shared {
            settings,
            retries: self.retries,
            #[cfg(feature = "reqwest")]
            uploads: std::sync::OnceLock::new(),
        };
        Ok(HttpClient {
            inner,
            shared: Arc::new(shared),
        })
    }
}

/// What both clients of an [`HttpClient`] are made with.
struct Settings {
    user_agent: String,
    tls: rustls::ClientConfig,
    connect_timeout: Duration,
    idle_timeout: Duration,
    redirects: Redirects,
    proxies: ProxyRules,
}

impl Settings {
    fn client(&self, read_timeout: Option<Duration>) -> Result<Client> {
        let mut builder = Client::builder()
            .user_agent(&self.user_agent)
            .tls_backend_preconfigured(self.tls.clone())
            .connect_timeout(self.connect_timeout)
            .tcp_keepalive(Duration::from_secs(30))
            .referer(false)
            .redirect(policy(self.redirects))
            .no_proxy();
        if let Some(timeout) = read_timeout {
            builder = builder.read_timeout(timeout);
        }
        if !self.proxies.is_empty() {
            let rules = self.proxies.clone();
            builder = builder.proxy(reqwest::Proxy::custom(move |url| rules.proxy_for(url).cloned()));
        }
        builder.build().map_err(|error| {
            Error::internal("failed to set up the HTTP client")
                .cause(crate::error::chain(&error.without_url()))
        })
    }
}

fn policy(redirects: Redirects) -> redirect::Policy {
    match redirects {
        Redirects::Follow(most) => redirect::Policy::limited(most),
        Redirects::None => redirect::Policy::none(),
        Redirects::SameOrigin(most) => redirect::Policy::custom(move |attempt| {
            let first = attempt.previous().first().map(reqwest::Url::origin);
            if first.is_some_and(|first| first != attempt.url().origin()) {
                let target = failure::origin(attempt.url());
                return attempt.error(format!("a redirect leads to another server, {target}"));
            }
            redirect::Policy::limited(most).redirect(attempt)
        }),
    }
}

struct Shared {
    settings: Settings,
    retries: Retries,
    /// The client for bodies that are sent as they are made: reqwest's read timeout would end any that takes longer.
    #[cfg(feature = "reqwest")]
    uploads: std::sync::OnceLock<Client>,
}

/// An HTTP client.
#[derive(Clone)]
pub struct HttpClient {
    inner: Client,
    shared: Arc<Shared>,
}

impl HttpClient {
    fn error(&self, error: &reqwest::Error) -> Error {
        let proxy = error
            .url()
            .and_then(|url| self.shared.settings.proxies.proxy_for(url));
        failure::explain(error, proxy)
    }

    async fn send(&self, request: Request, safe: bool) -> Result<Response> {
        let response = retry::send(&self.inner, request, safe, &self.shared.retries).await;
        self.accepted(response.map_err(|error| self.error(&error))?)
    }

    fn built(&self, request: RequestBuilder) -> Result<Request> {
        request.build().map_err(|error| self.error(&error))
    }

    /// A proxy that wants a login answers in the server's place.
    fn accepted(&self, response: Response) -> Result<Response> {
        if response.status() != reqwest::StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Ok(response);
        }
        let proxy = self.shared.settings.proxies.proxy_for(response.url());
        Err(failure::proxy_login(response.url(), proxy))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("user_agent", &self.shared.settings.user_agent)
            .finish_non_exhaustive()
    }
}
