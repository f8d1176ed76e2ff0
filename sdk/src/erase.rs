//! Every resource is one of the table: decoding, rules and commands over JSON values.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config::{Config, KeyPolicy, Problem, Step};
use crate::context::Context;
use crate::decode::{self, Decoder};
use crate::erased::{Answer, ErasedResource, Part, Request, Running};
use crate::error::{Error, Result};
use crate::resource::{Outcome, Resource};
use crate::schema;
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
            Part::Source => schema::of::<R::Source>(part, R::KEYS),
            Part::GetParams => schema::of::<R::GetParams>(part, R::KEYS),
            Part::PutParams => schema::of::<R::PutParams>(part, R::KEYS),
        }
    }

    fn problems(
        &self,
        part: Part,
        step: Step,
        fields: Map<String, Value>,
        cx: &Context,
    ) -> Result<Vec<Problem>> {
        let mut decoder = Decoder::new(self, cx);
        let problems = match part {
            Part::Source => decoder
                .part::<R::Source>(part, fields)
                .map(|part| part.problems(step)),
            Part::GetParams => decoder
                .part::<R::GetParams>(part, fields)
                .map(|part| part.problems(step)),
            Part::PutParams => decoder
                .part::<R::PutParams>(part, fields)
                .map(|part| part.problems(step)),
        };
        decoder.rules(problems.unwrap_or_default());
        match decoder.finish() {
            Ok(()) => Ok(Vec::new()),
            Err(Error::Config(problems)) => Ok(problems),
            Err(error) => Err(error),
        }
    }

    fn run<'a>(&'a self, cx: &'a Context, request: Request, directory: &'a Path) -> Running<'a> {
        Box::pin(run(self, cx, request, directory))
    }
}

async fn run<R: Resource>(resource: &R, cx: &Context, request: Request, directory: &Path) -> Result<Answer> {
    let step = cx.step();
    let mut decoder = Decoder::new(resource, cx);
    for value in request.version.iter().flat_map(Map::values) {
        decode::register_logins(value, cx.log());
    }
    let source: Option<R::Source> = decoder.part(Part::Source, request.source);
    let get: Option<R::GetParams> = (step == Step::Get)
        .then(|| decoder.part(Part::GetParams, request.params.clone()))
        .flatten();
    let put: Option<R::PutParams> = (step == Step::Put)
        .then(|| decoder.part(Part::PutParams, request.params))
        .flatten();
    let version = request.version.as_ref().map_or(Ok(None), R::Version::read);
    let version = decoder.version(version);
    decoder.rules(
        source
            .as_ref()
            .map_or_else(Vec::new, |source| source.problems(step)),
    );
    decoder.rules(match (step, &source, &get, &put) {
        (Step::Check, Some(source), _, _) => R::check_problems(source),
        (Step::Get, Some(source), Some(params), _) => R::get_problems(source, params),
        (Step::Put, Some(source), _, Some(params)) => R::put_problems(source, params),
        _ => Vec::new(),
    });
    decoder.rules(get.as_ref().map_or_else(Vec::new, |params| params.problems(step)));
    decoder.rules(put.as_ref().map_or_else(Vec::new, |params| params.problems(step)));
    decoder.finish()?;
    match (step, source, get, put) {
        (Step::Check, Some(source), _, _) => {
            let versions = resource.check(cx, source, version).await?;
            Ok(Answer {
                value: versions
                    .iter()
                    .map(|version| version_json(&version.write()))
                    .collect(),
                failure: None,
            })
        }
        (Step::Get, Some(source), Some(params), _) => {
            make_destination(directory)?;
            let got = resource.get(cx, source, version, params, directory).await?;
            Ok(answer(cx, got))
        }
        (Step::Put, Some(source), _, Some(params)) => {
            look_for_sources(directory)?;
            Ok(answer(cx, resource.put(cx, source, params, directory).await?))
        }
        // What does not decode is a problem that has ended the command.
        _ => Err(Error::internal(
            "the request was not decoded: this is a defect in the SDK",
        )),
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

fn answer<R: Resource>(cx: &Context, outcome: Outcome<R>) -> Answer {
    let mut answer = Map::new();
    answer.insert("version".to_owned(), version_json(&outcome.version.write()));
    if let Some(metadata) = outcome.metadata {
        let metadata = metadata.redacted(|text| cx.log().redacted(text));
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
