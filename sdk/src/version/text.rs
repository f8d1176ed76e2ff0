//! Reading the texts of a version into the types of its fields.

use serde::de::value::{Error as TextError, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The text of a scalar.
pub(super) fn of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads a version; none where no field is given.
pub(super) fn read<T: DeserializeOwned>(fields: &Map<String, Value>) -> Result<Option<T>> {
    let mut texts = Vec::new();
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let text = of(value).ok_or_else(|| {
            let found = if value.is_array() { "a list" } else { "an object" };
            Error::config(
                format!("version.{key}"),
                format!("expected a string, found {found}"),
            )
        })?;
        texts.push((key.as_str(), Text(text)));
    }
    if texts.is_empty() {
        return Ok(None);
    }
    let deserializer = MapDeserializer::<_, TextError>::new(texts.into_iter());
    serde_path_to_error::deserialize(deserializer)
        .map(Some)
        .map_err(|error| {
            let said = error.inner().to_string();
            let path = match error.path().to_string().as_str() {
                "." => "version".to_owned(),
                path => format!("version.{path}"),
            };
            if let Some(field) = said
                .strip_prefix("missing field `")
                .and_then(|rest| rest.strip_suffix('`'))
            {
                return Error::config(format!("{path}.{field}"), "is required");
            }
            Error::config(path, crate::decode::plainly(&said))
        })
}

/// A text that becomes what is asked for.
struct Text(String);

impl IntoDeserializer<'_, TextError> for Text {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $expected:literal),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(TextError::invalid_value(Unexpected::Str(&self.0), &$expected)),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Text {
    type Error = TextError;

    parsed! {
        deserialize_bool visit_bool "true or false",
        deserialize_i8 visit_i8 "a whole number",
        deserialize_i16 visit_i16 "a whole number",
        deserialize_i32 visit_i32 "a whole number",
        deserialize_i64 visit_i64 "a whole number",
        deserialize_i128 visit_i128 "a whole number",
        deserialize_u8 visit_u8 "a whole number, 0 or more",
        deserialize_u16 visit_u16 "a whole number, 0 or more",
        deserialize_u32 visit_u32 "a whole number, 0 or more",
        deserialize_u64 visit_u64 "a whole number, 0 or more",
        deserialize_u128 visit_u128 "a whole number, 0 or more",
        deserialize_f32 visit_f32 "a number",
        deserialize_f64 visit_f64 "a number",
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
