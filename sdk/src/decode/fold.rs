//! Keys that differ from the ones that are known in the case of their letters only.

use serde_json::{Map, Value};

/// Gives the keys of an object the spelling of `known`; the last of several that become the same wins.
pub(crate) fn fold_keys(value: &mut Value, known: &[&str]) {
    if let Value::Object(fields) = value {
        fold(fields, known);
    }
}

/// Gives the fields of a part the spelling of its schema.
pub(super) fn fold_fields(fields: &mut Map<String, Value>, schema: &Value) {
    let properties = schema["properties"].as_object();
    let known: Vec<&str> = properties
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    fold(fields, &known);
}

fn fold(fields: &mut Map<String, Value>, known: &[&str]) {
    let spelling = |key: &str| {
        known
            .iter()
            .find(|known| known.to_lowercase() == key.to_lowercase())
            .map_or(key, |known| known)
            .to_owned()
    };
    *fields = std::mem::take(fields)
        .into_iter()
        .map(|(key, value)| (spelling(&key), value))
        .collect();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_get_the_known_spelling_and_the_last_one_wins() {
        let mut value =
            json!({ "URL": 1, "Api_Token": 2, "other": 3, "url": 4, "Url": 5, "env": { "URL": 6 } });
        fold_keys(&mut value, &["url", "api_token", "env"]);
        assert_eq!(
            value,
            json!({ "url": 5, "api_token": 2, "other": 3, "env": { "URL": 6 } })
        );
        let mut list = json!(["URL"]);
        fold_keys(&mut list, &["url"]);
        assert_eq!(list, json!(["URL"]));
    }
}
