//! From the bytes on stdin to a resource's own types, in the order that keeps secrets out of every message: the JSON value,
//! then secrets and unknown keys by a walk along the schema, then typed decoding.

mod fold;
pub(crate) mod input;
mod keys;
mod login;
mod type_error;
mod walk;

use serde_json::{Map, Value};

use crate::config::{Config, Step, UnknownKeys};
use crate::context::Context;
use crate::erased::{ErasedResource, Part, Request};
use crate::error::{Error, Result};
pub(crate) use fold::fold_keys;
use walk::Walk;

/// Registers all secrets of a request, then handles unknown keys, and removes the `null`s that stand for absence.
pub(crate) fn inspect(resource: &impl ErasedResource, cx: &Context, request: &mut Request) -> Result<()> {
    let step = cx.step();
    let source = Inspected::new(resource, cx, Part::Source, &mut request.source);
    let params = Part::params_of(step).map(|part| Inspected::new(resource, cx, part, &mut request.params));
    for value in request.version.iter().flat_map(Map::values) {
        login::register(value, cx.log());
    }
    for part in std::iter::once(source).chain(params) {
        part.act(resource, cx)?;
    }
    Ok(())
}

struct Inspected {
    part: Part,
    unknown: Vec<keys::UnknownKey>,
}

impl Inspected {
    fn new(
        resource: &impl ErasedResource,
        cx: &Context,
        part: Part,
        fields: &mut Map<String, Value>,
    ) -> Self {
        let schema = resource.schema(part);
        if resource.keys_ignore_case() {
            fold::fold_fields(fields, &schema);
        }
        let walk = Walk::along(&schema, fields, cx.log());
        walk.remove_nulls(fields);
        Self {
            part,
            unknown: walk.unknown,
        }
    }

    fn act(self, resource: &impl ErasedResource, cx: &Context) -> Result<()> {
        let keys = resource.keys();
        let policy = match (cx.step(), self.part) {
            (Step::Check, _) => keys.check_source,
            (Step::Get, Part::Source) => keys.get_source,
            (Step::Get, _) => keys.get_params,
            (Step::Put, Part::Source) => keys.put_source,
            (Step::Put, _) => keys.put_params,
        };
        if policy == UnknownKeys::Ignore {
            return Ok(());
        }
        let mut rejected = Vec::new();
        for key in self.unknown {
            match if key.is_nested() { keys.nested } else { policy } {
                UnknownKeys::Reject => rejected.push(key),
                UnknownKeys::Warn => cx.log().warn(key.warning(self.part, resource.name())),
                UnknownKeys::Ignore => {}
            }
        }
        if rejected.is_empty() {
            Ok(())
        } else {
            Err(keys::rejection(self.part, &rejected).into())
        }
    }
}

/// Decodes the parts of a request into a resource's types.
pub(crate) struct Decoder<'a, R> {
    resource: &'a R,
    cx: &'a Context,
}

impl<'a, R: ErasedResource> Decoder<'a, R> {
    pub(crate) fn new(resource: &'a R, cx: &'a Context) -> Self {
        Self { resource, cx }
    }

    /// Decodes one part; a failure names the field, what was expected and what was found.
    pub(crate) fn part<C: Config>(&self, part: Part, fields: Map<String, Value>) -> Result<C> {
        let value = Value::Object(fields);
        // Cloned only to describe what is wrong, which most requests never need.
        serde_path_to_error::deserialize(&value).map_err(|error| {
            let walk = match &value {
                Value::Object(fields) => Walk::along(&self.resource.schema(part), fields, self.cx.log()),
                _ => Walk::default(),
            };
            let problem = type_error::problem(part, &error, &value, &walk.secrets, self.cx.log());
            Error::from(problem.exit(self.resource.wrong_type_exit()))
        })
    }
}

#[cfg(test)]
mod tests;
