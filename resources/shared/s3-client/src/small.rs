//! Small objects that several may change at once.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use concourse_resource_sdk::{Error, Result};

use crate::client::S3;
use crate::failure::Call;

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its content.
    pub content: Vec<u8>,
    /// What tells this state of it from others; none from a store that does not say.
    pub etag: Option<String>,
}

/// Under which condition an object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Under none.
    Always,
    /// It is still the one with this etag.
    IfMatch(String),
    /// There is none yet.
    IfAbsent,
}

/// How an object is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The type of its content.
    pub content_type: Option<String>,
    /// How the store encrypts it.
    pub server_side_encryption: Option<String>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is in the store.
    Stored,
    /// The condition did not hold: somebody else was first.
    Refused,
}

impl S3 {
    /// Reads a small object; none if it is not there.
    ///
    /// # Errors
    /// Fails if it is larger than `most` bytes, and as any request may.
    pub async fn read(&self, key: &str, most: usize) -> Result<Option<Found>> {
        let call = Call {
            doing: "reading",
            right: "s3:GetObject",
            key: Some(key),
        };
        let answer = self
            .sending(|client| async move { client.get_object().bucket(self.bucket()).key(key).send().await })
            .await;
        let object = match answer {
            Ok(object) => object,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(self.failure(call, &error)),
        };
        let etag = object.e_tag().map(str::to_owned);
        let mut content = Vec::new();
        let mut body = object.body;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| broken(key, &error))?;
            content.extend_from_slice(&piece);
            if content.len() > most {
                return Err(Error::remote(format!(
                    "object \"{}\" in bucket \"{}\" is larger than {most} bytes",
                    key.escape_debug(),
                    self.bucket().escape_debug()
                )));
            }
        }
        Ok(Some(Found { content, etag }))
    }

    /// Writes a small object, if the condition holds. A store that refuses conditional headers is written to without them, after one
    /// warning.
    ///
    /// A write whose answer was lost is sent again, and its condition then no longer holds by its own doing: who gets
    /// [`Written::Refused`] has to look whether the object is the own one.
    ///
    /// # Errors
    /// Fails as any request may.
    pub async fn write(
        &self,
        key: &str,
        content: &[u8],
        condition: &Condition,
        options: &Options,
    ) -> Result<Written> {
        let call = Call {
            doing: "writing",
            right: "s3:PutObject",
            key: Some(key),
        };
        let condition = if self.ignores_conditions() {
            &Condition::Always
        } else {
            condition
        };
        let mut answer = self.put(key, content, condition, options).await;
        if let Err(error) = &answer
            && *condition != Condition::Always
            && refuses_conditions(error)
        {
            self.ignore_conditions();
            answer = self.put(key, content, &Condition::Always, options).await;
        }
        match answer {
            Ok(_) => Ok(Written::Stored),
            Err(error) if *condition != Condition::Always && is_refusal(&error, condition) => {
                Ok(Written::Refused)
            }
            Err(error) => Err(self.failure(call, &error)),
        }
    }

    async fn put(
        &self,
        key: &str,
        content: &[u8],
        condition: &Condition,
        options: &Options,
    ) -> Result<PutObjectOutput, SdkError<PutObjectError, HttpResponse>> {
        let (etag, absent) = match condition {
            Condition::Always => (None, None),
            Condition::IfMatch(etag) => (Some(etag.clone()), None),
            Condition::IfAbsent => (None, Some("*".to_owned())),
        };
        let (etag, absent) = (&etag, &absent);
        self.sending(|client| async move {
            client
                .put_object()
                .bucket(self.bucket())
                .key(key)
                .set_content_type(options.content_type.clone())
                .set_server_side_encryption(
                    options
                        .server_side_encryption
                        .as_deref()
                        .map(ServerSideEncryption::from),
                )
                .set_if_match(etag.clone())
                .set_if_none_match(absent.clone())
                .body(ByteStream::from(content.to_vec()))
                .send()
                .await
        })
        .await
    }
}

/// 412 is a condition that does not hold, 409 another write at the same time, and 404 the object of `If-Match` being gone.
fn is_refusal(error: &SdkError<PutObjectError, HttpResponse>, condition: &Condition) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match error.raw_response().map(|response| response.status().as_u16()) {
        Some(412) => true,
        Some(409) => code == Some("ConditionalRequestConflict"),
        Some(404) => code == Some("NoSuchKey") && matches!(condition, Condition::IfMatch(_)),
        _ => false,
    }
}

fn refuses_conditions(error: &SdkError<PutObjectError, HttpResponse>) -> bool {
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let message = service
        .and_then(ProvideErrorMetadata::message)
        .unwrap_or_default();
    match error.raw_response().map(|response| response.status().as_u16()) {
        Some(501) => true,
        Some(400) => code == "NotImplemented" || message.to_ascii_lowercase().contains("if-"),
        _ => false,
    }
}

fn broken(key: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::remote(format!("reading object \"{}\" broke off", key.escape_debug()))
        .cause(concourse_resource_sdk::error::chain(error))
}
