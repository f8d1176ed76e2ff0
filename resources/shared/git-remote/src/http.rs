//! Smart HTTP (gitprotocol-http) over the SDK's client.

use std::io::{self, BufRead};
use std::time::SystemTime;

use base64::Engine as _;
use bytes::Bytes;
use concourse_resource_sdk::Secret;
use concourse_resource_sdk::console::Console;
use concourse_resource_sdk::http::HttpClient;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use url::Url;

use crate::byte_channel::{self, ByteReader};
use crate::error::{Error, Result};
use crate::streamed_body;
use crate::wire::{Body, Service, Wire};
use crate::{HttpClientSource, Login, LoginPlace, Uri};

/// A git server behind HTTP(S). Every request stands for itself.
pub(crate) struct Http {
    source: HttpClientSource,
    client: Option<HttpClient>,
    /// What the login is bound to: it goes nowhere else, not where a redirect points to either.
    origin: url::Origin,
    /// The repository, where redirects led to.
    base: Url,
    login: Option<Offer>,
    headers: HeaderMap,
    log: Console,
    /// The server's clock, when it last answered.
    date: Option<SystemTime>,
    runtime: Handle,
}

/// A login, as a header.
struct Offer {
    header: HeaderValue,
    place: LoginPlace,
    /// A user without a password is no login for who lets everybody in: it is sent when it is asked for.
    is_sent: bool,
}

/// Lines, and bytes, of what a server says to people that are shown.
const MOST_LINES: usize = 20;
const MOST_WORDS: usize = 4096;

impl Http {
    pub(crate) fn new(
        base: Url,
        login: Option<(Login, LoginPlace)>,
        headers: &[(String, Secret)],
        (source, log): (HttpClientSource, Console),
    ) -> Result<Self> {
        let login = login.map(|(login, place)| -> Result<Offer> {
            Ok(Offer {
                header: authorization(&login)?,
                place,
                is_sent: !login.password.expose().is_empty(),
            })
        });
        let login = login.transpose()?;
        Ok(Self {
            log,
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
            Some(login) if login.is_sent => request.header(AUTHORIZATION, login.header.clone()),
            _ => request,
        };
        request.headers(self.headers.clone())
    }

    fn checked(&mut self, response: Response, wanted: &str) -> Result<Response> {
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        self.date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let status = response.status();
        let url = without_query(response.url());
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let is_ours = response.url().origin() == self.origin;
        if status.is_client_error() {
            self.show_words(response);
        } else if status.is_success() {
            return is_kind(response, wanted).ok_or(Error::NotGit { url });
        }
        if matches!(status, StatusCode::UNAUTHORIZED) {
            let sent = self.login.as_ref().filter(|login| is_ours && login.is_sent);
            return Err(Error::Login {
                host,
                sent: sent.map(|login| login.place),
            });
        }
        Err(Error::Status {
            url: without_query(&self.base),
            status: status.as_u16(),
        })
    }

    /// Shows what a server says to people, as git does: there it explains single sign-on, lists of addresses and the like.
    fn show_words(&self, response: Response) {
        if kind(&response) != "text/plain" {
            return;
        }
        let words = self.runtime.block_on(async {
            let (mut response, mut words) = (response, Vec::new());
            while let Ok(Some(piece)) = response.chunk().await {
                words.extend_from_slice(&piece);
                if words.len() >= MOST_WORDS {
                    break;
                }
            }
            words
        });
        let text = String::from_utf8_lossy(&words).into_owned();
        for line in text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(MOST_LINES)
        {
            self.log.line(format!("remote: {}", line.trim_end()));
        }
    }

    /// Whether another attempt may be let in: by a user that was held back, or at the same host behind TLS, to which the login goes, too.
    fn may_do_better(&mut self, response: &Response) -> bool {
        if response.status() != StatusCode::UNAUTHORIZED || self.login.is_none() {
            return false;
        }
        let found = response.url().clone();
        if found.origin() != self.origin {
            if !is_upgrade(&self.origin, &found) {
                return false;
            }
            self.origin = found.origin();
            self.follow(&found);
            return true;
        }
        self.login
            .as_mut()
            .is_some_and(|login| !std::mem::replace(&mut login.is_sent, true))
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

    fn body(&self, response: Response) -> ByteReader {
        let (sender, pieces) = byte_channel::channel();
        self.runtime.spawn(pump(response, sender));
        pieces
    }
}

impl Wire for Http {
    fn advertise(&mut self, service: Service, version_2: bool) -> Result<Box<dyn BufRead + Send + '_>> {
        let mut response = self.ask_for_refs(service, version_2)?;
        // Two things may do better, one after the other.
        for _ in 0..2 {
            if !self.may_do_better(&response) {
                break;
            }
            response = self.ask_for_refs(service, version_2)?;
        }
        if is_upgrade(&self.origin, response.url()) {
            self.origin = response.url().origin();
        }
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
            Body::Written(write) => streamed_body::send(client, request, &self.runtime, write)?,
        };
        let response = self.checked(response, &format!("application/x-{}-result", service.name()))?;
        Ok(Box::new(self.body(response)))
    }

    fn server_time(&self) -> Option<SystemTime> {
        self.date
    }
}

impl Http {
    /// Asks for the refs, which also tells where the repository is.
    fn ask_for_refs(&mut self, service: Service, version_2: bool) -> Result<Response> {
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
        Ok(self.runtime.block_on(client.send_retrying(request))?)
    }
}

/// Whether an address is the same host, behind TLS: servers redirect to it from plain HTTP, and git's login goes along.
fn is_upgrade(from: &url::Origin, to: &Url) -> bool {
    match (from, to.origin()) {
        (url::Origin::Tuple(from_scheme, from_host, _), url::Origin::Tuple(scheme, host, _)) => {
            from_scheme == "http" && scheme == "https" && *from_host == host
        }
        _ => false,
    }
}

/// The type of what is answered.
fn kind(response: &Response) -> &str {
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim()
}

fn is_kind(response: Response, wanted: &str) -> Option<Response> {
    (kind(&response) == wanted).then_some(response)
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
    Uri::new(url).to_string()
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
