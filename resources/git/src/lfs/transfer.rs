//! Objects on their way: each by a request of its own, several at a time.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use bytes::Bytes;
use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::console::Progress;
use concourse_resource_sdk::http::Reply;
use concourse_resource_sdk::{Context, Error, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use git_source::{GIT_EXIT, local_failure};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, Response};

use super::batch::{Action, Object};
use super::pointer::Pointer;
use super::server::{BATCH, Server, shortened};
use super::store::{Incoming, Store};

/// Requests at a time, as by git-lfs.
const TOGETHER: usize = 8;
/// How often a transfer that breaks off is begun.
const ATTEMPTS: usize = 3;
/// Bytes of an answer that is not wanted.
const MOST_WORDS: usize = 4096;
/// What is sent in one go.
const PIECE: usize = 256 * 1024;

/// A file of the commit whose content is an object.
#[derive(Debug, Clone)]
pub(super) struct Needed {
    pub(super) path: String,
    pub(super) pointer: Pointer,
}

/// Transfers between a server and the store of the repository.
pub(super) struct Transfer<'a> {
    pub(super) cx: &'a Context,
    pub(super) server: &'a Server<'a>,
    pub(super) store: &'a Store,
}

impl Transfer<'_> {
    /// Downloads objects.
    pub(super) async fn download(&self, needed: &[Needed]) -> Result<()> {
        let progress = self.cx.progress("Downloading LFS objects", Some(total(needed)));
        for batch in needed.chunks(BATCH) {
            let pointers: Vec<&Pointer> = batch.iter().map(|needed| &needed.pointer).collect();
            let found = self.server.batch(&pointers, None).await?;
            let all = batch.iter().map(|needed| {
                let object = found.get(needed.pointer.id.as_str());
                self.download_one(object, needed, &progress)
            });
            stream::iter(all)
                .buffer_unordered(TOGETHER)
                .try_collect::<Vec<()>>()
                .await?;
        }
        Ok(())
    }

    async fn download_one(
        &self,
        object: Option<&Object>,
        needed: &Needed,
        progress: &Progress,
    ) -> Result<()> {
        let object = known(object, needed)?;
        let action = object
            .actions
            .as_ref()
            .and_then(|actions| actions.download.as_ref());
        let action = action.ok_or_else(|| lost(needed, "the server does not say where it is"))?;
        for attempt in 1.. {
            let response = self.get(action, object.authenticated, needed).await?;
            let mut incoming = self.store.begin(&needed.pointer).map_err(unwritable(needed))?;
            match self.receive(response, &mut incoming, needed, progress).await {
                Ok(()) => {
                    if incoming.keep().map_err(unwritable(needed))? {
                        return Ok(());
                    }
                    return Err(lost(needed, "what the server sent is not what the pointer says"));
                }
                Err(Broken::Off(why)) if attempt == ATTEMPTS => return Err(lost(needed, why)),
                Err(Broken::Off(_)) => {}
                Err(Broken::Here(error)) => return Err(error),
            }
        }
        Ok(())
    }

    async fn get(&self, action: &Action, authenticated: bool, needed: &Needed) -> Result<Response> {
        let (client, request) = self.server.request(Method::GET, action, authenticated)?;
        let response = client.send_retrying(request).await;
        let response = response.map_err(|error| lost(needed, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        Err(lost(needed, format!("the server answered {status}")))
    }

    async fn receive(
        &self,
        mut response: Response,
        incoming: &mut Incoming,
        needed: &Needed,
        progress: &Progress,
    ) -> Result<(), Broken> {
        loop {
            if self.cx.is_cancelled() {
                return Err(Broken::Here(git_remote::Error::Interrupted.into()));
            }
            match response.chunk().await {
                Ok(Some(piece)) => {
                    incoming
                        .write_all(&piece)
                        .map_err(|error| Broken::Here(unwritable(needed)(error)))?;
                    progress.add(piece.len() as u64);
                    if incoming.is_too_large() {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    return Err(Broken::Off(concourse_resource_sdk::error::chain(
                        &error.without_url(),
                    )));
                }
            }
        }
    }

    /// Uploads the objects that the server does not have.
    pub(super) async fn upload(&self, needed: &[Needed], reference: Option<&str>) -> Result<()> {
        let progress = self.cx.progress("Uploading LFS objects", Some(total(needed)));
        let mut missing = Vec::new();
        for batch in needed.chunks(BATCH) {
            let pointers: Vec<&Pointer> = batch.iter().map(|needed| &needed.pointer).collect();
            let found = self.server.batch(&pointers, reference).await?;
            let mut wanted = Vec::new();
            for needed in batch {
                let object = known(found.get(needed.pointer.id.as_str()), needed)?;
                match object
                    .actions
                    .as_ref()
                    .and_then(|actions| actions.upload.as_ref())
                {
                    // It has it.
                    None => progress.add(needed.pointer.size),
                    Some(_) if self.store.open(&needed.pointer).is_none() => missing.push(needed),
                    Some(action) => wanted.push((needed, object, action)),
                }
            }
            if !missing.is_empty() {
                continue;
            }
            let all = wanted
                .into_iter()
                .map(|(needed, object, action)| self.upload_one(object, action, needed, &progress));
            stream::iter(all)
                .buffer_unordered(TOGETHER)
                .try_collect::<Vec<()>>()
                .await?;
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(absent(&missing))
        }
    }

    async fn upload_one(
        &self,
        object: &Object,
        action: &Action,
        needed: &Needed,
        progress: &Progress,
    ) -> Result<()> {
        for attempt in 1.. {
            if self.cx.is_cancelled() {
                return Err(git_remote::Error::Interrupted.into());
            }
            let file = self
                .store
                .open(&needed.pointer)
                .ok_or_else(|| absent(&[needed]))?;
            let (client, request) = self.server.request(Method::PUT, action, object.authenticated)?;
            let mut request = request.header(CONTENT_LENGTH, needed.pointer.size);
            let says_type = |name: &String| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str());
            if !action.header.iter().flatten().any(|(name, _)| says_type(name)) {
                request = request.header(CONTENT_TYPE, "application/octet-stream");
            }
            match client.send_streaming(request, pieces(file)).await {
                Ok(response) if response.status().is_success() => break,
                Ok(response) if attempt == ATTEMPTS || !response.status().is_server_error() => {
                    return Err(refused(needed, response).await);
                }
                Err(error) if attempt == ATTEMPTS => return Err(not_sent(needed, error)),
                Ok(_) | Err(_) => {}
            }
        }
        progress.add(needed.pointer.size);
        match object
            .actions
            .as_ref()
            .and_then(|actions| actions.verify.as_ref())
        {
            Some(action) => self.verify(action, object.authenticated, needed).await,
            None => Ok(()),
        }
    }

    /// Tells the server that the object is there, which looks at it then.
    async fn verify(&self, action: &Action, authenticated: bool, needed: &Needed) -> Result<()> {
        let (client, request) = self.server.request(Method::POST, action, authenticated)?;
        let body = serde_json::json!({ "oid": needed.pointer.id.as_str(), "size": needed.pointer.size });
        let request = request
            .header(ACCEPT, super::server::MEDIA_TYPE)
            .header(CONTENT_TYPE, super::server::MEDIA_TYPE)
            .body(body.to_string());
        let response = client
            .send_repeatable(request)
            .await
            .map_err(|error| not_sent(needed, error))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(refused(needed, response).await)
    }
}

/// Why a download ended early.
enum Broken {
    /// Another attempt may do better.
    Off(String),
    /// It may not.
    Here(Error),
}

fn total(needed: &[Needed]) -> u64 {
    needed
        .iter()
        .fold(0, |total, needed| needed.pointer.size.saturating_add(total))
}

/// What the server says of an object, unless that is an error.
fn known<'a>(object: Option<&'a Object>, needed: &Needed) -> Result<&'a Object> {
    let object = object.ok_or_else(|| lost(needed, "the server says nothing of it"))?;
    match &object.error {
        None => Ok(object),
        Some(error) => Err(lost(
            needed,
            format!("{} (code {})", shortened(&error.message), error.code),
        )),
    }
}

/// An object that cannot be had.
pub(super) fn lost(needed: &Needed, cause: impl std::fmt::Display) -> Error {
    let Needed { path, pointer } = needed;
    Error::remote(format!("failed to get the LFS object {} of {path}", pointer.id))
        .cause(cause)
        .exit(GIT_EXIT)
}

/// Objects that are to be pushed and are not here.
pub(super) fn absent(missing: &[&Needed]) -> Error {
    let names: Vec<String> = missing
        .iter()
        .take(MOST_NAMED)
        .map(|needed| format!("{} ({})", needed.path, needed.pointer.id))
        .collect();
    let more = missing.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Error::internal("LFS objects of the commits to push are neither here nor on the server")
        .cause(format!("{}{more}", names.join(", ")))
        .hint("commit such files with git-lfs, in the repository that is pushed")
}

/// How many missing objects are named.
const MOST_NAMED: usize = 10;

async fn refused(needed: &Needed, response: Response) -> Error {
    let (reply, _) = Reply::read(response, MOST_WORDS).await;
    let said: super::batch::Refusal = serde_json::from_str(&reply.body).unwrap_or_default();
    not_sent(
        needed,
        format!(
            "the server answered {}: {}",
            reply.status,
            shortened(&said.message)
        ),
    )
}

fn not_sent(needed: &Needed, cause: impl std::fmt::Display) -> Error {
    Error::remote(format!(
        "failed to upload the LFS object {} of {}",
        needed.pointer.id, needed.path
    ))
    .cause(cause)
}

pub(super) fn unwritable(needed: &Needed) -> impl Fn(io::Error) -> Error {
    let text = format!("failed to keep the LFS object {}", needed.pointer.id);
    move |error| local_failure(text.clone(), error)
}

/// A file in pieces.
fn pieces(file: File) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold(Some(file), |file| async {
        let mut file = file?;
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(Bytes::from(piece)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}
