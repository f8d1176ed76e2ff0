//! What the command line shows of the documentation.

use serde_json::{Map, Value};

use super::fields::{self, Default, Field};
use super::version_schema;
use crate::erased::{ErasedResource, Part};

/// The widest line of a help text.
pub(super) const HELP_WIDTH: usize = 100;

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

/// The schemas of all parts, by name.
pub(crate) fn all_schemas(resource: &dyn ErasedResource) -> Value {
    let mut schemas: Map<String, Value> = Part::ALL
        .into_iter()
        .map(|part| (part.name().to_owned(), resource.schema(part)))
        .collect();
    schemas.insert("version".to_owned(), version_schema());
    Value::Object(schemas)
}
