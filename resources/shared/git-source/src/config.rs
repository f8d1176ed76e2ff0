//! Parts of a `source` and of `params`.

use std::borrow::Cow;

use concourse_resource_sdk::compat::lenient::{AnyNumber, SecretText, Text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

/// One entry of the git configuration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GitConfigEntry {
    /// Section and key, such as `user.email`.
    pub name: Text,
    /// Value. A header in `http.extraHeader` is kept out of every log.
    pub value: Text,
}

/// An HTTP proxy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HttpsTunnel {
    /// Host name. Without it, or without a port, SSH connections are direct.
    pub proxy_host: Text,
    /// Port.
    #[schemars(with = "AnyNumber")]
    pub proxy_port: Text,
    /// Login name.
    pub proxy_user: Text,
    /// Password.
    pub proxy_password: SecretText,
}

/// Which tags `get` fetches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FetchTags {
    /// Not said: those that point into what is fetched.
    #[default]
    Following,
    /// Every tag of the remote.
    All,
    /// None.
    None,
}

impl<'de> Deserialize<'de> for FetchTags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self::Following),
            Value::Bool(true) => Ok(Self::All),
            Value::Bool(false) => Ok(Self::None),
            Value::String(text) => match text.as_str() {
                "" => Ok(Self::Following),
                "true" => Ok(Self::All),
                "false" => Ok(Self::None),
                _ => Err(wrong_fetch_tags()),
            },
            _ => Err(wrong_fetch_tags()),
        }
    }
}

impl JsonSchema for FetchTags {
    fn schema_name() -> Cow<'static, str> {
        "FetchTags".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string", "null"], "enum": [true, false, "true", "false", "", null] })
    }
}

fn wrong_fetch_tags<E: serde::de::Error>() -> E {
    E::custom(r#"expected true, false, "true" or "false""#)
}
