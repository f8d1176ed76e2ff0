//! Fetching an object: in parts at once, straight into the file.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use concourse_resource_sdk::console::Progress;
use concourse_resource_sdk::error::chain;
use concourse_resource_sdk::files::RelativePath;
use concourse_resource_sdk::{Context, Error, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use s3_client::sdk::operation::get_object::GetObjectOutput;
use s3_client::sdk::operation::head_object::HeadObjectOutput;
use s3_client::sdk::types::ChecksumMode;
use s3_client::{Call, S3};

use crate::config::Source;
use crate::integrity::{Expected, PartSum};
use crate::place::{Place, local};

/// How many parts at a time, unless the source says so.
pub(crate) const CONCURRENCY: u32 = 6;
/// How large a part of a download is, unless the source says so.
const PART: u64 = 16 * 1024 * 1024;
/// How much is written at a time.
const PIECE: usize = 1024 * 1024;
/// How often a part is asked for, from where it broke off.
const ATTEMPTS: u32 = 8;

/// An object in the store.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    pub(crate) key: &'a str,
    pub(crate) version: Option<&'a str>,
}

impl<'a> Object<'a> {
    fn call(&self) -> Call<'a> {
        let right = match self.version {
            Some(_) => "s3:GetObjectVersion",
            None => "s3:GetObject",
        };
        Call {
            doing: "getting the object",
            right,
            key: Some(self.key),
        }
    }
}

/// Fetches an object into a file that has its name only once it is whole.
pub(crate) async fn download(
    cx: &Context,
    s3: &S3,
    source: &Source,
    object: &Object<'_>,
    place: &mut Place,
    name: &RelativePath,
) -> Result<()> {
    let head = head(s3, object).await?;
    let (temporary, file) = place.temporary()?;
    let mut beside = place.again()?;
    let left = temporary.clone();
    let guard = cx.on_abort(async move { beside.forget(&left) });
    let fetched = match place.directory.read(&temporary) {
        Ok(reader) => Fetch::new(cx, s3, source, object, &head, file).run(reader).await,
        Err(error) => Err(local(object.key, &error)),
    };
    let named = match fetched {
        Ok(()) => place.rename(&temporary, name),
        Err(error) => Err(error),
    };
    if named.is_err() {
        place.forget(&temporary);
    }
    drop(guard);
    named
}

/// What the store says about an object.
async fn head(s3: &S3, object: &Object<'_>) -> Result<HeadObjectOutput> {
    let answer = s3
        .sending(|client| async move {
            let request = client
                .head_object()
                .bucket(s3.bucket())
                .key(object.key)
                .set_version_id(object.version.map(str::to_owned));
            let request = if s3.is_plain() {
                request
            } else {
                request.checksum_mode(ChecksumMode::Enabled)
            };
            request.send().await
        })
        .await;
    let error = match answer {
        Ok(head) => return Ok(head),
        Err(error) => error,
    };
    if error.raw_response().is_none() {
        return Err(s3.failure(object.call(), &error));
    }
    // The answer to a HEAD has no body that would say why.
    let asked = s3
        .client()
        .get_object()
        .bucket(s3.bucket())
        .key(object.key)
        .set_version_id(object.version.map(str::to_owned))
        .range("bytes=0-0")
        .send()
        .await;
    Err(match asked {
        Err(told) => s3.failure(object.call(), &told),
        Ok(_) => s3.failure(object.call(), &error),
    })
}

/// A fetch that is under way.
struct Fetch<'a> {
    s3: &'a S3,
    object: &'a Object<'a>,
    etag: Option<String>,
    total: u64,
    expected: Option<Expected>,
    file: Arc<File>,
    part: u64,
    concurrency: usize,
    progress: Progress,
}

impl<'a> Fetch<'a> {
    fn new(
        cx: &Context,
        s3: &'a S3,
        source: &Source,
        object: &'a Object<'a>,
        head: &HeadObjectOutput,
        file: File,
    ) -> Self {
        // CONTRACT F17: a store may leave the length out; then all of it is one part.
        let total = head
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        let name = crate::place::base_name(object.key).escape_debug().to_string();
        Self {
            s3,
            object,
            etag: head.e_tag().map(str::to_owned),
            total: total.unwrap_or_default(),
            expected: Expected::of(head),
            file: Arc::new(file),
            part: source.part_size.unwrap_or(PART),
            concurrency: source.concurrency.unwrap_or(CONCURRENCY) as usize,
            progress: cx.progress(&format!("downloading {name}"), total),
        }
    }

    async fn run(self, mut reader: File) -> Result<()> {
        let begins = (0..self.total).step_by(usize::try_from(self.part).unwrap_or(usize::MAX));
        let sums: Vec<Option<PartSum>> = if self.total <= self.part {
            vec![self.one_part(0, None).await?]
        } else {
            stream::iter(begins)
                .map(|begin| self.one_part(begin, Some((begin + self.part).min(self.total))))
                .buffered(self.concurrency)
                .try_collect()
                .await?
        };
        self.progress.finish();
        let Some(expected) = self.expected else {
            return Ok(());
        };
        let sums: Vec<PartSum> = sums.into_iter().flatten().collect();
        let key = self.object.key.to_owned();
        let holds = tokio::task::spawn_blocking(move || expected.holds(&sums, &mut reader)).await;
        match holds {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Error::remote(format!(
                "object {key:?} did not arrive as it is in the store: its checksum is another"
            ))),
            Ok(Err(error)) => Err(local(&key, &error)),
            Err(error) => Err(Error::internal("checking the object failed").cause(error)),
        }
    }

    /// Fetches one part, up to `end`, or all there is. What breaks off goes on from there.
    async fn one_part(&self, begin: u64, end: Option<u64>) -> Result<Option<PartSum>> {
        let mut sum = self.expected.as_ref().and_then(Expected::part);
        let mut at = begin;
        let mut failures = 0;
        loop {
            let answer = self.ask(at, end).await?;
            let length = end.map(|end| end - at);
            match self.take(answer, &mut at, length, &mut sum).await? {
                None => return Ok(sum),
                Some(error) if failures == ATTEMPTS => return Err(error),
                Some(_) => failures += 1,
            }
            // One that broke off at once is not asked again at once.
            tokio::time::sleep(std::time::Duration::from_millis(200 << failures.min(6))).await;
        }
    }

    async fn ask(&self, at: u64, end: Option<u64>) -> Result<GetObjectOutput> {
        let range = match end {
            Some(end) => Some(format!("bytes={at}-{}", end.saturating_sub(1))),
            None if at > 0 => Some(format!("bytes={at}-")),
            None => None,
        };
        let whole = range.is_none();
        let answer = self
            .s3
            .client()
            .get_object()
            .bucket(self.s3.bucket())
            .key(self.object.key)
            .set_version_id(self.object.version.map(str::to_owned))
            .set_range(range)
            .set_if_match(self.etag.clone())
            .customize()
            // The checksum is that of the whole object, and is held against the whole.
            .config_override(
                s3_client::sdk::config::Builder::new().response_checksum_validation(
                    s3_client::sdk::config::ResponseChecksumValidation::WhenRequired,
                ),
            )
            .send()
            .await
            .map_err(|error| self.s3.failure(self.object.call(), &error))?;
        if !whole
            && answer
                .content_range()
                .is_none_or(|range| !range.contains(&format!("{at}-")))
        {
            return Err(Error::remote(format!(
                "the store answered a request for a part of object {:?} with something else",
                self.object.key
            )));
        }
        if answer.e_tag().is_some() && self.etag.is_some() && answer.e_tag() != self.etag.as_deref() {
            return Err(Error::remote(format!(
                "object {:?} changed while it was fetched",
                self.object.key
            )));
        }
        Ok(answer)
    }

    /// Writes what arrives. Why it broke off, if it did.
    async fn take(
        &self,
        answer: GetObjectOutput,
        at: &mut u64,
        length: Option<u64>,
        sum: &mut Option<PartSum>,
    ) -> Result<Option<Error>> {
        let broke_off =
            |cause: String| Error::remote(format!("object {:?} broke off", self.object.key)).cause(cause);
        let promised = answer
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        let wanted = length.or(promised);
        let mut body = answer.body;
        let mut taken = 0;
        let mut gathered = Vec::new();
        let failure = loop {
            let piece = match body.next().await {
                None => break None,
                Some(Err(error)) => break Some(broke_off(chain(&error))),
                Some(Ok(piece)) => piece,
            };
            taken += piece.len() as u64;
            if wanted.is_some_and(|wanted| taken > wanted) {
                return Err(Error::remote(format!(
                    "object {:?} is longer than the store said",
                    self.object.key
                )));
            }
            gathered.extend_from_slice(&piece);
            if gathered.len() >= PIECE {
                self.put(std::mem::take(&mut gathered), at, sum).await?;
            }
        };
        self.put(gathered, at, sum).await?;
        if failure.is_none() && wanted.is_some_and(|wanted| taken < wanted) {
            return Ok(Some(broke_off("the connection ended too early".to_owned())));
        }
        Ok(failure)
    }

    async fn put(&self, piece: Vec<u8>, at: &mut u64, sum: &mut Option<PartSum>) -> Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let length = piece.len() as u64;
        let (file, begin) = (Arc::clone(&self.file), *at);
        let mut running = sum.take();
        let written = tokio::task::spawn_blocking(move || {
            if let Some(sum) = &mut running {
                sum.update(&piece);
            }
            file.write_all_at(&piece, begin).map(|()| running)
        });
        *sum = match written.await {
            Ok(Ok(sum)) => sum,
            Ok(Err(error)) => return Err(local(self.object.key, &error)),
            Err(error) => return Err(Error::internal("writing the object failed").cause(error)),
        };
        *at += length;
        self.progress.add(length);
        Ok(())
    }
}
