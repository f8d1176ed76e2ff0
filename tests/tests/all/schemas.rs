//! A JSON Schema validator and the program say the same of the same request.

use std::collections::BTreeSet;

use concourse_resource_sdk::erased::{ErasedResource, Part};
use concourse_resource_sdk::{Context, Error, Step};
use fastrand::Rng;
use git_resource::Git;
use grafana_annotation_resource::GrafanaAnnotation;
use jsonschema::Validator;
use pool_lock_resource::PoolLock;
use serde_json::{Map, Value, json};
use slack_resource::Slack;

/// What the program has against a part, in any command that reads it.
fn problems(resource: &dyn ErasedResource, part: Part, fields: &Map<String, Value>) -> Vec<Error> {
    let steps: &[Step] = match part {
        Part::Source => &[Step::Check, Step::Get, Step::Put],
        Part::GetParams => &[Step::Get],
        Part::PutParams => &[Step::Put],
    };
    let ask = |step: &Step| {
        let cx = Context::builder(resource.name(), *step).finish();
        resource.problems(part, *step, fields.clone(), &cx)
    };
    steps.iter().flat_map(ask).collect()
}

/// What these hold is a language of its own, of which a schema knows nothing: whether it is right, only the program tells.
const LANGUAGES: [&str; 6] = [
    "ca_certs",
    "describe_ref_options",
    "ignore_paths",
    "paths",
    "short_ref_format",
    "tag_regex",
];

/// Words of a schema, and what is often written.
fn words(schema: &Value, to: &mut BTreeSet<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| words(item, to)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("enum", Value::Array(values)) => {
                        to.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("const", Value::String(word)) => {
                        to.insert(word.clone());
                    }
                    _ => words(value, to),
                }
            }
        }
        _ => {}
    }
}

struct Maker {
    rng: Rng,
    words: Vec<String>,
}

impl Maker {
    fn new(seed: u64, schema: &Value) -> Self {
        let usual = [
            "",
            " ",
            "a",
            "a/b",
            "a/../b",
            "/a/",
            ".git",
            "x y",
            "1",
            "0",
            "-1",
            "07",
            "+3",
            "true",
            "false",
            "10s",
            "1m30s",
            "1.5h",
            "0s",
            "5 s",
            "https://h/x",
            "http://h",
            "ftp://h",
            "https://",
            "https://h/?q",
            "https://h/#f",
            "h:80",
            "http://h:80",
            "nonsense",
            "[a]",
        ];
        let mut words = usual.map(str::to_owned).into_iter().collect();
        self::words(schema, &mut words);
        Self {
            rng: Rng::with_seed(seed),
            words: words.into_iter().collect(),
        }
    }

    fn word(&mut self) -> String {
        let index = self.rng.usize(..self.words.len());
        self.words[index].clone()
    }

    /// A value of a field: mostly what its schema is about.
    fn value(&mut self, root: &Value, schema: &Value, depth: usize) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = root
                .pointer(reference.trim_start_matches('#'))
                .expect("a definition");
            return self.value(root, target, depth);
        }
        if depth < 3 && self.rng.u8(..4) > 0 {
            for combination in ["anyOf", "oneOf", "allOf"] {
                if let Some(choices) = schema[combination].as_array() {
                    let index = self.rng.usize(..choices.len());
                    return self.value(root, &choices[index], depth + 1);
                }
            }
            if let Some(words) = schema["enum"].as_array() {
                return words[self.rng.usize(..words.len())].clone();
            }
            let kinds = match &schema["type"] {
                Value::Array(kinds) => kinds.clone(),
                Value::Null => Vec::new(),
                one => vec![one.clone()],
            };
            if !kinds.is_empty() {
                let kind = kinds[self.rng.usize(..kinds.len())].clone();
                match kind.as_str() {
                    Some("array") => {
                        let count = self.rng.usize(..3);
                        return (0..count)
                            .map(|_| self.value(root, &schema["items"], depth + 1))
                            .collect();
                    }
                    Some("object") if schema.get("properties").is_some() => {
                        return Value::Object(self.fields(root, schema, depth + 1));
                    }
                    Some("object") => {
                        let value = self.value(root, &schema["additionalProperties"], depth + 1);
                        return json!({ "k": value });
                    }
                    Some("string") => return self.word().into(),
                    Some("integer") => return self.rng.i64(-1..20).into(),
                    Some("number") => return if self.rng.bool() { json!(1.5) } else { json!(3) },
                    Some("boolean") => return self.rng.bool().into(),
                    _ => return Value::Null,
                }
            }
        }
        match self.rng.u8(..8) {
            0 => Value::Null,
            1 => self.rng.bool().into(),
            2 => self.rng.i64(-1..20).into(),
            3 => json!(2.5),
            4 => json!([self.word()]),
            5 => json!({ "k": self.word() }),
            _ => self.word().into(),
        }
    }

    fn fields(&mut self, root: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
        let mut fields = Map::new();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        // Few at a time, or something is wrong in every request.
        let count = schema["properties"].as_object().map_or(0, Map::len);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.iter().any(|required| required == name);
            if (is_required && self.rng.u8(..10) > 0) || self.rng.usize(..count) < 2 {
                if LANGUAGES.contains(&name.as_str()) {
                    continue;
                }
                fields.insert(name.clone(), self.value(root, property, depth));
            }
        }
        if self.rng.u8(..12) == 0 {
            let name = ["brnach", "txet", "x-y"][self.rng.usize(..3)];
            fields.insert(name.to_owned(), "a".into());
        }
        fields
    }
}

fn compare(resource: &dyn ErasedResource) {
    for part in Part::ALL {
        let schema = resource.schema(part);
        let validator = Validator::new(&schema).expect("a schema");
        let mut maker = Maker::new(7, &schema);
        let (mut taken, mut refused) = (0, 0);
        for round in 0..5_000 {
            let fields = maker.fields(&schema, &schema, 0);
            let problems = problems(resource, part, &fields);
            let value = Value::Object(fields);
            let said: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(
                problems.is_empty(),
                said.is_empty(),
                "{} {}, round {round}: {value}\nthe program: {}\nthe schema: {}",
                resource.name(),
                part.title(),
                Error::all(problems).map_or_else(String::new, |problems| problems.to_string()),
                said.join("\n")
            );
            if said.is_empty() { taken += 1 } else { refused += 1 }
        }
        let is_empty = schema["properties"].as_object().is_none_or(Map::is_empty);
        assert!(
            is_empty || (taken > 15 && refused > 100),
            "{} {}: {taken} {refused}",
            resource.name(),
            part.title()
        );
    }
}

#[test]
fn of_git_says_what_the_program_says() {
    compare(&Git);
}

#[test]
fn of_pool_lock_says_what_the_program_says() {
    compare(&PoolLock);
}

#[test]
fn of_slack_says_what_the_program_says() {
    compare(&Slack);
}

#[test]
fn of_grafana_annotation_says_what_the_program_says() {
    compare(&GrafanaAnnotation);
}
