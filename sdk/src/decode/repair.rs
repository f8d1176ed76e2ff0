//! Takes what is wrong out of a value, so that the rest of it can be looked at.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::schemas::{Schemas, takes};
use super::type_error::{What, Wrong};
use super::walk::escaped;
use crate::error::Error;

/// Nobody reads more problems than this.
const MOST_PROBLEMS: usize = 50;

/// A value that loses one wrong part after another.
pub(super) struct Repair<'a> {
    schemas: Schemas<'a>,
    value: Value,
    /// JSON pointers of what was taken out.
    mended: BTreeSet<String>,
    /// JSON pointers of what was put in.
    filled: BTreeSet<String>,
}

impl<'a> Repair<'a> {
    pub(super) fn new(schema: &'a Value, fields: Map<String, Value>) -> Self {
        Self {
            schemas: Schemas::new(schema),
            value: Value::Object(fields),
            mended: BTreeSet::new(),
            filled: BTreeSet::new(),
        }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Whether what stood there was found to be wrong.
    pub(super) fn has_mended(&self, pointer: &str) -> bool {
        self.mended.contains(pointer)
    }

    /// Notes what is wrong, and mends it; false if that is not possible.
    pub(super) fn mend(&mut self, wrong: Wrong, root: &str, problems: &mut Vec<Error>) -> bool {
        let mut note = |problem: Error| {
            if !problems.iter().any(|known| covers(known, &problem)) {
                problems.push(problem);
            }
            problems.len() < MOST_PROBLEMS
        };
        if wrong.what != What::Missing {
            return note(wrong.problem) && self.take_out(&wrong.pointer);
        }
        // All that the same object lacks, at once.
        let (parent, _) = wrong.pointer.rsplit_once('/').unwrap_or_default();
        let mut goes_on = note(wrong.problem);
        let others = self
            .missing(parent)
            .into_iter()
            .filter(|pointer| *pointer != wrong.pointer);
        let all: Vec<_> = std::iter::once(wrong.pointer.clone()).chain(others).collect();
        for pointer in all {
            let path = path(root, &pointer);
            goes_on &= note(Error::config(path, "is required")) && self.put_in(&pointer);
        }
        goes_on
    }

    /// What an object must have and has not.
    fn missing(&self, parent: &str) -> Vec<String> {
        let Some(Value::Object(fields)) = self.value.pointer(parent) else {
            return Vec::new();
        };
        let here = self.at(parent);
        let required = here
            .iter()
            .filter_map(|schema| schema["required"].as_array())
            .flatten();
        let names = required
            .filter_map(Value::as_str)
            .filter(|name| !fields.contains_key(*name));
        names.map(|name| format!("{parent}/{}", escaped(name))).collect()
    }

    fn at(&self, pointer: &str) -> Vec<&'a Value> {
        let mut here = self.schemas.top();
        let mut walked = String::new();
        for step in pointer.split('/').skip(1) {
            let is_list = self.value.pointer(&walked).is_some_and(Value::is_array);
            here = match step.parse() {
                Ok(index) if is_list => self.schemas.items(&here, index),
                _ => self.schemas.fields(&here, &unescaped(step)),
            };
            walked = format!("{walked}/{step}");
        }
        here
    }

    /// Puts something in that decodes, if there is something.
    fn put_in(&mut self, pointer: &str) -> bool {
        if !self.filled.insert(pointer.to_owned()) {
            return false;
        }
        let Some(filler) = filler(&self.at(pointer)) else {
            return false;
        };
        let (parent, step) = pointer.rsplit_once('/').unwrap_or_default();
        match self.value.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                fields.insert(unescaped(step), filler);
                true
            }
            _ => false,
        }
    }

    /// Takes out what stands there, or else what it stands in.
    pub(super) fn take_out(&mut self, pointer: &str) -> bool {
        let Some((parent, step)) = pointer.rsplit_once('/') else {
            return false;
        };
        let is_first = self.mended.insert(pointer.to_owned());
        let filler = filler(&self.at(pointer));
        let is_out = match (self.value.pointer_mut(parent), filler) {
            (Some(Value::Object(fields)), _) => fields.shift_remove(&unescaped(step)).is_some(),
            // Whatever comes after it must keep its number.
            (Some(Value::Array(items)), Some(filler)) if is_first => {
                let item = step.parse().ok().and_then(|index: usize| items.get_mut(index));
                item.map(|item| *item = filler).is_some()
            }
            _ => false,
        };
        is_out || self.take_out(parent)
    }
}

/// A value that a schema takes.
fn filler(schemas: &[&Value]) -> Option<Value> {
    if let Some(word) = schemas
        .iter()
        .find_map(|schema| schema.get("const").or_else(|| schema["enum"].get(0)))
    {
        return Some(word.clone());
    }
    let fillers = [
        ("string", Value::from("")),
        ("boolean", false.into()),
        ("integer", 0.into()),
        ("number", 0.into()),
        ("array", Value::Array(Vec::new())),
        ("object", Value::Object(Map::new())),
    ];
    let mut fillers = fillers.into_iter();
    fillers
        .find(|(kind, _)| takes(schemas, kind))
        .map(|(_, filler)| filler)
}

/// Whether a problem says enough of the place of another.
pub(super) fn covers(known: &Error, other: &Error) -> bool {
    let (Some(path), Some(other)) = (known.path(), other.path()) else {
        return false;
    };
    let rest = other.as_str().strip_prefix(path.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A pointer as people write it.
fn path(root: &str, pointer: &str) -> String {
    pointer.split('/').skip(1).fold(root.to_owned(), |path, step| {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{path}[{step}]")
        } else {
            format!("{path}.{}", unescaped(step))
        }
    })
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
