//! How values are read (CONTRACT 1, reading rules).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text: a string, or the JSON spelling of anything else; `null`, `false` and absence are "not given".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spelled(Option<String>);

impl Spelled {
    /// The text, if one was given. An empty string counts as given.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text, if one was given and is not empty.
    #[must_use]
    pub fn non_empty(&self) -> Option<&str> {
        self.get().filter(|text| !text.is_empty())
    }
}

impl From<&str> for Spelled {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(false) => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }))
    }
}

/// JSON, or a string that holds JSON, as text: variables are put into it before it is parsed. `null`, `false` and absence
/// are "not given".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Json(Spelled);

impl Json {
    /// The text, if one was given.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spelled::deserialize(deserializer).map(Self)
    }
}

/// Whether something is redacted: unless the value is `false`, or (CONTRACT 3) a text other than `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redact(pub bool);

impl Default for Redact {
    fn default() -> Self {
        Self(true)
    }
}

impl<'de> Deserialize<'de> for Redact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(true) => true,
            Value::String(text) => text == "true",
            _ => false,
        }))
    }
}

macro_rules! inline_schema {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

inline_schema!(Spelled, "Spelled", { "type": ["string", "number", "boolean", "array", "object", "null"] });
inline_schema!(Json, "Json", {
    "type": ["array", "string", "object", "number", "boolean", "null"],
    "items": { "type": ["object", "string", "array", "number", "boolean", "null"] },
});
inline_schema!(Redact, "Redact", { "type": ["boolean", "string", "number", "array", "object", "null"], "default": true });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_text_but_null_and_false() {
        for (json, expected) in [
            (r#""a b""#, Some("a b")),
            (r#""""#, Some("")),
            ("7", Some("7")),
            ("-1.5", Some("-1.5")),
            ("true", Some("true")),
            ("[1, {\"b\": \"c\"}]", Some(r#"[1,{"b":"c"}]"#)),
            ("false", None),
            ("null", None),
        ] {
            assert_eq!(
                serde_json::from_str::<Spelled>(json).unwrap().get(),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn redaction_is_off_for_false_and_other_texts() {
        for (json, on) in [
            ("null", true),
            ("true", true),
            (r#""true""#, true),
            ("false", false),
            (r#""false""#, false),
            (r#""no""#, false),
        ] {
            assert_eq!(serde_json::from_str::<Redact>(json).unwrap().0, on, "{json}");
        }
    }
}
