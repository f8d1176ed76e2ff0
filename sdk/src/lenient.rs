//! Lenient scalars, for resources whose contract coerces JSON types. Others use plain `String`, `bool` and `Vec`.
//!
//! The rules are those of `jq -r '.field // empty'`, with which resources that are shell scripts read their configuration:
//! a string is taken literally, a number or `true` by its JSON spelling, `null` and `false` mean "not given".

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::secret::Secret;

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
        Ok(Self(deserializer.deserialize_any(TextVisitor)?.map(Secret::new)))
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

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("List_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["array", "null"], "items": generator.subschema_for::<T>() })
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
