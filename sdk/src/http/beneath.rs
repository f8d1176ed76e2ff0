//! The client beneath, for what [`HttpRequest`](super::HttpRequest) does not do (feature `reqwest`).

use reqwest::{Client, RequestBuilder, Response};

use super::failure::{self, was_sent};
use super::retry::is_transient;
use super::{HttpClient, Reply, Silence, upload};
use crate::error::{Error, Result};

/// What a failed request means, in words, without login, path and query of any address: they may be secret.
#[must_use]
pub fn explain(error: &reqwest::Error) -> Error {
    failure::explain(error, None)
}

impl HttpClient {
    /// The client itself: it makes requests, and sends those that are not to be repeated.
    ///
    /// The idle timeout runs until the response begins: bodies that take long to send want
    /// [`HttpClient::send_streaming`].
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner
    }

    /// Sends a request, again if that is safe.
    ///
    /// What fails to connect, or is answered with 429, is sent again; what breaks on the way or is answered with 502, 503
    /// or 504 only if its method is idempotent (see [`HttpClient::send_repeatable`]). Waits with jittered backoff, or as
    /// long as `Retry-After` says if that is within bounds. A body that is a stream is sent once. The last response is
    /// returned whatever its status. Dropping the future ends it at any point.
    pub async fn send_retrying(&self, request: RequestBuilder) -> Result<Response> {
        let request = self.built(request)?;
        let safe = request.method().is_idempotent();
        self.send(request, safe).await
    }

    /// Sends a request that changes nothing on the other side although its method would allow it to, such as a query by
    /// POST; otherwise like [`HttpClient::send_retrying`].
    pub async fn send_repeatable(&self, request: RequestBuilder) -> Result<Response> {
        let request = self.built(request)?;
        self.send(request, true).await
    }

    /// Sends a request once, its body as it is made.
    ///
    /// The idle timeout runs while the server takes nothing from the body, or stops in the middle of its own; never while
    /// the body itself is being waited for. The answer to the whole body may take five times as long, and may come before
    /// all of it was taken.
    pub async fn send_streaming<S>(&self, request: RequestBuilder, body: S) -> Result<Response>
    where
        S: futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static,
    {
        let request = self.built(request)?;
        let client = self.uploads()?;
        let url = request.url().clone();
        let sent = upload::send(client, request, body, self.shared.settings.idle_timeout).await;
        let response = sent.map_err(|stopped| match stopped {
            upload::Stopped::Failed(error) => self.error(&error),
            upload::Stopped::Idle => failure::idle(&url),
        })?;
        self.accepted(response)
    }

    /// What a failure of this client means, in words: like [`explain`], and names the proxy that was used.
    #[must_use]
    pub fn explain(&self, error: &reqwest::Error) -> Error {
        self.error(error)
    }

    /// What a failure of this client means for a request that must not be done twice.
    #[must_use]
    pub fn silence(&self, error: &reqwest::Error) -> Silence {
        Silence {
            error: self.error(error),
            may_have_arrived: was_sent(error),
            is_transient: is_transient(error),
        }
    }

    /// The client for streamed bodies, made when it is first needed.
    fn uploads(&self) -> Result<&Client> {
        if let Some(client) = self.shared.uploads.get() {
            return Ok(client);
        }
        let client = self.shared.settings.client(None)?;
        Ok(self.shared.uploads.get_or_init(|| client))
    }
}

impl Reply {
    /// Reads an answer up to about `most` bytes; also answers what broke it off, if something did.
    pub async fn read(mut response: Response, most: usize) -> (Self, Option<reqwest::Error>) {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes = Vec::new();
        let mut broken = None;
        while bytes.len() < most {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let reply = Self {
            status,
            headers,
            body,
        };
        (reply, broken)
    }
}
