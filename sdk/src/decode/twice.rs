//! A value in which a key stands twice: who reads the key complains of that, and who ignores it does not.

use std::fmt::Write as _;

use serde_json::Value;

use super::walk::escaped;

/// The JSON of a value in which the object at a pointer has one of its keys twice.
pub(super) fn with_key_twice(value: &Value, pointer: &str, key: &str) -> String {
    let mut text = String::new();
    write(value, "", (pointer, key), &mut text);
    text
}

fn write(value: &Value, at: &str, doubled: (&str, &str), to: &mut String) {
    match value {
        Value::Object(fields) => {
            to.push('{');
            let mut separator = "";
            for (key, value) in fields {
                let times = if (at, key.as_str()) == doubled { 2 } else { 1 };
                for _ in 0..times {
                    let _ = write!(to, "{separator}{}:", Value::from(key.as_str()));
                    write(value, &format!("{at}/{}", escaped(key)), doubled, to);
                    separator = ",";
                }
            }
            to.push('}');
        }
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write(item, &format!("{at}/{index}"), doubled, to);
            }
            to.push(']');
        }
        scalar => {
            let _ = write!(to, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_key_of_one_object_is_doubled() {
        let value = json!({ "a": [{ "b/c": { "a": 1 } }, { "a": 2 }], "x": "\"" });
        assert_eq!(with_key_twice(&value, "", "no"), value.to_string());
        assert_eq!(
            with_key_twice(&value, "/a/0/b~1c", "a"),
            r#"{"a":[{"b/c":{"a":1,"a":1}},{"a":2}],"x":"\""}"#
        );
        assert_eq!(with_key_twice(&json!({ "x": 1 }), "", "x"), r#"{"x":1,"x":1}"#);
    }
}
