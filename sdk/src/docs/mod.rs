//! Documentation from the one source there is, the doc comments of the configuration types: JSON Schema, the tables of a
//! README, `--help`.

mod current;
mod fields;
#[cfg(feature = "cli")]
mod help;

use serde_json::{Value, json};

pub use current::{Outdated, current};
use fields::Default;
#[cfg(feature = "cli")]
pub(crate) use help::{all_schemas, help};

use crate::erased::{ErasedResource, Part};

/// The fields of a part as a Markdown table: name, type, default, meaning. Fields of nested objects have rows too.
#[must_use]
pub fn markdown(resource: &dyn ErasedResource, part: Part) -> String {
    let fields = fields::of(&resource.schema(part));
    if fields.is_empty() {
        return "No fields.\n".to_owned();
    }
    let mut table = String::from("| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
    for field in fields {
        let default = match &field.default {
            Default::Required => "required".to_owned(),
            Default::Value(text) => format!("`{text}`"),
            Default::None => "–".to_owned(),
        };
        let cells = [format!("`{}`", field.name), field.kind(), default, field.meaning];
        table.push_str("| ");
        table.push_str(&cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        table.push_str(" |\n");
    }
    table
}

/// What every version of every resource looks like on the wire.
pub(crate) fn version_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Version",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": { "type": "string" },
    })
}

#[cfg(test)]
mod tests;
