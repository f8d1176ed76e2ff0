//! Resources behind one table: name, schemas, docs and commands over JSON values.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::compat::Compat;
use crate::config::{KeyPolicy, Step};
use crate::context::Context;
use crate::error::{Error, Result};

/// A part of what people write for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `source`.
    Source,
    /// `params` of a `get` step.
    GetParams,
    /// `params` of a `put` step.
    PutParams,
}

impl Part {
    /// All parts, in the order in which they are documented.
    pub const ALL: [Self; 3] = [Self::Source, Self::GetParams, Self::PutParams];

    /// `source`, `get` or `put`: the name on the command line, of the schema's file and in the README.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::GetParams => "get",
            Self::PutParams => "put",
        }
    }

    /// What the part is called in messages.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::GetParams => "get params",
            Self::PutParams => "put params",
        }
    }

    /// The key of the request that holds it: `source` or `params`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::GetParams | Self::PutParams => "params",
        }
    }

    /// The params of a step; `check` has none.
    #[must_use]
    pub fn params_of(step: Step) -> Option<Self> {
        match step {
            Step::Check => None,
            Step::Get => Some(Self::GetParams),
            Step::Put => Some(Self::PutParams),
        }
    }
}

/// A request whose parts are JSON objects; what was absent or `null` is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// `source`.
    pub source: Map<String, Value>,
    /// `version`, if one was given.
    pub version: Option<Map<String, Value>>,
    /// `params`.
    pub params: Map<String, Value>,
}

/// What a command has to say at its end.
#[derive(Debug)]
pub struct Answer {
    /// What goes to stdout.
    pub value: Value,
    /// Why the command fails all the same: [`failing`](crate::compat::OutcomeExt::failing).
    pub failure: Option<Error>,
}

/// A command that runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;

/// A [`Resource`](crate::Resource) whose types are not known: one table for the protocol, the command line, schemas, docs and bundles of
/// several resources. Implemented for every resource.
pub trait ErasedResource: Send + Sync {
    /// [`Resource::NAME`](crate::Resource::NAME).
    fn name(&self) -> &'static str;
    /// [`Resource::ABOUT`](crate::Resource::ABOUT).
    fn about(&self) -> &'static str;
    /// [`Resource::VERSION`](crate::Resource::VERSION).
    fn version(&self) -> &'static str;
    /// [`Resource::KEYS`](crate::Resource::KEYS).
    fn keys(&self) -> KeyPolicy;
    /// [`Resource::COMPAT`](crate::Resource::COMPAT).
    fn compat(&self) -> Compat;
    /// The JSON Schema of a part.
    fn schema(&self, part: Part) -> Value;
    /// Everything that is wrong with a part; as the protocol finds it, without running anything.
    fn problems(&self, part: Part, step: Step, fields: Map<String, Value>, cx: &Context) -> Vec<Error>;
    /// Decodes the request, checks it, runs the command and answers what goes to stdout. `directory` is the destination of
    /// a `get`, the sources of a `put`.
    fn run<'a>(&'a self, cx: &'a Context, request: Request, directory: &'a Path) -> Running<'a>;
}
