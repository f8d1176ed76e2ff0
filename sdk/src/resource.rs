//! The trait that a resource type implements.

use std::future::Future;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::{Config, KeyPolicy, Problem, Step};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::version::VersionShape;

/// A resource type: what it is configured with, what its versions look like, and the three commands.
///
/// The defaults: `check` echoes the version it was given, `get` echoes too, `put` fails saying that there is no put.
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
    /// Whether a key of the request, of `source` or of `params` counts as the one that differs in the case of its letters only, as
    /// resources that were written in Go have it. The last of several wins.
    const KEYS_IGNORE_CASE: bool = false;
    /// The exit status of a value of the wrong JSON type, where a contract names another than 1.
    const WRONG_TYPE_EXIT: u8 = 1;

    /// `source`.
    type Source: Config;
    /// `params` of a `get` step.
    type GetParams: Config;
    /// `params` of a `put` step.
    type PutParams: Config;
    /// A version.
    type Version: VersionShape;

    /// What `in` and `out` print when they are called without a directory.
    #[must_use]
    fn usage(program: &str, step: Step) -> String {
        let directory = match step {
            Step::Put => "source",
            Step::Check | Step::Get => "destination",
        };
        format!("usage: {program} <path/to/{directory}>")
    }

    /// What is wrong with a source when it is checked, besides [`Config::problems`]. Pure: no I/O.
    #[must_use]
    fn check_problems(source: &Self::Source) -> Vec<Problem> {
        let _ = source;
        Vec::new()
    }

    /// What is wrong with the params of a get in the light of its source. Pure: no I/O.
    #[must_use]
    fn get_problems(source: &Self::Source, params: &Self::GetParams) -> Vec<Problem> {
        let _ = (source, params);
        Vec::new()
    }

    /// What is wrong with the params of a put in the light of its source. Pure: no I/O.
    #[must_use]
    fn put_problems(source: &Self::Source, params: &Self::PutParams) -> Vec<Problem> {
        let _ = (source, params);
        Vec::new()
    }

    /// The versions from `from` on, oldest first; without `from` the newest.
    fn check(
        &self,
        cx: &Context,
        source: Self::Source,
        from: Option<Self::Version>,
    ) -> impl Future<Output = Result<Vec<Self::Version>>> + Send {
        let _ = (cx, source);
        async move { Ok(from.into_iter().collect()) }
    }

    /// Writes `version` into `dest`, an existing directory.
    fn get(
        &self,
        cx: &Context,
        source: Self::Source,
        version: Option<Self::Version>,
        params: Self::GetParams,
        dest: &Path,
    ) -> impl Future<Output = Result<Outcome<Self>>> + Send {
        let _ = (cx, source, params, dest);
        async move {
            version
                .map(Outcome::new)
                .ok_or_else(|| Problem::new("version", "a version to get is required").into())
        }
    }

    /// Makes a new version from the files below `sources`, the directory that holds the build's inputs.
    fn put(
        &self,
        cx: &Context,
        source: Self::Source,
        params: Self::PutParams,
        sources: &Path,
    ) -> impl Future<Output = Result<Outcome<Self>>> + Send {
        let _ = (cx, source, params, sources);
        async move { Err(Error::internal(format!("the {} resource has no put", Self::NAME))) }
    }
}

/// What `get` and `put` answer: a version, metadata for the build page, and rarely more.
pub struct Outcome<R: Resource> {
    /// The version that was got or made.
    pub version: R::Version,
    /// The rows that the build page shows. With `None` the answer has no key `metadata`.
    pub metadata: Option<Metadata>,
    /// Further top-level keys of the answer, where a contract has them.
    pub extra: Map<String, Value>,
    /// Why the command fails all the same, where a contract wants an answer on stdout even so.
    pub failure: Option<Error>,
}

impl<R: Resource> Outcome<R> {
    /// A version without metadata.
    pub fn new(version: R::Version) -> Self {
        Self {
            version,
            metadata: Some(Metadata::default()),
            extra: Map::new(),
            failure: None,
        }
    }

    /// The same with metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// The same without the key `metadata`, where a contract has none.
    #[must_use]
    pub fn without_metadata(mut self) -> Self {
        self.metadata = None;
        self
    }

    /// The same, but the command fails after it has answered.
    #[must_use]
    pub fn failing(mut self, failure: Error) -> Self {
        self.failure = Some(failure);
        self
    }
}
