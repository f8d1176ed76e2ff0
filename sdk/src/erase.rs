//! Every resource is one of the table: decoding, rules and commands over JSON values.

use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::config::{Config, KeyPolicy, Problem, Step};
use crate::context::Context;
use crate::decode;
use crate::erased::{Answer, ErasedResource, Part, Request, Running};
use crate::error::{Error, Result};
use crate::resource::{Outcome, Resource};
use crate::version::VersionShape;

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
