//! Every resource is one of the table: decoding, rules and commands over JSON values.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::compat::Compat;
use crate::config::{Config, KeyPolicy, Step};
use crate::context::Context;
use crate::decode::{self, Decoder};
use crate::erased::{Answer, ErasedResource, Part, Request, Running};
use crate::error::{Error, Result};
use crate::resource::{Check, Get, Outcome, Put, Resource};
use crate::schema;
use crate::validate::Validator;
use crate::version::Version;

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

    fn compat(&self) -> Compat {
        R::COMPAT
    }

    fn schema(&self, part: Part) -> Value {
        match part {
            Part::Source => schema::of::<R::Source>(part, R::KEYS),
            Part::GetParams => schema::of::<R::GetParams>(part, R::KEYS),
            Part::PutParams => schema::of::<R::PutParams>(part, R::KEYS),
        }
    }

    fn problems(&self, part: Part, step: Step, fields: Map<String, Value>, cx: &Context) -> Vec<Error> {
        fn validate<C: Config>(part: Option<&C>, v: &mut Validator<'_>) {
            if let Some(part) = part {
                part.validate(v);
            }
        }
        let mut decoder = Decoder::new(self, cx);
        let key = part.key();
        match part {
            Part::Source => {
                let source = decoder.part::<R::Source>(part, fields);
                decoder.rules(key, |v| validate(source.as_ref(), v));
                if let (Step::Check, Some(source)) = (step, &source) {
                    decoder.rules(key, |v| R::validate_check(source, v));
                }
            }
            Part::GetParams => {
                let params = decoder.part::<R::GetParams>(part, fields);
                decoder.rules(key, |v| validate(params.as_ref(), v));
            }
            Part::PutParams => {
                let params = decoder.part::<R::PutParams>(part, fields);
                decoder.rules(key, |v| validate(params.as_ref(), v));
            }
        }
        decoder.finish().err().map_or_else(Vec::new, Error::each)
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
    if let Some(source) = &source {
        decoder.rules("source", |v| source.validate(v));
    }
    match (step, &source, &get, &put) {
        (Step::Check, Some(source), _, _) => decoder.rules("source", |v| R::validate_check(source, v)),
        (Step::Get, source, Some(params), _) => {
            if let Some(source) = source {
                decoder.rules("params", |v| R::validate_get(source, params, v));
            }
            decoder.rules("params", |v| params.validate(v));
        }
        (Step::Put, source, _, Some(params)) => {
            if let Some(source) = source {
                decoder.rules("params", |v| R::validate_put(source, params, v));
            }
            decoder.rules("params", |v| params.validate(v));
        }
        _ => {}
    }
    decoder.finish()?;
    match (step, source, get, put) {
        (Step::Check, Some(source), _, _) => {
            let check = Check {
                source,
                from: version,
            };
            let versions = resource.check(cx, check).await?;
            let versions: Result<Vec<Value>> = versions.iter().map(version_json).collect();
            Ok(Answer {
                value: versions?.into(),
                failure: None,
            })
        }
        (Step::Get, Some(source), Some(params), _) => {
            make_destination(directory)?;
            let get = Get {
                source,
                params,
                dest: directory,
                version_if_given: version,
            };
            answer(cx, resource.get(cx, get).await?)
        }
        (Step::Put, Some(source), _, Some(params)) => {
            look_for_sources(directory)?;
            let put = Put {
                source,
                params,
                sources: directory,
            };
            answer(cx, resource.put(cx, put).await?)
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

fn version_json<V: Version>(version: &V) -> Result<Value> {
    Ok(json!(version.write()?))
}

fn answer<V: Version>(cx: &Context, outcome: Outcome<V>) -> Result<Answer> {
    let mut answer = Map::new();
    answer.insert("version".to_owned(), version_json(&outcome.version)?);
    if let Some(metadata) = outcome.metadata {
        let metadata = metadata.redacted(|text| cx.log().redacted(text));
        answer.insert("metadata".to_owned(), json!(metadata));
    }
    for (key, value) in outcome.extra {
        answer.entry(key).or_insert(value);
    }
    Ok(Answer {
        value: Value::Object(answer),
        failure: outcome.failure,
    })
}
