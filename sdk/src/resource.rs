//! The trait that a resource type implements.

use std::future::Future;
use std::path::Path;

use serde_json::{Map, Value};

use crate::compat::Compat;
use crate::config::{Config, KeyPolicy};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, MetadataRow};
use crate::validate::Validator;
use crate::version::Version;

/// A resource type: what it is configured with, what its versions look like, and the three commands.
///
/// The defaults: `check` echoes the version it was given, `get` echoes too and writes nothing, `put` fails saying that there is no put. So a
/// resource that only puts writes `put`, one that only triggers writes `check`.
pub trait Resource: Send + Sync + Sized + 'static {
    /// The name of the type, such as `git`; the command is `git-resource`.
    const NAME: &'static str;
    /// One sentence for `--help` and the README.
    const ABOUT: &'static str;
    /// The version of the implementation, for `--version` and the `User-Agent`: `env!("CARGO_PKG_VERSION")`. There is no default: it would
    /// be the version of this crate.
    const VERSION: &'static str;
    /// What happens to unknown keys.
    const KEYS: KeyPolicy = KeyPolicy::WARN;
    /// Where a drop-in differs from what the SDK does by itself.
    const COMPAT: Compat = Compat::NONE;

    /// `source`.
    type Source: Config;
    /// `params` of a `get` step.
    type GetParams: Config;
    /// `params` of a `put` step.
    type PutParams: Config;
    /// A version.
    type Version: Version;

    /// What is wrong with a source when it is checked, besides [`Config::validate`]. Pure: no I/O.
    fn validate_check(source: &Self::Source, v: &mut Validator<'_>) {
        let _ = (source, v);
    }

    /// What is wrong with the params of a get in the light of its source. Pure: no I/O.
    fn validate_get(source: &Self::Source, params: &Self::GetParams, v: &mut Validator<'_>) {
        let _ = (source, params, v);
    }

    /// What is wrong with the params of a put in the light of its source. Pure: no I/O.
    fn validate_put(source: &Self::Source, params: &Self::PutParams, v: &mut Validator<'_>) {
        let _ = (source, params, v);
    }

    /// The versions from the given one on, oldest first; without one the newest.
    fn check(
        &self,
        cx: &Context,
        check: Check<Self>,
    ) -> impl Future<Output = Result<Vec<Self::Version>>> + Send {
        let _ = cx;
        async move { Ok(check.from.into_iter().collect()) }
    }

    /// Writes a version into a directory.
    fn get(
        &self,
        cx: &Context,
        get: Get<'_, Self>,
    ) -> impl Future<Output = Result<Outcome<Self::Version>>> + Send {
        let _ = cx;
        async move { get.into_version().map(Outcome::new) }
    }

    /// Makes a new version from the build's inputs.
    fn put(
        &self,
        cx: &Context,
        put: Put<'_, Self>,
    ) -> impl Future<Output = Result<Outcome<Self::Version>>> + Send {
        let _ = (cx, put);
        async move { Err(Error::internal(format!("the {} resource has no put", Self::NAME))) }
    }
}

/// What a check is asked for.
#[non_exhaustive]
pub struct Check<R: Resource> {
    /// `source`.
    pub source: R::Source,
    /// The last version that is known.
    pub from: Option<R::Version>,
}

/// What a get is asked for.
#[non_exhaustive]
pub struct Get<'a, R: Resource> {
    /// `source`.
    pub source: R::Source,
    /// `params`.
    pub params: R::GetParams,
    /// The directory to write to, which exists.
    pub dest: &'a Path,
    /// The version, which is given but by hand. [`Get::version`] is for those who need it.
    pub version_if_given: Option<R::Version>,
}

impl<R: Resource> Get<'_, R> {
    /// The version to get.
    ///
    /// # Errors
    /// Fails where none was given.
    pub fn version(&self) -> Result<&R::Version> {
        self.version_if_given.as_ref().ok_or_else(no_version)
    }

    /// The version to get, to be answered.
    ///
    /// # Errors
    /// Fails where none was given.
    pub fn into_version(self) -> Result<R::Version> {
        self.version_if_given.ok_or_else(no_version)
    }
}

fn no_version() -> Error {
    Error::config("version", "a version to get is required")
}

/// What a put is asked for.
#[non_exhaustive]
pub struct Put<'a, R: Resource> {
    /// `source`.
    pub source: R::Source,
    /// `params`.
    pub params: R::PutParams,
    /// The directory that holds the build's inputs.
    pub sources: &'a Path,
}

/// What `get` and `put` answer: a version, and metadata for the build page.
#[non_exhaustive]
pub struct Outcome<V> {
    /// The version that was got or made.
    pub version: V,
    /// The rows that the build page shows. With `None` the answer has no key `metadata`.
    pub metadata: Option<Metadata>,
    /// Further top-level keys of the answer: [`compat`](crate::compat::OutcomeExt).
    pub(crate) extra: Map<String, Value>,
    /// Why the command fails all the same: [`compat`](crate::compat::OutcomeExt).
    pub(crate) failure: Option<Error>,
}

impl<V> Outcome<V> {
    /// A version without metadata.
    pub fn new(version: V) -> Self {
        Self {
            version,
            metadata: Some(Metadata::default()),
            extra: Map::new(),
            failure: None,
        }
    }

    /// The same with one more row on the build page.
    #[must_use]
    pub fn row(mut self, row: impl Into<MetadataRow>) -> Self {
        self.metadata.get_or_insert_default().push(row);
        self
    }

    /// The same with these rows, in place of others.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }
}
