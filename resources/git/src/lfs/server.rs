//! A server of objects: what it is asked, and by whom.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::http::{HttpClient, Redirects, Reply, origin};
use concourse_resource_sdk::{Context, Error, Result};
use git_remote::{Login, Target, Uri};
use git_source::{GIT_EXIT, Location};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use url::Url;

use super::batch::{Action, Answer, Authenticated, Object, Reference, Refusal, Request, Wanted};
use super::endpoint::{self, Endpoint, Operation};
use super::pointer::Pointer;

pub(super) const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";
/// Objects that are asked for at a time, as by git-lfs.
pub(super) const BATCH: usize = 100;
/// Values of headers that are no longer are no secrets, but words such as `chunked`.
const SHORT: usize = 16;
const MOST_ANSWER: usize = 16 << 20;
const MOST_WORDS: usize = 4096;
const MOST_REDIRECTS: usize = 5;

/// A server of objects, for one operation.
pub(super) struct Server<'a> {
    cx: &'a Context,
    /// For requests whose headers may go along with redirects.
    http: HttpClient,
    /// For requests with headers of the server's own.
    bound: HttpClient,
    endpoint: Url,
    /// What goes to the endpoint's origin, and nowhere else.
    headers: HeaderMap,
    operation: Operation,
}

impl<'a> Server<'a> {
    /// The server of an endpoint that is not in this file system.
    pub(super) fn open(
        cx: &'a Context,
        location: &Location,
        endpoint: &Endpoint,
        operation: Operation,
    ) -> Result<Self> {
        let (url, login, given) = match endpoint {
            Endpoint::Ssh(uri) => authenticated(cx, location, uri, operation)?,
            Endpoint::Http(url, login) => (url.clone(), login.clone(), HashMap::new()),
            Endpoint::Local(path) => {
                return Err(Error::internal(format!("{} is no server", path.display())));
            }
        };
        let (options, extra) = location.http(cx, &Uri::new(url.as_str()))?;
        let mut headers = HeaderMap::new();
        let login = login.or_else(|| login_for(&url, location));
        if let Some(login) = login {
            let pair = format!("{}:{}", login.username, login.password.expose());
            cx.log().redact(login.password.expose());
            cx.log().redact(&pair);
            let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
            add(cx, &mut headers, AUTHORIZATION.as_str(), &value)?;
        }
        for (name, value) in extra.iter().map(|(name, value)| (name.as_str(), value.expose())) {
            add(cx, &mut headers, name, value)?;
        }
        for (name, value) in &given {
            add(cx, &mut headers, name, value)?;
        }
        Ok(Self {
            cx,
            http: options.clone().build()?,
            bound: options.redirects(Redirects::SameOrigin(MOST_REDIRECTS)).build()?,
            endpoint: url,
            headers,
            operation,
        })
    }

    /// Where it is, for people.
    pub(super) fn name(&self) -> String {
        format!("{}{}", origin(&self.endpoint), self.endpoint.path())
    }

    /// What is to be done with up to [`BATCH`] objects, by their ids.
    pub(super) async fn batch(
        &self,
        objects: &[&Pointer],
        reference: Option<&str>,
    ) -> Result<HashMap<String, Object>> {
        let request = Request {
            operation: self.operation.name(),
            transfers: ["basic"],
            reference: reference.map(|name| Reference { name }),
            objects: objects
                .iter()
                .map(|pointer| Wanted {
                    oid: pointer.id.as_str(),
                    size: pointer.size,
                })
                .collect(),
            hash_algo: "sha256",
        };
        let body = serde_json::to_vec(&request)
            .map_err(|error| Error::internal("failed to ask for LFS objects").cause(error))?;
        let mut url = self.endpoint.clone();
        url.set_path(&format!(
            "{}/objects/batch",
            self.endpoint.path().trim_end_matches('/')
        ));
        let request = self.bound.client().post(url).headers(self.headers.clone());
        let request = request
            .header(ACCEPT, MEDIA_TYPE)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .body(body);
        // Asking changes nothing on the other side: it may be repeated.
        let response = self
            .bound
            .send_repeatable(request)
            .await
            .map_err(|error| self.failed(error))?;
        let (reply, broken) = Reply::read(response, MOST_ANSWER).await;
        if let Some(broken) = broken {
            return Err(self.failed(self.bound.explain(&broken)));
        }
        if !reply.status.is_success() {
            return Err(self.refused(&reply));
        }
        let answer: Answer = serde_json::from_str(&reply.body)
            .map_err(|error| self.failed(format!("its answer cannot be read: {error}")))?;
        if let Some(transfer) = answer.transfer.filter(|transfer| transfer != "basic") {
            let transfer = transfer.escape_debug();
            return Err(self.failed(format!(
                "it wants the transfer \"{transfer}\", and was asked for \"basic\""
            )));
        }
        Ok(answer
            .objects
            .into_iter()
            .map(|object| (object.oid.clone(), object))
            .collect())
    }

    /// A request that the server said to make, with its headers, and the client to make it with.
    pub(super) fn request(
        &self,
        method: Method,
        action: &Action,
        authenticated: bool,
    ) -> Result<(&HttpClient, RequestBuilder)> {
        let url = Url::parse(&action.href)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                self.failed(format!(
                    "it names \"{}\", which is no address",
                    action.href.escape_debug()
                ))
            })?;
        let mut headers = HeaderMap::new();
        for (name, value) in action.header.iter().flatten() {
            add(self.cx, &mut headers, name, value)?;
        }
        // As git-lfs does: what has its own authorization needs none of ours, and ours goes to the server that was asked only.
        let is_own = url.origin() == self.endpoint.origin();
        if is_own && !authenticated && !headers.contains_key(AUTHORIZATION) {
            for (name, value) in &self.headers {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        }
        let client = if headers.is_empty() {
            &self.http
        } else {
            &self.bound
        };
        Ok((client, client.client().request(method, url).headers(headers)))
    }

    /// The server cannot be used.
    pub(super) fn failed(&self, cause: impl fmt::Display) -> Error {
        Error::remote(format!("failed to ask {} for LFS objects", self.name()))
            .cause(cause)
            .exit(GIT_EXIT)
    }

    fn refused(&self, reply: &Reply) -> Error {
        let said: Refusal = serde_json::from_str(&reply.body).unwrap_or_default();
        let said = shortened(&said.message);
        let status = reply.status;
        let error = self.failed(if said.is_empty() {
            format!("it answered {status}")
        } else {
            format!("it answered {status}: {said}")
        });
        match status {
            StatusCode::UNAUTHORIZED if self.headers.contains_key(AUTHORIZATION) => {
                error.hint("see source.username and source.password: the server does not accept them")
            }
            StatusCode::UNAUTHORIZED => error.hint("set source.username and source.password"),
            StatusCode::NOT_FOUND => {
                error.hint("is Git LFS enabled on the server? lfs.url in git_config names another one")
            }
            _ => error,
        }
    }
}

/// What a server says to people, as far as it is shown.
pub(super) fn shortened(words: &str) -> String {
    words
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST_WORDS)
        .collect()
}

/// CONTRACT 7: the source's login goes to the hosts that the uri or `.lfsconfig` name, over TLS or the uri's own scheme.
fn login_for(url: &Url, location: &Location) -> Option<Login> {
    let own = Target::of(&location.uri).ok();
    let (own_url, in_address) = match own {
        Some(Target::Http(url, login)) => (Some(url), login),
        _ => (None, None),
    };
    let is_there = own_url.as_ref().is_some_and(|own| own.origin() == url.origin());
    let is_safe = url.scheme() == "https" || own_url.is_some_and(|own| own.scheme() == url.scheme());
    in_address
        .filter(|_| is_there)
        .or_else(|| location.login().cloned().filter(|_| is_safe))
}

type Authentication = (Url, Option<Login>, HashMap<String, String>);

/// What `git-lfs-authenticate` on an SSH server says: where the objects are, and headers that let in.
fn authenticated(
    cx: &Context,
    location: &Location,
    uri: &Uri,
    operation: Operation,
) -> Result<Authentication> {
    let options = location.ssh().clone();
    let answer = git_remote::ask_over_ssh(
        uri,
        options,
        cx.log().clone(),
        "git-lfs-authenticate",
        operation.name(),
    )?;
    let wrong = |cause: String| {
        Error::remote(format!(
            "git-lfs-authenticate on {uri} has answered what cannot be used"
        ))
        .cause(cause)
        .exit(GIT_EXIT)
    };
    let answer: Authenticated = serde_json::from_slice(&answer).map_err(|error| wrong(error.to_string()))?;
    let url = if answer.href.is_empty() {
        match Target::of(uri)? {
            Target::Ssh(host, path) => endpoint::secure(&host, &path).map(endpoint::below),
            _ => None,
        }
    } else {
        Url::parse(&answer.href).ok()
    };
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| wrong(format!("\"{}\" is no address", answer.href.escape_debug())))?;
    Ok((url, None, answer.header.unwrap_or_default()))
}

/// Adds a header, whose value is a secret.
fn add(cx: &Context, headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let wrong = || {
        Error::remote(format!(
            "\"{}\" is no header that can be sent",
            name.escape_debug()
        ))
    };
    let name = HeaderName::try_from(name).map_err(|_| wrong())?;
    let mut content = HeaderValue::try_from(value).map_err(|_| wrong())?;
    if name == AUTHORIZATION || value.len() > SHORT {
        cx.log().redact(value);
        content.set_sensitive(true);
    }
    headers.insert(name, content);
    Ok(())
}
