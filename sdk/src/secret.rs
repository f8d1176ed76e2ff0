//! Values that never reach a log.

use std::cell::RefCell;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use serde_json::Value;

/// A text that never appears in messages. What is decoded from a request is registered with the log, however the type that holds it is
/// decoded; the schema of the field is marked `writeOnly`, so that a value of another type is known to be secret, too.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that did not come from a `Secret` field; see also [`Console::redact`](crate::console::Console::redact).
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let kind = match register(value) {
            Value::String(text) => return Ok(Self(text)),
            Value::Null => Unexpected::Unit,
            Value::Bool(_) => Unexpected::Other("boolean"),
            Value::Number(_) => Unexpected::Other("number"),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        note_wrong();
        Err(D::Error::invalid_type(kind, &"a string"))
    }
}

/// What was decoded as a secret.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) texts: Vec<String>,
    /// Whether a secret was of the wrong type.
    pub(crate) is_wrong: bool,
}

thread_local! {
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// Decodes something, and answers what in it was secret.
pub(crate) fn collect<T>(decode: impl FnOnce() -> T) -> (T, Collected) {
    let before = COLLECTED.replace(Some(Collected::default()));
    let decoded = decode();
    let collected = COLLECTED.replace(before);
    (decoded, collected.unwrap_or_default())
}

/// Notes all that a secret value holds: if it has the wrong shape, any part of it may be the secret.
pub(crate) fn register(value: Value) -> Value {
    COLLECTED.with_borrow_mut(|collected| {
        if let Some(collected) = collected {
            texts(&value, &mut |text| collected.texts.push(text.to_owned()));
        }
    });
    value
}

/// Notes that a secret cannot be decoded, and must not be shown for that.
pub(crate) fn note_wrong() {
    COLLECTED.with_borrow_mut(|collected| {
        if let Some(collected) = collected {
            collected.is_wrong = true;
        }
    });
}

/// Every scalar of a value as text, and every key.
pub(crate) fn texts(value: &Value, to: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => to(text),
        Value::Number(number) => to(&number.to_string()),
        // One of two values is no secret, and both are everywhere in ordinary text.
        Value::Null | Value::Bool(_) => {}
        Value::Array(items) => items.iter().for_each(|item| texts(item, to)),
        Value::Object(fields) => {
            for (key, value) in fields {
                to(key);
                texts(value, to);
            }
        }
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}
