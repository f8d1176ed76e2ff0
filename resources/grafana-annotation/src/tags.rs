//! Tags (CONTRACT 3.2).

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A tag. CONTRACT 1: `null` in a list of tags is an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tag(pub String);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

impl JsonSchema for Tag {
    fn schema_name() -> Cow<'static, str> {
        "Tag".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"] })
    }
}

/// All tags of both lists, each once, sorted by bytes.
pub(crate) fn union<'t>(source: &'t [Tag], params: &'t [Tag]) -> Vec<&'t str> {
    let all: BTreeSet<&str> = source.iter().chain(params).map(|tag| tag.0.as_str()).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_each_is_there_once() {
        let tags = |json: &str| serde_json::from_str::<Vec<Tag>>(json).unwrap();
        assert_eq!(
            union(&tags(r#"["z","a"]"#), &tags(r#"["m","a","Z","é",null]"#)),
            ["", "Z", "a", "m", "z", "é"]
        );
        assert_eq!(union(&[], &[]), Vec::<&str>::new());
    }
}
