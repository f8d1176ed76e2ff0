//! Lenient scalars, for resources whose contract coerces JSON types. Others use plain `String`, `bool` and `Vec`.
//!
//! The rules are those of `jq -r '.field // empty'`, with which resources that are shell scripts read their configuration:
//! a string is taken literally, a number or `true` by its JSON spelling, `null` and `false` mean "not given".

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::secret::{self, Secret};

/// A text: a string, a number or `true` by its spelling; `null`, `false` and absence are "not given".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Option<String>);

impl Text {
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

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

/// A secret text, read as [`Text`] is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretText(Option<Secret>);

impl SecretText {
    /// The secret, if one was given and is not empty.
    #[must_use]
    pub fn non_empty(&self) -> Option<&Secret> {
        self.0.as_ref().filter(|secret| !secret.is_empty())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = secret::register(Value::deserialize(deserializer)?);
        let text = value.deserialize_any(TextVisitor).map_err(|error| {
            secret::note_wrong();
            D::Error::custom(error)
        })?;
        Ok(Self(text.map(Secret::new)))
    }
}

/// A flag: on for `true` and `"true"`, off for every other scalar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(
            deserializer.deserialize_any(TextVisitor)?.as_deref() == Some("true"),
        ))
    }
}

/// One of the words that an enum of serde has; `null`, `false`, `""` and absence are "not given". Whether other words matter is the
/// resource's business.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OneOf<T> {
    /// Nothing was given.
    #[default]
    Absent,
    /// A word of the enum.
    Known(T),
    /// Another one.
    Unknown,
}

impl<T> OneOf<T> {
    /// The word, if it is one of the enum's.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(word) => Some(word),
            Self::Absent | Self::Unknown => None,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(TextVisitor)? {
            Some(text) if !text.is_empty() => {
                serde_json::from_value(Value::from(text)).map_or(Self::Unknown, Self::Known)
            }
            _ => Self::Absent,
        })
    }
}

/// The schema of a [`Text`] that must be given and holds more than blanks, for `#[schemars(with = "lenient::Needed")]`.
#[derive(Debug, Clone, Copy)]
pub struct Needed;

/// The schema of a [`Text`] that holds a whole number above 0, or nothing, for `#[schemars(with = "lenient::Count")]`.
#[derive(Debug, Clone, Copy)]
pub struct Count;

/// The schema of a [`Text`] that should hold a whole number, and may hold anything, for `#[schemars(with = "lenient::AnyNumber")]`.
#[derive(Debug, Clone, Copy)]
pub struct AnyNumber;

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number or boolean")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.then(|| "true".to_owned()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(serde_json::Value::from(value).to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A list: an array, or an object, whose values are taken; `null`, `false` and absence are "not given". A bare string or
/// number is an error, never a list of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Option<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        if value {
            return Err(E::invalid_type(serde::de::Unexpected::Bool(true), &self));
        }
        Ok(List(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(List(None))
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(List(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(List(Some(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some((_, item)) = entries.next_entry::<String, T>()? {
            list.push(item);
        }
        Ok(List(Some(list)))
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

inline_schema!(Text, "Text", { "type": ["string", "number", "boolean", "null"] });
inline_schema!(SecretText, "SecretText", { "type": ["string", "number", "boolean", "null"], "writeOnly": true });
inline_schema!(Flag, "Flag", { "type": ["boolean", "string", "number", "null"] });

inline_schema!(Needed, "Needed", { "type": ["string", "number", "boolean"], "pattern": r"\S", "not": { "const": false } });
inline_schema!(Count, "Count", { "type": ["integer", "string", "boolean", "null"], "minimum": 1, "pattern": r"^(\s*\+?0*[1-9][0-9]*\s*)?$", "not": { "const": true } });
inline_schema!(AnyNumber, "AnyNumber", { "type": ["integer", "number", "string", "boolean", "null"] });

impl<T: JsonSchema> JsonSchema for OneOf<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOf_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words = T::json_schema(generator).to_value();
        let documented = words["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|word| word["const"].clone());
        let plain = words["enum"].as_array().into_iter().flatten().cloned();
        let words: Vec<Value> = documented
            .chain(plain)
            .chain(["".into(), false.into(), Value::Null])
            .collect();
        json_schema!({ "enum": words })
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("List_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({
            "type": ["array", "object", "boolean", "null"], "items": item, "additionalProperties": item, "not": { "const": true },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        serde_json::from_str::<Text>(json).unwrap().0
    }

    #[test]
    fn texts_are_read_as_jq_prints_them() {
        for (json, expected) in [
            (r#""a b""#, Some("a b")),
            (r#""""#, Some("")),
            ("7", Some("7")),
            ("-1.5", Some("-1.5")),
            ("true", Some("true")),
            ("false", None),
            ("null", None),
        ] {
            assert_eq!(text(json).as_deref(), expected, "{json}");
        }
        for json in ["[]", "{}"] {
            let error = serde_json::from_str::<Text>(json).unwrap_err().to_string();
            assert!(error.contains("expected a string, number or boolean"), "{error}");
        }
    }

    #[test]
    fn flags_are_on_for_true_only() {
        for (json, on) in [
            ("true", true),
            (r#""true""#, true),
            (r#""True""#, false),
            ("1", false),
            ("null", false),
        ] {
            assert_eq!(serde_json::from_str::<Flag>(json).unwrap().0, on, "{json}");
        }
    }

    #[test]
    fn lists_are_never_made_of_one_scalar() {
        let list = |json: &str| serde_json::from_str::<List<Text>>(json);
        assert_eq!(list("[1, \"a\"]").unwrap().0.unwrap().len(), 2);
        assert_eq!(list(r#"{"x": "a"}"#).unwrap().0, Some(vec![Text::from("a")]));
        assert_eq!(list("null").unwrap().0, None);
        assert_eq!(list("false").unwrap().0, None);
        assert!(list("true").is_err() && list("\"a\"").is_err() && list("3").is_err());
    }
}
