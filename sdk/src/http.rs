//! The one kind of HTTP client that all resources use.

// SKELETON: the network helper writes it; design.md section 3 "Network".

use std::time::Duration;

use crate::error::Result;

/// What a client is made with. Made by `Context::http`.
#[derive(Clone, Default)]
pub struct HttpOptions {
    _private: (),
}
impl HttpOptions {
    /// Trusts these PEM certificates too.
    #[must_use]
    pub fn ca(self, pem: &str) -> Self { let _ = pem; self }
    /// Accepts any certificate.
    #[must_use]
    pub fn skip_verification(self, skip: bool) -> Self { let _ = skip; self }
    /// Fails when no byte arrives for this long.
    #[must_use]
    pub fn idle_timeout(self, timeout: Duration) -> Self { let _ = timeout; self }
    /// Builds the client; loads CA roots only when the first TLS connection needs them or here if unavoidable.
    pub fn build(self) -> Result<HttpClient> { unimplemented!() }
}

/// An HTTP client.
#[derive(Clone)]
pub struct HttpClient {
    inner: reqwest::Client,
}
impl HttpClient {
    /// The client itself, for requests that are not to be repeated or are streamed.
    #[must_use]
    pub fn client(&self) -> &reqwest::Client { &self.inner }
    /// Sends a request that is safe to repeat: jittered backoff on connection failures and 429/502/503/504, `Retry-After`
    /// honoured, bounded.
    pub async fn send_retrying(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> { let _ = request; unimplemented!() }
}
