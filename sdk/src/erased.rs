//! Resources behind one table: name, schemas, docs and commands over JSON values.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::config::{Config, KeyPolicy, Problem, Step};
use crate::context::Context;
use crate::decode;
use crate::error::{Error, Result};
use crate::resource::{Outcome, Resource};
use crate::version::VersionShape;

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
    /// Why the command fails all the same: [`Outcome::failure`].
    pub failure: Option<Error>,
}

/// A command that runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;

/// A [`Resource`] whose types are not known: one table for the protocol, the command line, schemas, docs and bundles of
/// several resources. Implemented for every resource.
pub trait ErasedResource: Send + Sync {
    /// [`Resource::NAME`].
    fn name(&self) -> &'static str;
    /// [`Resource::ABOUT`].
    fn about(&self) -> &'static str;
    /// [`Resource::VERSION`].
    fn version(&self) -> &'static str;
    /// [`Resource::KEYS`].
    fn keys(&self) -> KeyPolicy;
    /// [`Resource::KEYS_IGNORE_CASE`].
    fn keys_ignore_case(&self) -> bool;
    /// [`Resource::WRONG_TYPE_EXIT`].
    fn wrong_type_exit(&self) -> u8;
    /// [`Resource::usage`].
    fn usage(&self, program: &str, step: Step) -> String;
    /// The JSON Schema of a part.
    fn schema(&self, part: Part) -> Value;
    /// Everything that is wrong with a part; as the protocol finds it, without running anything.
    ///
    /// # Errors
    /// What cannot be decoded.
    fn problems(
        &self,
        part: Part,
        step: Step,
        fields: Map<String, Value>,
        cx: &Context,
    ) -> Result<Vec<Problem>>;
    /// Decodes the request, checks it, runs the command and answers what goes to stdout. `directory` is the destination of
    /// a `get`, the sources of a `put`.
    fn run<'a>(&'a self, cx: &'a Context, request: Request, directory: &'a Path) -> Running<'a>;
}

impl<R: Resource> ErasedResource for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn about(&self) -> &'static str {
        R::ABOUT
    }

    fn version(&self) -> &'static str {
        R::VERSION
    }

    fn keys(&self) -> KeyPolicy {
        R::KEYS
    }

    fn keys_ignore_case(&self) -> bool {
        R::KEYS_IGNORE_CASE
    }

    fn wrong_type_exit(&self) -> u8 {
        R::WRONG_TYPE_EXIT
    }

    fn usage(&self, program: &str, step: Step) -> String {
        R::usage(program, step)
    }

    fn schema(&self, part: Part) -> Value {
        match part {
            Part::Source => schema_of::<R::Source>(),
            Part::GetParams => schema_of::<R::GetParams>(),
            Part::PutParams => schema_of::<R::PutParams>(),
        }
    }

    fn problems(
        &self,
        part: Part,
        step: Step,
        fields: Map<String, Value>,
        cx: &Context,
    ) -> Result<Vec<Problem>> {
        let decoder = decode::Decoder::new(self, cx);
        Ok(match part {
            Part::Source => decoder.part::<R::Source>(part, fields)?.problems(step),
            Part::GetParams => decoder.part::<R::GetParams>(part, fields)?.problems(step),
            Part::PutParams => decoder.part::<R::PutParams>(part, fields)?.problems(step),
        })
    }

    fn run<'a>(&'a self, cx: &'a Context, request: Request, directory: &'a Path) -> Running<'a> {
        Box::pin(run(self, cx, request, directory))
    }
}

async fn run<R: Resource>(
    resource: &R,
    cx: &Context,
    mut request: Request,
    directory: &Path,
) -> Result<Answer> {
    let step = cx.step();
    decode::inspect(resource, cx, &mut request)?;
    let decoder = decode::Decoder::new(resource, cx);
    let source: R::Source = decoder.part(Part::Source, request.source)?;
    let version = match &request.version {
        Some(version) => R::Version::read(version)?,
        None => None,
    };
    match step {
        Step::Check => {
            refuse(source.problems(step))?;
            let versions = resource.check(cx, source, version).await?;
            Ok(Answer {
                value: versions
                    .iter()
                    .map(|version| version_json(&version.write()))
                    .collect(),
                failure: None,
            })
        }
        Step::Get => {
            let params: R::GetParams = decoder.part(Part::GetParams, request.params)?;
            refuse([source.problems(step), params.problems(step)].concat())?;
            make_destination(directory)?;
            Ok(answer(
                resource.get(cx, source, version, params, directory).await?,
            ))
        }
        Step::Put => {
            let params: R::PutParams = decoder.part(Part::PutParams, request.params)?;
            refuse([source.problems(step), params.problems(step)].concat())?;
            look_for_sources(directory)?;
            Ok(answer(resource.put(cx, source, params, directory).await?))
        }
    }
}

fn refuse(problems: Vec<Problem>) -> Result<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Config(problems))
    }
}

fn make_destination(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|error| {
        Error::internal(format!(
            "failed to create the destination {}",
            directory.display()
        ))
        .cause(error)
    })
}

fn look_for_sources(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the directory of the build's inputs, {}, does not exist",
        directory.display()
    )))
}

fn version_json(version: &crate::version::Version) -> Value {
    Value::Object(
        version
            .entries()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
    )
}

fn answer<R: Resource>(outcome: Outcome<R>) -> Answer {
    let mut answer = Map::new();
    answer.insert("version".to_owned(), version_json(&outcome.version.write()));
    if let Some(metadata) = outcome.metadata {
        answer.insert("metadata".to_owned(), json!(metadata));
    }
    for (key, value) in outcome.extra {
        answer.entry(key).or_insert(value);
    }
    Answer {
        value: Value::Object(answer),
        failure: outcome.failure,
    }
}

fn schema_of<C: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<C>()
        .to_value()
}
