//! One walk along a JSON Schema and the value it describes: finds secrets and unknown keys.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::keys::UnknownKey;
use super::login;
use super::schemas::{Schemas, takes, takes_lists};
use crate::console::Console;
use crate::secret;

/// How deep below a scalar's place secrets are looked for.
const DEEPEST: usize = 3;

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Keys that the schema does not know, in payload order.
    pub(super) unknown: Vec<UnknownKey>,
    /// JSON pointers of the values at secret fields.
    pub(super) secrets: BTreeSet<String>,
    /// Lists where an object is expected: a struct of serde would take its fields from it. JSON pointers, and paths as people write them.
    pub(super) lists: Vec<(String, String)>,
    /// JSON pointers of the `null`s at fields that the schema knows.
    nulls: Vec<String>,
}

impl Walk {
    /// Walks, and registers each secret with the log.
    pub(super) fn along(schema: &Value, fields: &Map<String, Value>, log: &Console) -> Self {
        let mut walker = Walker {
            schemas: Schemas::new(schema),
            log,
            found: Self::default(),
        };
        let mut at = Place::default();
        walker.object(&walker.schemas.top(), fields, &mut at);
        walker.found
    }

    /// `null` equals absent: removes the fields of that value, so that their types need not know it.
    pub(super) fn remove_nulls(&self, fields: &mut Map<String, Value>) {
        if self.nulls.is_empty() {
            return;
        }
        let mut value = Value::Object(std::mem::take(fields));
        for pointer in &self.nulls {
            let (parent, field) = pointer.rsplit_once('/').unwrap_or_default();
            if let Some(Value::Object(parent)) = value.pointer_mut(parent) {
                parent.retain(|key, _| escaped(key) != field);
            }
        }
        if let Value::Object(cleaned) = value {
            *fields = cleaned;
        }
    }
}

/// Where the walk stands, as a JSON pointer and as people write it.
#[derive(Debug, Clone, Default)]
struct Place {
    pointer: String,
    path: String,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let separator = if self.path.is_empty() { "" } else { "." };
        Self {
            pointer: format!("{}/{}", self.pointer, escaped(key)),
            path: format!("{}{separator}{key}", self.path),
        }
    }

    fn index(&self, index: usize) -> Self {
        Self {
            pointer: format!("{}/{index}", self.pointer),
            path: format!("{}[{index}]", self.path),
        }
    }
}

/// A key as one step of a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Walker<'a> {
    schemas: Schemas<'a>,
    log: &'a Console,
    found: Walk,
}

impl<'a> Walker<'a> {
    fn value(&mut self, schemas: &[&'a Value], value: &Value, at: &Place) {
        login::register_here(value, self.log);
        let is_scalar = !value.is_object() && !value.is_array();
        if is_secret(schemas) || (is_scalar && self.holds_secrets(schemas, 0)) {
            self.found.secrets.insert(at.pointer.clone());
            secret::texts(value, &mut |text| self.log.redact(text));
        }
        match value {
            Value::Object(fields) => self.object(schemas, fields, &mut at.clone()),
            Value::Array(_) if takes(schemas, "object") && !takes_lists(schemas) => {
                self.found.lists.push((at.pointer.clone(), at.path.clone()));
                if self.holds_secrets(schemas, 0) {
                    secret::texts(value, &mut |text| self.log.redact(text));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let below = self.schemas.items(schemas, index);
                    self.value(&below, item, &at.index(index));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, schemas: &[&'a Value], fields: &Map<String, Value>, at: &mut Place) {
        let open = is_open(schemas);
        for (key, value) in fields {
            let below = self.schemas.fields(schemas, key);
            let place = at.key(key);
            if below.is_empty() && !open {
                self.unknown(schemas, key, value, at);
                login::register(value, self.log);
                continue;
            }
            if value.is_null()
                && schemas
                    .iter()
                    .any(|schema| schema["properties"].get(key).is_some())
            {
                self.found.nulls.push(place.pointer.clone());
            }
            self.value(&below, value, &place);
        }
    }

    fn unknown(&mut self, schemas: &[&'a Value], key: &str, value: &Value, at: &Place) {
        let known: Vec<&str> = schemas
            .iter()
            .filter_map(|schema| schema["properties"].as_object())
            .flat_map(|properties| properties.keys().map(String::as_str))
            .collect();
        let unknown = UnknownKey::new((&at.path, &at.pointer), key, &known);
        // A misspelt `password` still holds a password.
        if let Some(meant) = &unknown.meant
            && is_secret(&self.schemas.fields(schemas, meant))
        {
            secret::texts(value, &mut |text| self.log.redact(text));
        }
        self.found.unknown.push(unknown);
    }

    /// Whether a list or an object has secrets in it: a scalar in its place is probably one of them.
    fn holds_secrets(&self, schemas: &[&'a Value], depth: usize) -> bool {
        let inner = self.schemas.inner(schemas);
        !inner.is_empty() && (is_secret(&inner) || (depth < DEEPEST && self.holds_secrets(&inner, depth + 1)))
    }
}

fn is_secret(schemas: &[&Value]) -> bool {
    schemas
        .iter()
        .any(|schema| schema["writeOnly"] == Value::Bool(true))
}

/// Whether an object may have keys that are not listed: no schema lists any, or one says that it takes others.
fn is_open(schemas: &[&Value]) -> bool {
    let lists = |schema: &&&Value| schema.get("properties").is_some();
    let says_so = |schema: &&Value| {
        matches!(
            schema.get("additionalProperties"),
            Some(Value::Bool(true) | Value::Object(_))
        ) || schema.get("patternProperties").is_some()
    };
    let is_empty_struct = schemas.iter().any(|schema| {
        schema["type"] == "object" && schema.get("properties").is_none() && schema.get("title").is_some()
    });
    schemas.iter().any(says_so) || (!schemas.iter().any(|schema| lists(&schema)) && !is_empty_struct)
}
