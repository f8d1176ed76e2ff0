//! An S3 client from the fields of a source: credentials, endpoint, TLS and checksums, on the SDK's HTTP client.
//!
//! Signatures, endpoint rules, checksums and retries are those of `aws-sdk-s3`; beneath it is the one TLS stack, the proxy rules and
//! the CA roots that all resources use. Every call ends when its future is dropped, in the middle of a wait, too.
//!
//! [`S3::sending`] sends a request, and again without optional checksums to a store that refuses them. [`S3::failure`] says what a
//! failed request means: bucket, key, and the right that is missing. [`S3::read`] and [`S3::write`] are for small objects that
//! several may change at once.

mod client;
mod credentials;
mod failure;
mod settings;
mod small;
mod wire;

pub use aws_sdk_s3 as sdk;

/// Why a request failed, with the answer.
pub type RequestError<E> =
    sdk::error::SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>;

pub use client::{S3, refuses_checksums};
pub use failure::Call;
pub use settings::{Addressing, Checksums, Credentials, Settings, StaticKeys, endpoint_url};
pub use small::{Condition, Found, Options, Written};
