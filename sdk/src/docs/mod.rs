//! Documentation from the one source there is, the doc comments of the configuration types: JSON Schema, the tables of a
//! README, `--help`.

mod current;
mod fields;

use serde_json::{Map, Value, json};

pub use current::{Outdated, current};
use fields::{Default, Field};

use crate::erased::{ErasedResource, Part};

/// The widest line of a help text.
const HELP_WIDTH: usize = 100;

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

/// The fields of a part as text for a terminal.
pub(crate) fn help(resource: &dyn ErasedResource, part: Part) -> String {
    let fields = fields::of(&resource.schema(part));
    let mut text = format!("Fields of {}:\n", part.title());
    if fields.is_empty() {
        text.push_str("  none\n");
    }
    for field in fields {
        text.push_str(&summary(&field));
        for line in wrapped(&field.meaning, HELP_WIDTH - 6) {
            text.push_str("      ");
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn summary(field: &Field) -> String {
    let default = match &field.default {
        Default::Required => ", required".to_owned(),
        Default::Value(text) => format!(", default {text}"),
        Default::None => String::new(),
    };
    format!("  {} ({}{default})\n", field.name, field.kind())
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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

/// The schemas of all parts, by name.
pub(crate) fn all_schemas(resource: &dyn ErasedResource) -> Value {
    let mut schemas: Map<String, Value> = Part::ALL
        .into_iter()
        .map(|part| (part.name().to_owned(), resource.schema(part)))
        .collect();
    schemas.insert("version".to_owned(), version_schema());
    Value::Object(schemas)
}

#[cfg(test)]
mod tests;
