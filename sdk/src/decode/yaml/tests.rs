use serde_json::json;

use super::*;

fn along(text: &str, schema: &Value) -> Value {
    parse(text).unwrap().along(schema)
}

#[test]
fn texts_are_kept_where_the_schema_has_strings() {
    let schema = json!({
        "properties": {
            "branch": { "type": ["string", "null"] },
            "tag": { "$ref": "#/$defs/Tag" },
            "depth": { "type": "integer" },
            "flag": { "type": ["boolean", "string"] },
            "rate": { "type": "number" },
            "list": { "type": "array", "items": { "type": "string" } },
            "pair": { "prefixItems": [{ "type": "string" }, { "type": "integer" }] },
            "map": { "additionalProperties": { "anyOf": [{ "type": "string" }, { "type": "null" }] } },
        },
        "$defs": { "Tag": { "enum": ["a", "b"] } },
    });
    for (text, expected) in [
        ("branch: 1.10", json!({ "branch": "1.10" })),
        ("branch: yes", json!({ "branch": "yes" })),
        ("branch: true", json!({ "branch": "true" })),
        ("branch: ü", json!({ "branch": "ü" })),
        ("other: ü", json!({ "other": "ü" })),
        ("branch: ~", json!({ "branch": null })),
        ("branch: 'null'", json!({ "branch": "null" })),
        ("branch: 12_34", json!({ "branch": "12_34" })),
        ("tag: 0123", json!({ "tag": "0123" })),
        ("depth: 0x10", json!({ "depth": 16 })),
        ("depth: 1_000", json!({ "depth": 1000 })),
        ("depth: '3'", json!({ "depth": "3" })),
        ("depth: -3", json!({ "depth": -3 })),
        ("depth: three", json!({ "depth": "three" })),
        ("flag: on", json!({ "flag": true })),
        ("flag: No", json!({ "flag": false })),
        ("flag: oN", json!({ "flag": "oN" })),
        ("rate: 1.50", json!({ "rate": 1.5 })),
        ("rate: .inf", json!({ "rate": ".inf" })),
        (
            "list: [1.0, 0777, off]",
            json!({ "list": ["1.0", "0777", "off"] }),
        ),
        ("pair: [08, 08]", json!({ "pair": ["08", 8] })),
        ("map: {on: 1e3}", json!({ "map": { "on": "1e3" } })),
        // What nobody describes.
        (
            "other: [5, 1.50, true, ~, 1e3, 18446744073709551615]",
            json!({ "other": [5, "1.50", true, null, "1e3", u64::MAX] }),
        ),
        ("other: !!str 5", json!({ "other": "5" })),
        (
            "a: &x {b: 1}\nother: {<<: *x, c: *x}",
            json!({ "a": { "b": 1 }, "other": { "c": { "b": 1 }, "b": 1 } }),
        ),
        ("", Value::Null),
    ] {
        assert_eq!(along(text, &schema), expected, "{text}");
    }
}

#[test]
fn versions_are_texts() {
    let zeros = "0".repeat(40);
    for text in [
        "7e04338",
        "1234e56",
        "0123456",
        "12_34",
        "yes",
        &zeros,
        "1.10",
        ".inf",
        "0x1",
        "2026-01-01",
    ] {
        let version = parse(&format!("ref: {text}")).unwrap().texts();
        assert_eq!(version, json!({ "ref": text }));
    }
}

#[test]
fn what_is_wrong_is_said_without_the_text() {
    for (text, line, column, expected) in [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key stands there twice"),
        (
            "a:\n\tb: 1\n",
            2,
            2,
            "tabs disallowed within this context (block indentation)",
        ),
        ("a: 1\n---\nb: 2\n", 2, 1, "there is a second document"),
        ("? [a]\n: 1\n", 1, 3, "a key is a list or an object"),
        ("a: @secret\n", 1, 4, "unexpected character"),
        ("a: &x [*x]\n", 1, 8, "an alias stands for what contains it"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.line, error.column, error.text.as_str()),
            (line, column, expected),
            "{text}"
        );
    }
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for index in 1..20 {
        let of = format!("*a{}", index - 1);
        let all = [of.as_str(); 9].join(", ");
        bomb.push_str(
            &[
                "a",
                &index.to_string(),
                ": &a",
                &index.to_string(),
                " [",
                &all,
                "]\n",
            ]
            .concat(),
        );
    }
    assert_eq!(parse(&bomb).unwrap_err().text, "there is too much in it");
    assert_eq!(
        parse(&"[".repeat(200)).unwrap_err().text,
        "there is too much in it"
    );
}
