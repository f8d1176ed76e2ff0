//! What a failed request means.

use std::error::Error as StdError;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use concourse_resource_sdk::Error;
use concourse_resource_sdk::error::chain;

use crate::client::S3;

/// A request, for the message about its failure.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What was being done, as the sentence begins: `listing files`.
    pub doing: &'a str,
    /// The right that the request needs: `s3:ListBucket`.
    pub right: &'a str,
    /// The key, of a request about one object.
    pub key: Option<&'a str>,
}

impl S3 {
    /// Says what a failed request means.
    #[must_use]
    pub fn failure<E>(&self, call: Call<'_>, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let fail = |cause: String| Error::remote(format!("error {}: {cause}", call.doing));
        let Some(response) = error.raw_response() else {
            let text = unanswered(error);
            return match (text.contains("credentials"), self.assumes_role()) {
                (true, true) => Error::remote(format!("error assuming role: {text}"))
                    .hint("source.aws_role_arn is assumed with the keys of the source, else with the default chain of credentials: they need the right sts:AssumeRole, and the role has to trust them"),
                (true, false) => fail(format!("no usable credentials were found: {text}"))
                    .hint("source.enable_aws_creds_provider looks for them in the environment, shared files, web identity, container and instance"),
                (false, _) => fail(text),
            };
        };
        let status = response.status().as_u16();
        let service = error.as_service_error();
        let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
        let bucket = self.bucket().escape_debug();
        let object = match call.key {
            Some(key) => format!("object \"{}\" in bucket \"{bucket}\"", key.escape_debug()),
            None => format!("bucket \"{bucket}\""),
        };
        if let Some(region) = self.other_region(response, status, code) {
            return fail(format!(
                "bucket \"{bucket}\" is in region {}, not in {}",
                region.escape_debug(),
                self.region()
            ))
            .hint("set source.region_name to the bucket's region");
        }
        if let Some((text, hint)) = rejected_login(code) {
            return fail(format!("{object}: {text}")).hint(hint);
        }
        if service.is_none() || (200..300).contains(&status) {
            let cause = chain(error);
            return fail(format!(
                "{object}: the answer of the store cannot be read: {}",
                cause.escape_debug()
            ));
        }
        match (status, code) {
            (404, "NoSuchBucket") => fail(format!("bucket \"{bucket}\" does not exist"))
                .hint("source.bucket, source.endpoint and source.region_name say where it is looked for"),
            (404, "NoSuchVersion") => fail(format!("{object} has no such version")),
            (404, "NoSuchUpload") => fail(format!("{object}: the upload was ended by somebody else")),
            (404, _) if call.key.is_some() => fail(format!("there is no {object}")),
            (403, _) if self.is_signed() => fail(format!(
                "access to {object} is denied: the right {} is missing",
                call.right
            ))
            .hint("a store says so also of what is not there, to those without the right s3:ListBucket"),
            (403 | 401, _) => fail(format!(
                "access to {object} is denied: it is not public, and the request is not signed"
            ))
            .hint(
                "set source.access_key_id and source.secret_access_key, or source.enable_aws_creds_provider",
            ),
            (405, _) => fail(format!(
                "{object}: this version is a deletion of the object, or the store cannot do this"
            )),
            (412, _) => fail(format!("{object} changed in the meantime")),
            _ => {
                let message = service
                    .and_then(ProvideErrorMetadata::message)
                    .unwrap_or_default();
                let words: Vec<&str> = [code, message]
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect();
                let words = words.join(": ");
                fail(
                    format!("{object}: the store answered {status} {}", words.escape_debug())
                        .trim_end()
                        .to_owned(),
                )
            }
        }
    }

    /// The region that the bucket is in, if an answer says that it is another.
    fn other_region(&self, response: &HttpResponse, status: u16, code: &str) -> Option<String> {
        let told = response.headers().get("x-amz-bucket-region");
        let misplaced = matches!(status, 301 | 307 | 308)
            || matches!(
                code,
                "PermanentRedirect"
                    | "TemporaryRedirect"
                    | "AuthorizationHeaderMalformed"
                    | "IllegalLocationConstraintException"
            );
        if !misplaced {
            return None;
        }
        let region = match told {
            Some(region) => region.to_owned(),
            None => region_in(response.body().bytes()?)?,
        };
        (region != self.region()).then_some(region)
    }
}

/// The region that the body of an error names.
fn region_in(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, after) = body.split_once("<Region>")?;
    let (region, _) = after.split_once("</Region>")?;
    Some(region.to_owned())
}

/// What is wrong with the credentials, and what to do about it.
fn rejected_login(code: &str) -> Option<(&'static str, &'static str)> {
    match code {
        "InvalidAccessKeyId" | "InvalidClientTokenId" => Some((
            "the store does not know this access key",
            "check source.access_key_id",
        )),
        "SignatureDoesNotMatch" => Some((
            "the signature is wrong: the secret key does not belong to the access key, or something on the way changes the request",
            "check source.secret_access_key",
        )),
        "ExpiredToken" | "TokenRefreshRequired" => {
            Some(("the session has expired", "get a new source.session_token"))
        }
        "InvalidToken" => Some(("the session token is wrong", "check source.session_token")),
        "RequestTimeTooSkewed" => Some((
            "the clocks of this machine and of the store differ by more than 15 minutes",
            "set the worker's clock",
        )),
        _ => None,
    }
}

/// Why there is no answer.
fn unanswered<E: StdError + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    // The message of our own HTTP client says it best.
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(link) = source {
        if let Some(ours) = link.downcast_ref::<Error>() {
            return ours.to_string();
        }
        source = link.source();
    }
    chain(error)
}
