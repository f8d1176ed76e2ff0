//! From the bytes on stdin to a resource's own types, in the order that keeps secrets out of every message: the JSON value,
//! then secrets by a walk along the schema, then typed decoding, which finds the secrets that no schema shows, and only then what is wrong,
//! all of it together.

mod fold;
pub(crate) mod input;
mod keys;
mod login;
mod repair;
mod schemas;
mod twice;
mod type_error;
#[cfg(feature = "cli")]
mod variables;
mod walk;
#[cfg(all(feature = "cli", feature = "yaml"))]
mod yaml;

use serde_json::{Map, Value};

use crate::config::{Config, Step, UnknownKeys};
use crate::context::Context;
use crate::erased::{ErasedResource, Part};
use crate::error::{Error, Result};
use crate::secret;
use crate::validate::{Findings, Validator};
pub(crate) use fold::fold_keys;
use keys::UnknownKey;
pub(crate) use login::register as register_logins;
use repair::Repair;
#[cfg(feature = "cli")]
pub(crate) use variables::unresolved;
use walk::Walk;

/// Decodes the parts of a request into a resource's types, and gathers what is wrong with them.
pub(crate) struct Decoder<'a> {
    resource: &'a dyn ErasedResource,
    cx: &'a Context,
    unknown: Vec<(Part, Vec<UnknownKey>)>,
    /// Whether something stands in params, and none of it is known.
    params_mean_nothing: bool,
    problems: Vec<Error>,
    warnings: Vec<String>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(resource: &'a dyn ErasedResource, cx: &'a Context) -> Self {
        Self {
            resource,
            cx,
            unknown: Vec::new(),
            params_mean_nothing: false,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Registers the secrets of a part and decodes it. Of a part that is wrong the value is one that rules may still be tried on, if there is one.
    pub(crate) fn part<C: Config>(&mut self, part: Part, mut fields: Map<String, Value>) -> Option<C> {
        let schema = self.resource.schema(part);
        if self.resource.compat().keys_ignore_case {
            fold::fold_fields(&mut fields, &schema);
        }
        let walk = Walk::along(&schema, &fields, self.cx.log());
        let count = fields.len();
        walk.remove_nulls(&mut fields);
        let mut repair = Repair::new(&schema, fields);
        for (pointer, path) in &walk.lists {
            let mut problem = Error::config(
                format!("{}.{path}", part.key()),
                "expected an object, found a list",
            );
            repair.take_out(pointer);
            problem.set_exit(self.resource.compat().wrong_type_exit);
            self.problems.push(problem);
        }
        let value = loop {
            let (decoded, secrets) =
                secret::collect(|| serde_path_to_error::deserialize::<_, C>(repair.value()));
            secrets.texts.iter().for_each(|text| self.cx.log().redact(text));
            match decoded {
                Ok(value) => break Some(value),
                Err(error) => {
                    let mut wrong = type_error::describe(
                        part,
                        &error,
                        repair.value(),
                        &walk.secrets,
                        secrets.is_wrong,
                        self.cx.log(),
                    );
                    wrong.problem.set_exit(self.resource.compat().wrong_type_exit);
                    if !repair.mend(wrong, part.key(), &mut self.problems) {
                        break None;
                    }
                }
            }
        };
        let unknown: Vec<_> = walk
            .unknown
            .into_iter()
            .filter(|key| !repair.has_mended(&key.pointer()) && !is_read::<C>(repair.value(), key))
            .collect();
        let top = unknown.iter().filter(|key| !key.is_nested()).count();
        self.params_mean_nothing |= part == Part::PutParams && count > 0 && top == count;
        self.unknown.push((part, unknown));
        value
    }

    /// Adds a problem with the version.
    pub(crate) fn version<V>(&mut self, read: Result<Option<V>>) -> Option<V> {
        read.unwrap_or_else(|error| {
            self.problems.extend(error.each());
            None
        })
    }

    /// Adds what rules say, except of what is known to be wrong.
    pub(crate) fn rules(&mut self, root: &str, validate: impl FnOnce(&mut Validator<'_>)) {
        let mut findings = Findings::default();
        validate(&mut findings.validator(self.cx.step(), root));
        // What holds something wrong, or is in it, is not judged.
        let is_new = |problem: &Error| {
            let mut known = self.problems.iter();
            !known.any(|known| repair::covers(known, problem) || repair::covers(problem, known))
        };
        let new: Vec<_> = findings.problems.into_iter().filter(is_new).collect();
        self.problems.extend(new);
        self.warnings.extend(findings.warnings);
    }

    /// Warns, and fails with everything that is wrong.
    pub(crate) fn finish(self) -> Result<()> {
        let mut all = Vec::new();
        for (part, unknown) in self.unknown {
            let keys = self.resource.keys();
            let policy = match (self.cx.step(), part) {
                (Step::Check, _) => keys.check_source,
                (Step::Get, Part::Source) => keys.get_source,
                (Step::Get, _) => keys.get_params,
                (Step::Put, Part::Source) => keys.put_source,
                (Step::Put, _) => keys.put_params,
            };
            let mut rejected = Vec::new();
            for key in unknown {
                let policy = match policy {
                    // A step that does not say what to do must not do what nobody asked for.
                    _ if part == Part::PutParams && self.params_mean_nothing => UnknownKeys::Reject,
                    UnknownKeys::Ignore => continue,
                    _ if key.is_nested() => keys.nested,
                    policy => policy,
                };
                match policy {
                    UnknownKeys::Reject => rejected.push(key),
                    UnknownKeys::Warn => self.cx.log().warn(key.warning(part, self.resource.name())),
                    UnknownKeys::Ignore => {}
                }
            }
            if !rejected.is_empty() {
                all.push(keys::rejection(part, &rejected));
            }
        }
        for warning in self.warnings {
            self.cx.log().warn(warning);
        }
        all.extend(self.problems);
        Error::all(all).map_or(Ok(()), Err)
    }
}

/// What serde says of a value of the wrong type, in words of JSON.
pub(crate) fn plainly(said: &str) -> String {
    type_error::plainly(said)
}

/// Whether a type reads a key that its schema does not show, such as an alias.
fn is_read<C: Config>(value: &Value, key: &UnknownKey) -> bool {
    let text = twice::with_key_twice(value, key.parent_pointer(), key.name());
    serde_json::from_str::<C>(&text).is_err_and(|error| error.to_string().starts_with("duplicate field"))
}

#[cfg(test)]
mod tests;
