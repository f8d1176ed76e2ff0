//! Smart HTTP (gitprotocol-http) over the SDK's client.

use std::io::{self, BufRead};
use std::time::SystemTime;

use base64::Engine as _;
use bytes::Bytes;
use concourse_resource_sdk::Secret;
use concourse_resource_sdk::http::HttpClient;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use url::Url;

use crate::error::{Error, Result};
use crate::outgoing;
use crate::pieces::{self, Pieces};
use crate::wire::{Body, Service, Wire};
use crate::{HttpClientSource, Login};

/// A git server behind HTTP(S). Every request stands for itself.
pub(crate) struct Http {
    source: HttpClientSource,
    client: Option<HttpClient>,
    /// What the login is bound to: it goes nowhere else, not where a redirect points to either.
    origin: url::Origin,
    /// The repository, where redirects led to.
    base: Url,
    login: Option<HeaderValue>,
    headers: HeaderMap,
    /// The server's clock, when it last answered.
    date: Option<SystemTime>,
    runtime: Handle,
}

impl Http {
    pub(crate) fn new(
        base: Url,
        login: Option<&Login>,
        headers: &[(String, Secret)],
        source: HttpClientSource,
    ) -> Result<Self> {
        let login = login.map(authorization).transpose()?;
        Ok(Self {
            source,
            client: None,
            origin: base.origin(),
            base,
            login,
            headers: headers.iter().map(header).collect::<Result<_>>()?,
            date: None,
            runtime: Handle::current(),
        })
    }

    fn client(&mut self) -> Result<HttpClient> {
        if self.client.is_none() {
            self.client = Some((self.source)()?);
        }
        self.client.clone().ok_or(Error::Interrupted)
    }

    /// The address of a part of the repository.
    fn part(&self, tail: &str) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}/{tail}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    fn authorized(&self, request: RequestBuilder, url: &Url) -> RequestBuilder {
        if url.origin() != self.origin {
            return request;
        }
        let request = match &self.login {
            Some(login) => request.header(AUTHORIZATION, login.clone()),
            None => request,
        };
        request.headers(self.headers.clone())
    }

    fn checked(&mut self, response: Response, wanted: &str) -> Result<Response> {
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        self.date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let status = response.status();
        let url = without_query(response.url());
        if matches!(status, StatusCode::UNAUTHORIZED) {
            let host = response.url().host_str().unwrap_or_default().to_owned();
            let sent = self.login.is_some() && response.url().origin() == self.origin;
            return Err(Error::Login { host, sent });
        }
        if !status.is_success() {
            return Err(Error::Status {
                url: without_query(&self.base),
                status: status.as_u16(),
            });
        }
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if kind.split(';').next().is_some_and(|kind| kind.trim() == wanted) {
            return Ok(response);
        }
        Err(Error::NotGit { url })
    }

    /// Where the refs were found is where the rest is, as for git.
    fn follow(&mut self, found: &Url) {
        if let Some(path) = found.path().strip_suffix("/info/refs") {
            let mut base = found.clone();
            base.set_path(path);
            base.set_query(self.base.query());
            // A redirect may lead to an address with a login in it, which is neither used nor shown.
            let _ = base.set_username("").and_then(|()| base.set_password(None));
            self.base = base;
        }
    }

    fn body(&self, response: Response) -> Pieces {
        let (sender, pieces) = pieces::channel();
        self.runtime.spawn(pump(response, sender));
        pieces
    }
}

impl Wire for Http {
    fn advertise(&mut self, service: Service, version_2: bool) -> Result<Box<dyn BufRead + Send + '_>> {
        let mut url = self.part("info/refs");
        let query = format!("service={}", service.name());
        url.set_query(Some(
            &self
                .base
                .query()
                .map_or(query.clone(), |own| format!("{own}&{query}")),
        ));
        let client = self.client()?;
        let mut request = client.client().get(url.clone()).header(ACCEPT, "*/*");
        if version_2 {
            request = request.header("Git-Protocol", "version=2");
        }
        let request = self.authorized(request, &url);
        let response = self.runtime.block_on(client.send_retrying(request))?;
        let response = self.checked(
            response,
            &format!("application/x-{}-advertisement", service.name()),
        )?;
        self.follow(&response.url().clone());
        Ok(Box::new(self.body(response)))
    }

    fn request(
        &mut self,
        service: Service,
        version_2: bool,
        body: Body<'_>,
    ) -> Result<Box<dyn BufRead + Send + '_>> {
        let url = self.part(service.name());
        let client = self.client()?;
        let mut request = client
            .client()
            .post(url.clone())
            .header(CONTENT_TYPE, format!("application/x-{}-request", service.name()))
            .header(ACCEPT, format!("application/x-{}-result", service.name()));
        if version_2 {
            request = request.header("Git-Protocol", "version=2");
        }
        let request = self.authorized(request, &url);
        let response = match body {
            // Asking changes nothing on the other side: it may be repeated.
            Body::Whole(body) => self
                .runtime
                .block_on(client.send_repeatable(request.body(body)))?,
            Body::Written(write) => outgoing::send(client, request, &self.runtime, write)?,
        };
        let response = self.checked(response, &format!("application/x-{}-result", service.name()))?;
        Ok(Box::new(self.body(response)))
    }

    fn server_time(&self) -> Option<SystemTime> {
        self.date
    }
}

fn authorization(login: &Login) -> Result<HeaderValue> {
    let pair = format!("{}:{}", login.username, login.password.expose());
    let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(value).map_err(|error| Error::Broken(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn header((name, value): &(String, Secret)) -> Result<(HeaderName, HeaderValue)> {
    let wrong = || Error::Broken(format!("\"{name}\" is no header that can be sent"));
    let key = HeaderName::try_from(name).map_err(|_| wrong())?;
    let mut value = HeaderValue::try_from(value.expose()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// An address as it may be shown.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.to_string()
}

async fn pump(mut response: Response, sender: mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => return,
            Err(error) => Err(io::Error::other(concourse_resource_sdk::error::chain(
                &error.without_url(),
            ))),
        };
        let ended = piece.is_err();
        if sender.send(piece).await.is_err() || ended {
            return;
        }
    }
}
