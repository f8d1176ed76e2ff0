//! The client.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use concourse_resource_sdk::console::Console;
use concourse_resource_sdk::http::Redirects;
use concourse_resource_sdk::{Context, Error, Result};

use crate::credentials;
use crate::settings::{Addressing, Checksums, Credentials, Settings};
use crate::wire::Wire;

/// How often a request is tried in all.
const ATTEMPTS: u32 = 12;

/// An S3 client for one bucket.
#[derive(Clone)]
pub struct S3 {
    inner: std::sync::Arc<Inner>,
}

struct Inner {
    full: Client,
    /// Sends only what every store understands.
    plain: Client,
    is_plain: AtomicBool,
    ignores_conditions: AtomicBool,
    bucket: String,
    region: String,
    signed: bool,
    assumes_role: bool,
    console: Console,
}

impl S3 {
    /// Makes the client. Nothing is sent yet but what the chain of credentials asks.
    ///
    /// # Errors
    /// Fails on certificates that cannot be read, and on proxy variables that make no sense.
    pub async fn new(cx: &Context, settings: &Settings) -> Result<Self> {
        let mut http = cx
            .http()
            .redirects(Redirects::None)
            .skip_verification(settings.skip_tls_verification);
        if let Some(pem) = &settings.ca_bundle {
            if !pem.expose().contains("-----BEGIN CERTIFICATE-----") {
                return Err(Error::internal("failed to load custom CA bundle PEM file")
                    .hint("source.ca_bundle holds no certificate"));
            }
            http = http.ca(pem.expose());
        }
        let config = credentials::config(settings, Wire(http.build()?), ATTEMPTS).await?;
        let client = |checksums: Checksums| {
            let mut builder = aws_sdk_s3::config::Builder::from(&config)
                .force_path_style(settings.addressing == Addressing::Path);
            if let Some(endpoint) = &settings.endpoint {
                builder = builder.endpoint_url(endpoint.as_str().trim_end_matches('/'));
            }
            if checksums == Checksums::WhenRequired {
                builder = builder
                    .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                    .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
            }
            Client::from_conf(builder.build())
        };
        let inner = Inner {
            full: client(settings.checksums),
            plain: client(Checksums::WhenRequired),
            is_plain: AtomicBool::new(settings.checksums == Checksums::WhenRequired),
            ignores_conditions: AtomicBool::new(false),
            bucket: settings.bucket.clone(),
            region: settings.region.clone(),
            signed: settings.role_arn.is_some() || !matches!(settings.credentials, Credentials::Anonymous),
            assumes_role: settings.role_arn.is_some(),
            console: cx.log().clone(),
        };
        Ok(Self { inner: inner.into() })
    }

    /// The client of the AWS SDK.
    #[must_use]
    pub fn client(&self) -> &Client {
        if self.is_plain() {
            &self.inner.plain
        } else {
            &self.inner.full
        }
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.inner.bucket
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// Whether requests are signed at all.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.inner.signed
    }

    pub(crate) fn assumes_role(&self) -> bool {
        self.inner.assumes_role
    }

    /// Whether optional checksums are left out.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.inner.is_plain.load(Ordering::Relaxed)
    }

    /// Sends a request; to a store that refuses optional checksums, once more without them. The build log is told once, and later
    /// requests do without from the start.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn sending<T, E, F>(
        &self,
        request: impl Fn(Client) -> F,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let was_plain = self.is_plain();
        match request(self.client().clone()).await {
            Err(error) if !was_plain && refuses_checksums(&error) => {
                let answer = request(self.inner.plain.clone()).await;
                // What is refused all the same was refused for something else.
                let same = answer.as_ref().is_err_and(refuses_checksums);
                if !same {
                    self.leave_checksums_out();
                }
                answer
            }
            answer => answer,
        }
    }

    /// Leaves optional checksums out from now on; the build log is told once.
    pub fn leave_checksums_out(&self) {
        if !self.inner.is_plain.swap(true, Ordering::Relaxed) {
            let text = "the store refuses checksums: going on without them (skip_s3_checksums in the source leaves them out from the start)";
            self.inner.console.warn(text);
        }
    }

    /// Whether conditional headers are to be left out, as the store refuses them.
    pub(crate) fn ignores_conditions(&self) -> bool {
        self.inner.ignores_conditions.load(Ordering::Relaxed)
    }

    /// Notes that the store refuses conditional headers.
    pub(crate) fn ignore_conditions(&self) {
        if !self.inner.ignores_conditions.swap(true, Ordering::Relaxed) {
            let text = "the store refuses conditional writes: going on without them, of two at once the last one wins";
            self.inner.console.warn(text);
        }
    }
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.inner.bucket)
            .finish_non_exhaustive()
    }
}

/// Whether an answer is that of a store that does not know the headers of checksums.
#[must_use]
pub fn refuses_checksums<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
        return false;
    };
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let message = service
        .and_then(ProvideErrorMetadata::message)
        .unwrap_or_default();
    let message = message.to_ascii_lowercase();
    let about_it = [
        "checksum",
        "trailer",
        "aws-chunked",
        "x-amz-content-sha256",
        "streaming-",
        "header you provided",
    ]
    .iter()
    .any(|word| message.contains(word));
    match status {
        501 => true,
        400 => {
            about_it
                || matches!(
                    code,
                    "NotImplemented" | "XAmzContentSHA256Mismatch" | "MalformedTrailerError"
                )
        }
        403 => code == "XAmzContentSHA256Mismatch",
        411 => code == "MissingContentLength",
        _ => false,
    }
}
