//! The rows of a field table, from a JSON Schema.

use serde_json::Value;

/// Deeper objects are told in words.
const DEEPEST: usize = 3;

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// With the fields above it: `commit_filter.include`, `credentials[].host`.
    pub(super) name: String,
    type_name: String,
    is_secret: bool,
    pub(super) default: Default,
    /// The doc comment in one paragraph, as Markdown.
    pub(super) meaning: String,
}

/// What an absent field means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Default {
    Required,
    Value(String),
    None,
}

impl Field {
    /// The type, as people call it.
    pub(super) fn kind(&self) -> String {
        if self.is_secret {
            format!("{}, secret", self.type_name)
        } else {
            self.type_name.clone()
        }
    }
}

/// The fields of an object schema, in the order of the struct.
pub(super) fn of(schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    Collector { root: schema }.collect(schema, "", 0, &mut fields);
    fields
}

struct Collector<'a> {
    root: &'a Value,
}

impl<'a> Collector<'a> {
    fn collect(&self, schema: &'a Value, prefix: &str, depth: usize, fields: &mut Vec<Field>) {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let target = self.resolve(property);
            let meaning = [property, target]
                .iter()
                .find_map(|schema| schema["description"].as_str())
                .map(paragraph)
                .unwrap_or_default();
            let name = format!("{prefix}{name}");
            fields.push(Field {
                type_name: self.type_name(target, 0),
                is_secret: self.is_secret(target),
                default: default(
                    property,
                    required.contains(&name.rsplit('.').next().unwrap_or_default()),
                    &meaning,
                ),
                meaning,
                name: name.clone(),
            });
            if depth + 1 < DEEPEST {
                self.collect(target, &format!("{name}."), depth + 1, fields);
                let items = self.resolve(&target["items"]);
                self.collect(items, &format!("{name}[]."), depth + 1, fields);
            }
        }
    }

    /// Follows a reference, and takes the other of `null` and a type.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..8 {
            if let Some(reference) = schema["$ref"].as_str() {
                schema = self
                    .root
                    .pointer(reference.trim_start_matches('#'))
                    .unwrap_or(&Value::Null);
            } else if let Some(choices) = schema["anyOf"].as_array()
                && let [one] = choices
                    .iter()
                    .filter(|choice| !means_nothing(choice))
                    .collect::<Vec<_>>()[..]
            {
                schema = one;
            } else {
                break;
            }
        }
        schema
    }

    fn is_secret(&self, schema: &'a Value) -> bool {
        schema["writeOnly"] == true || self.resolve(&schema["items"])["writeOnly"] == true
    }

    fn type_name(&self, schema: &'a Value, depth: usize) -> String {
        if depth > 4 {
            return "any".to_owned();
        }
        if let Some(values) = schema["enum"].as_array()
            && schema
                .get("type")
                .is_none_or(|kind| kind == "string" || kind.is_array() && kind[0] == "string")
        {
            // Those that mean that nothing is given need not be written.
            let is_word = |value: &&Value| !value.is_null() && **value != "" && **value != false;
            return either(
                values
                    .iter()
                    .filter(is_word)
                    .map(|value| format!("`{value}`"))
                    .collect(),
            );
        }
        if let Some(value) = schema.get("const") {
            return format!("`{value}`");
        }
        for combination in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[combination].as_array() {
                let choices = choices
                    .iter()
                    .filter(|choice| !means_nothing(choice))
                    .map(|choice| self.type_name(self.resolve(choice), depth + 1))
                    .collect();
                return either(choices);
            }
        }
        // Of the types that a lenient field takes, the first is the one to write.
        let name = match &schema["type"] {
            Value::Array(names) => names
                .iter()
                .filter_map(Value::as_str)
                .find(|name| *name != "null"),
            name => name.as_str(),
        };
        match name {
            Some("array") => format!(
                "list of {}",
                self.type_name(self.resolve(&schema["items"]), depth + 1)
            ),
            Some("integer") => "whole number".to_owned(),
            Some(name) => name.to_owned(),
            None => "any".to_owned(),
        }
    }
}

/// Whether a choice is `null`, or anything at all, which people need not write.
fn means_nothing(choice: &Value) -> bool {
    choice["type"] == "null" || choice.as_object().is_some_and(serde_json::Map::is_empty)
}

fn either(mut names: Vec<String>) -> String {
    names.dedup();
    names.join(" or ")
}

fn default(property: &Value, is_required: bool, meaning: &str) -> Default {
    if is_required
        || meaning
            .split(". ")
            .any(|sentence| sentence.trim_end_matches('.') == "Required")
    {
        return Default::Required;
    }
    match property.get("default") {
        Some(value) if !is_empty(value) => return Default::Value(value.to_string()),
        _ => {}
    }
    // `Default: `main`.` in the doc comment.
    let told = meaning
        .split_once("Default: `")
        .and_then(|(_, rest)| rest.split_once('`'));
    told.map_or(Default::None, |(text, _)| Default::Value(text.to_owned()))
}

/// What `Default::default()` makes of a field that has no default worth telling.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
