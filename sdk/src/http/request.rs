//! Requests and responses, without the types of the client beneath.

use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::failure::place;
use super::{HeaderMap, HttpClient, Method, StatusCode};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// How much is read of the body of a response that is no success.
const MOST_OF_A_FAILURE: usize = 64 * 1024;
/// How much of it is shown.
const MOST_SHOWN: usize = 200;

/// A request that is being made: [`HttpClient::get`] and its like begin one. What is wrong with its parts is told when it is sent.
#[must_use = "a request does nothing until it is sent"]
pub struct HttpRequest<'c> {
    client: &'c HttpClient,
    method: Method,
    builder: Result<reqwest::RequestBuilder>,
    may_repeat: bool,
}

impl HttpClient {
    /// Begins a GET.
    pub fn get(&self, url: impl AsRef<str>) -> HttpRequest<'_> {
        self.request(Method::GET, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: impl AsRef<str>) -> HttpRequest<'_> {
        self.request(Method::POST, url)
    }

    /// Begins a PUT.
    pub fn put(&self, url: impl AsRef<str>) -> HttpRequest<'_> {
        self.request(Method::PUT, url)
    }

    /// Begins a PATCH.
    pub fn patch(&self, url: impl AsRef<str>) -> HttpRequest<'_> {
        self.request(Method::PATCH, url)
    }

    /// Begins a DELETE.
    pub fn delete(&self, url: impl AsRef<str>) -> HttpRequest<'_> {
        self.request(Method::DELETE, url)
    }

    /// Begins a request with any method.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> HttpRequest<'_> {
        let address = Url::parse(url.as_ref()).map_err(|error| {
            // Not the address: a login may stand in it.
            Error::config("url", format!("is no address: {error}"))
        });
        HttpRequest {
            client: self,
            may_repeat: method.is_idempotent(),
            builder: address.map(|address| self.inner.request(method.clone(), address)),
            method,
        }
    }
}

impl HttpRequest<'_> {
    fn with(mut self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        self.builder = self.builder.map(change);
        self
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|builder| builder.header(name, value))
    }

    /// Logs in with a token: `Authorization: Bearer …`. Blanks around it are no part of it.
    pub fn bearer(self, token: &Secret) -> Self {
        self.with(|builder| builder.bearer_auth(token.expose().trim()))
    }

    /// Logs in with a name and a password.
    pub fn basic(self, name: &str, password: &Secret) -> Self {
        self.with(|builder| builder.basic_auth(name, Some(password.expose())))
    }

    /// Adds to the query, encoded: pairs, a map or a struct.
    pub fn query(self, query: &(impl Serialize + ?Sized)) -> Self {
        self.with(|builder| builder.query(query))
    }

    /// Sends JSON.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.with(|builder| builder.json(body))
    }

    /// Sends a form.
    pub fn form(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.with(|builder| builder.form(body))
    }

    /// Sends a text or bytes.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(|builder| builder.body(body.into()))
    }

    /// Says that the request changes nothing on the other side although its method would allow it to, such as a query by POST: it is sent again
    /// where a GET would be.
    pub fn may_repeat(mut self) -> Self {
        self.may_repeat = true;
        self
    }

    /// Sends it, again if that is safe, and answers the last response, whatever its status.
    ///
    /// What fails to connect, or is answered with 429, is sent again; what breaks on the way or is answered with 502, 503 or 504 only if the
    /// method is idempotent (RFC 9110, 9.2.2). Waits with jittered backoff, or as long as `Retry-After` says if that is within bounds.
    pub async fn send(self) -> Result<HttpResponse> {
        let request = self.client.built(self.builder?)?;
        let response = self.client.send(request, self.may_repeat).await?;
        Ok(HttpResponse::new(self.client.clone(), self.method, response).await)
    }
}

/// A response whose body may still be on its way.
pub struct HttpResponse {
    client: HttpClient,
    method: Method,
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Body,
}

enum Body {
    Coming(reqwest::Response),
    /// Of what is no success: all of it that is of use.
    Here(Vec<u8>),
}

impl HttpResponse {
    async fn new(client: HttpClient, method: Method, mut response: reqwest::Response) -> Self {
        let (status, url, headers) = (
            response.status(),
            response.url().clone(),
            response.headers().clone(),
        );
        let body = if status.is_success() {
            Body::Coming(response)
        } else {
            let mut read = Vec::new();
            // Where it breaks off, there is that much to say.
            while let Ok(Some(chunk)) = response.chunk().await {
                read.extend_from_slice(&chunk);
                if read.len() >= MOST_OF_A_FAILURE {
                    break;
                }
            }
            Body::Here(read)
        };
        Self {
            client,
            method,
            status,
            headers,
            url,
            body,
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; none if it is not there or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The response if its status is 2xx, else a failure of the other side that names what was asked for, the status and the first line of a
    /// text that came with it.
    pub fn success(self) -> Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let mut text = format!(
            "{} {} was answered with {}",
            self.method,
            place(&self.url),
            self.status
        );
        if let Body::Here(body) = &self.body
            && let Some(line) = first_line(body)
        {
            text.push_str(": ");
            text.push_str(&line);
        }
        Err(Error::remote(text))
    }

    /// The whole body as JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let text = format!(
            "{} {} was answered with JSON of another kind",
            self.method,
            place(&self.url)
        );
        let body = self.bytes().await?;
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&body))
            .map_err(|error| Error::remote(text).cause(error))
    }

    /// The whole body as text; what is no UTF-8 is replaced.
    pub async fn text(self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// The next piece of the body; none at its end. For what is too big for the memory.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        match &mut self.body {
            Body::Here(body) => Ok(Some(std::mem::take(body)).filter(|body| !body.is_empty())),
            Body::Coming(response) => {
                let chunk = response
                    .chunk()
                    .await
                    .map_err(|error| self.client.error(&error))?;
                Ok(chunk.map(|chunk| chunk.to_vec()))
            }
        }
    }
}

/// The first line of a body that is text, cut where it becomes long.
fn first_line(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    // A page of HTML says nothing in its first line.
    if line.starts_with('<') {
        return None;
    }
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = line.chars().take(MOST_SHOWN).map(clean).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    Some(shown)
}
