//! Documented fields that this version does not act on yet: refused, never ignored.

use std::borrow::Cow;

use concourse_resource_sdk::Error;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Any value of a field that is not built yet, reduced to whether it asks for something other than the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotBuilt {
    asked: bool,
}

impl NotBuilt {
    /// Asks for something that is not the default.
    pub(crate) const ASKED: Self = Self { asked: true };

    /// The problem to report, where the field asks for something.
    pub(crate) fn problem(self, path: &str) -> Option<Error> {
        self.asked.then(|| {
            Error::config(
                path,
                "this field is not supported by this version of the git resource yet",
            )
            .hint("remove it, or keep the resource type that you use today until it is")
        })
    }
}

impl<'de> Deserialize<'de> for NotBuilt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let asked = match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(false) => false,
            Value::Bool(true) | Value::Number(_) => true,
            Value::String(text) => !text.is_empty() && text != "false",
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        };
        Ok(Self { asked })
    }
}

impl JsonSchema for NotBuilt {
    fn schema_name() -> Cow<'static, str> {
        "NotBuilt".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        asks_for_nothing()
    }
}

/// The schema of such a field whose values are of a type.
pub(crate) struct NotBuiltAs<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for NotBuiltAs<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("NotBuilt_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = asks_for_nothing();
        // It still says where secrets are.
        schema.insert(
            "anyOf".to_owned(),
            serde_json::json!([generator.subschema_for::<T>(), {}]),
        );
        schema
    }
}

/// Not an `enum`: those are the words that people write.
fn asks_for_nothing() -> Schema {
    json_schema!({ "not": { "not": { "enum": [null, false, "", "false", [], {}] } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_that_asks_for_something_is_refused() {
        for (json, asked) in [
            ("null", false),
            ("false", false),
            (r#""""#, false),
            (r#""false""#, false),
            ("[]", false),
            ("{}", false),
            ("true", true),
            ("0", true),
            (r#""x""#, true),
            ("[null]", true),
            (r#"{"include": []}"#, true),
        ] {
            let field: NotBuilt = serde_json::from_str(json).unwrap();
            assert_eq!(field.problem("source.x").is_some(), asked, "{json}");
        }
    }
}
