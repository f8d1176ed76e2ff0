//! The JSON Schema of a part: what the types say, with what holds for every part: `null` equals absence, and what becomes of unknown keys.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::config::{KeyPolicy, UnknownKeys};
use crate::erased::Part;

/// The schema of one part of a resource.
pub(crate) fn of<C: JsonSchema>(part: Part, keys: KeyPolicy) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<C>().to_value();
    let policies: &[UnknownKeys] = match part {
        Part::Source => &[keys.check_source, keys.get_source, keys.put_source],
        Part::GetParams => &[keys.get_params],
        Part::PutParams => &[keys.put_params],
    };
    let rejects = |policy: &UnknownKeys| *policy == UnknownKeys::Reject;
    let looks_inside = policies.iter().any(|policy| *policy != UnknownKeys::Ignore);
    complete(&mut schema, looks_inside && rejects(&keys.nested));
    let Value::Object(root) = &mut schema else {
        return schema;
    };
    if policies.iter().any(rejects) {
        close(root);
    } else if part == Part::PutParams && !root.contains_key("additionalProperties") {
        let known: Vec<&String> = root
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .collect();
        // A put none of whose params is known is refused.
        let nothing_known = json!({ "minProperties": 1, "propertyNames": { "not": { "enum": known } } });
        let rules = root.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(rules) = rules {
            rules.push(json!({ "not": nothing_known }));
        }
    }
    schema
}

/// A pattern for the address of a proxy, as [`ProxyRules`](crate::http::ProxyRules) read it, or for none.
pub const PROXY: &str = r"^\s*$|^\s*((https?|socks4a?|socks5h?)://|(?!.*://))/*[^/?#\s\[\]][^\s\[\]]*\s*$";

/// A rule for `#[schemars(extend("not" = given(&["a", "b"])))]`: all of these fields are given, which lenient texts are that are neither
/// `null` nor `false` nor empty.
#[must_use]
pub fn given(fields: &[&str]) -> Value {
    let is_given = json!({ "not": { "enum": [null, false, ""] } });
    let properties: Map<_, _> = fields
        .iter()
        .map(|field| ((*field).to_owned(), is_given.clone()))
        .collect();
    json!({ "required": fields, "properties": properties })
}

/// A rule for `#[schemars(extend("not" = both_on("a", "b")))]`: both of these [`Flag`](crate::compat::lenient::Flag)s are on.
#[must_use]
pub fn both_on(one: &str, other: &str) -> Value {
    let on = json!({ "enum": [true, "true"] });
    json!({ "required": [one, other], "properties": { one: on, other: on } })
}

/// Completes every object in a schema.
fn complete(schema: &mut Value, is_closed: bool) {
    let Value::Object(fields) = schema else { return };
    for key in ["items", "additionalProperties"] {
        if let Some(below) = fields.get_mut(key) {
            complete(below, is_closed);
        }
    }
    for key in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        let several = fields.get_mut(key).and_then(Value::as_array_mut);
        several
            .into_iter()
            .flatten()
            .for_each(|below| complete(below, is_closed));
    }
    for key in ["$defs", "properties"] {
        let several = fields.get_mut(key).and_then(Value::as_object_mut);
        several
            .into_iter()
            .flatten()
            .for_each(|(_, below)| complete(below, is_closed));
    }
    let required: Vec<String> = fields
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if let Value::Object(property) = property {
            if required.contains(name) {
                not_null(property);
            } else {
                nullable(property);
            }
        }
    }
    if is_closed && fields.contains_key("properties") {
        close(fields);
    }
}

fn close(object: &mut Map<String, Value>) {
    object.entry("additionalProperties").or_insert(Value::Bool(false));
}

/// Takes `null`, too.
fn nullable(schema: &mut Map<String, Value>) {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut)
        && !words.contains(&Value::Null)
    {
        words.push(Value::Null);
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) if !types.contains(&"null".into()) => types.push("null".into()),
        Some(Value::String(kind)) if kind != "null" => {
            let kind = std::mem::take(kind);
            schema.insert("type".to_owned(), json!([kind, "null"]));
        }
        _ => {}
    }
    for combination in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get_mut(combination).and_then(Value::as_array_mut)
            && !choices.iter().any(|choice| choice["type"] == "null")
        {
            choices.push(json!({ "type": "null" }));
        }
    }
    for key in ["$ref", "const"] {
        if let Some(value) = schema.remove(key) {
            schema.insert("anyOf".to_owned(), json!([{ key: value }, { "type": "null" }]));
        }
    }
}

/// `null` is absence, which is not allowed here.
fn not_null(schema: &mut Map<String, Value>) {
    for key in ["enum", "type"] {
        if let Some(Value::Array(values)) = schema.get_mut(key) {
            values.retain(|value| !value.is_null() && value != "null");
        }
    }
    for combination in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = schema.get_mut(combination) {
            choices.retain(|choice| choice["type"] != "null");
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Inner {
        host: String,
        port: Option<u16>,
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema matters")]
    enum Mode {
        Fast,
        Thorough,
    }

    #[derive(JsonSchema)]
    #[schemars(extend("not" = given(&["name", "mode"])))]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Params {
        uri: Option<Inner>,
        name: Option<String>,
        mode: Mode,
        list: Vec<Inner>,
    }

    #[test]
    fn null_is_absence_and_keys_are_closed_where_the_policy_says_so() {
        let keys = KeyPolicy::WARN.params(crate::config::Step::Put, UnknownKeys::Reject);
        let schema = of::<Params>(Part::PutParams, keys);
        assert_eq!(schema["properties"]["name"]["type"], json!(["string", "null"]));
        assert_eq!(schema["properties"]["list"]["type"], "array");
        assert_eq!(
            schema["properties"]["uri"]["anyOf"],
            json!([{ "$ref": "#/$defs/Inner" }, { "type": "null" }])
        );
        assert_eq!(schema["$defs"]["Inner"]["properties"]["host"]["type"], "string");
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["$defs"]["Inner"].get("additionalProperties").is_none());
        let open = of::<Params>(Part::PutParams, KeyPolicy::WARN);
        assert!(open.get("additionalProperties").is_none());
        assert_eq!(
            open["allOf"][0]["not"]["propertyNames"],
            json!({ "not": { "enum": ["uri", "name", "mode", "list"] } })
        );
        let all = of::<Params>(Part::Source, KeyPolicy::all(UnknownKeys::Reject));
        assert_eq!(all["$defs"]["Inner"]["additionalProperties"], false);
    }
}
