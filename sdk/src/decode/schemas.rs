//! The schemas that hold at a place of a value.

use serde_json::{Map, Value};

/// More references in a row than any sensible schema has: it refers to itself.
const MOST_REFERENCES: usize = 32;

/// A JSON Schema, whose references lead into itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schemas<'a> {
    root: &'a Value,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// The schemas of the whole value.
    pub(super) fn top(self) -> Vec<&'a Value> {
        self.alternatives(&[self.root])
    }

    /// The schemas that describe the field of that key.
    pub(super) fn fields(self, schemas: &[&'a Value], key: &str) -> Vec<&'a Value> {
        let mut below: Vec<&'a Value> = schemas
            .iter()
            .filter_map(|schema| schema.get("properties")?.get(key))
            .collect();
        if below.is_empty() {
            below = schemas
                .iter()
                // A lenient list may be written as an object, whose values are the items.
                .filter_map(|schema| schema.get("additionalProperties").or_else(|| schema.get("items")))
                .filter(|schema| **schema != Value::Bool(false))
                .collect();
        }
        self.alternatives(&below)
    }

    /// The schemas that describe the item of that index.
    pub(super) fn items(self, schemas: &[&'a Value], index: usize) -> Vec<&'a Value> {
        let below: Vec<&'a Value> = schemas
            .iter()
            .filter_map(|schema| {
                schema
                    .get("prefixItems")
                    .and_then(|items| items.get(index))
                    .or_else(|| schema.get("items"))
            })
            .collect();
        self.alternatives(&below)
    }

    /// The schemas of all that may stand in a list or an object.
    pub(super) fn inner(self, schemas: &[&'a Value]) -> Vec<&'a Value> {
        let inner = schemas.iter().flat_map(|schema| {
            let fields = schema["properties"].as_object().into_iter().flat_map(Map::values);
            fields
                .chain(schema.get("items"))
                .chain(schema.get("additionalProperties"))
        });
        self.alternatives(&inner.collect::<Vec<_>>())
    }

    /// The schemas with all that they refer to and are combined of.
    fn alternatives(self, schemas: &[&'a Value]) -> Vec<&'a Value> {
        let mut all = Vec::new();
        for schema in schemas {
            self.expand(schema, 0, &mut all);
        }
        all
    }

    fn expand(self, schema: &'a Value, depth: usize, all: &mut Vec<&'a Value>) {
        if depth > MOST_REFERENCES {
            return;
        }
        all.push(schema);
        if let Some(reference) = schema["$ref"].as_str()
            && let Some(target) = self.root.pointer(reference.trim_start_matches('#'))
        {
            self.expand(target, depth + 1, all);
        }
        for combination in ["allOf", "anyOf", "oneOf"] {
            for schema in schema[combination].as_array().into_iter().flatten() {
                self.expand(schema, depth + 1, all);
            }
        }
    }
}

/// Whether one of the schemas takes values of that type.
pub(super) fn takes(schemas: &[&Value], kind: &str) -> bool {
    let is_kind = |schema: &&Value| match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => kind == "string" && (schema["const"].is_string() || schema["enum"][0].is_string()),
    };
    schemas.iter().any(is_kind)
}

/// Whether one of the schemas takes lists, by name or because it takes anything.
pub(super) fn takes_lists(schemas: &[&Value]) -> bool {
    let takes_all = |schema: &&Value| schema.as_object().is_some_and(Map::is_empty);
    takes(schemas, "array") || schemas.iter().any(takes_all)
}
