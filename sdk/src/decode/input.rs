//! The request on stdin.

use std::io::{BufReader, Read};

use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

#[cfg(feature = "cli")]
use super::keys::closest;
#[cfg(all(feature = "cli", feature = "yaml"))]
use super::yaml::{self, Node};
#[cfg(feature = "cli")]
use crate::config::Step;
use crate::erased::Request;
use crate::error::{Error, Result};

/// What a request looks like, for messages.
const SHAPE: &str = r#"expected an object such as {"source": {…}, "version": {…}, "params": {…}}"#;

/// Reads the first JSON value; what comes after it is not even read. The payload is never printed.
pub(crate) fn read_json(input: impl Read) -> Result<Value> {
    let mut seen = Seen {
        input: BufReader::new(input),
        anything: false,
    };
    let value = Value::deserialize(&mut serde_json::Deserializer::from_reader(&mut seen));
    value.map_err(|error| match error.classify() {
        Category::Io => Error::internal("failed to read the request from stdin").cause(error),
        Category::Eof if !seen.anything => empty(),
        Category::Eof => request_problem(format!("the request on stdin is truncated: {error}")),
        Category::Syntax | Category::Data => {
            request_problem(format!("the request on stdin is not valid JSON: {error}"))
        }
    })
}

/// Tells an empty input from a truncated one.
struct Seen<R> {
    input: R,
    anything: bool,
}

impl<R: Read> Read for Seen<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.anything |= buffer[..count].iter().any(|byte| !byte.is_ascii_whitespace());
        Ok(count)
    }
}

/// Reads a request as a person writes it: JSON.
#[cfg(all(feature = "cli", not(feature = "yaml")))]
pub(crate) fn read_json_or_yaml(input: impl Read, _: &Value, _: &Value) -> Result<Value> {
    read_json(input)
}

/// Reads a request as a person writes it: JSON or YAML, whose scalars are decided by the schemas of `source` and `params`.
#[cfg(all(feature = "cli", feature = "yaml"))]
pub(crate) fn read_json_or_yaml(mut input: impl Read, source: &Value, params: &Value) -> Result<Value> {
    let mut text = String::new();
    input
        .read_to_string(&mut text)
        .map_err(|error| Error::internal("failed to read the request from stdin").cause(error))?;
    if text.trim().is_empty() {
        return Err(empty());
    }
    let json = match read_json(text.as_bytes()) {
        Ok(value @ Value::Object(_)) => return Ok(value),
        // `source: …` begins with a word, which is not valid JSON, `- a` with a broken number.
        other => other,
    };
    match (yaml::parse(&text), json) {
        (Ok(mut node), _) => {
            let parts = [
                ("source", node.take("source").map(|node| node.along(source))),
                ("version", node.take("version").map(Node::texts)),
                ("params", node.take("params").map(|node| node.along(params))),
            ];
            let mut request = node.along(&Value::Bool(true));
            if let Value::Object(request) = &mut request {
                let parts = parts.into_iter();
                request.extend(parts.filter_map(|(key, part)| Some((key.to_owned(), part?))));
            }
            Ok(request)
        }
        // Who begins with a brace means JSON.
        (Err(_), Err(error)) if text.trim_start().starts_with('{') => Err(error),
        (Err(error), _) => Err(request_problem(format!(
            "the request on stdin is neither valid JSON nor valid YAML: {} at line {} column {}",
            error.text, error.line, error.column
        ))),
    }
}

/// What is wrong with the names of a request's parts. For requests that people write: Concourse may send more than we know.
#[cfg(feature = "cli")]
pub(crate) fn unknown_parts(request: &Value, step: Step) -> Vec<String> {
    const PARTS: [&str; 3] = ["source", "version", "params"];
    let is_ignored = step == Step::Check
        && request["params"]
            .as_object()
            .is_some_and(|params| !params.is_empty());
    let ignored = is_ignored.then(|| "the request's params are ignored: a check has none".to_owned());
    let names = request.as_object().into_iter().flat_map(serde_json::Map::keys);
    let unknown =
        names
            .filter(|name| !PARTS.contains(&name.as_str()))
            .map(|name| match closest(name, &PARTS) {
                Some(part) => format!("the request's key \"{name}\" is ignored; did you mean \"{part}\"?"),
                None => format!("the request's key \"{name}\" is ignored; it has source, version and params"),
            });
    unknown.chain(ignored).collect()
}

/// Takes the request apart.
pub(crate) fn request(value: Value, wrong_type_exit: u8) -> Result<Request> {
    let mut request = match value {
        Value::Object(request) => request,
        other => {
            return Err(request_problem(format!(
                "the request on stdin is {}: {SHAPE}",
                with_article(&other)
            )));
        }
    };
    let mut part = |key: &str| match request.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        // Not the value: it may be a secret that slipped to the wrong place.
        Some(other) => {
            let mut error = Error::config(key, format!("expected an object, found {}", with_article(&other)));
            error.set_exit(wrong_type_exit);
            Err(error)
        }
    };
    Ok(Request {
        source: part("source")?.unwrap_or_default(),
        version: part("version")?,
        params: part("params")?.unwrap_or_default(),
    })
}

fn empty() -> Error {
    request_problem("there is no request on stdin".to_owned()).hint(SHAPE)
}

fn request_problem(text: String) -> Error {
    let mut error = Error::config("request", text);
    error.set_verbatim();
    error
}

fn with_article(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failure(text: &str) -> String {
        let read = read_json(text.as_bytes()).and_then(|value| request(value, 5).map(|_| ()));
        read.unwrap_err().to_string()
    }

    #[test]
    fn the_first_value_counts_and_of_duplicate_keys_the_last() {
        let value = read_json(&br#" {"a": 1, "b": 2, "a": 3} trailing {"#[..]).unwrap();
        assert_eq!(value, json!({ "a": 3, "b": 2 }));
    }

    #[test]
    fn parts_that_nobody_knows_are_named() {
        assert_eq!(
            unknown_parts(&json!({ "source": {}, "parmas": {}, "uri": "x" }), Step::Put),
            [
                "the request's key \"parmas\" is ignored; did you mean \"params\"?",
                "the request's key \"uri\" is ignored; it has source, version and params",
            ]
        );
        assert!(unknown_parts(&json!([]), Step::Get).is_empty());
        let request = json!({ "params": { "depth": 1 } });
        assert!(unknown_parts(&request, Step::Get).is_empty());
        assert_eq!(
            unknown_parts(&request, Step::Check),
            ["the request's params are ignored: a check has none"]
        );
    }

    #[test]
    fn nothing_after_the_first_value_is_waited_for() {
        struct ThenFails<'a>(&'a [u8]);
        impl Read for ThenFails<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                assert!(!self.0.is_empty(), "read on after the value was complete");
                self.0.read(buffer)
            }
        }
        assert_eq!(
            read_json(ThenFails(b"{\"source\": {}}")).unwrap(),
            json!({ "source": {} })
        );
    }

    #[test]
    fn what_is_wrong_with_a_request_is_said_without_the_request() {
        for (text, expected) in [
            ("", "there is no request on stdin\n  hint: "),
            (" \n ", "there is no request on stdin\n  hint: "),
            (
                r#"{"source": {"uri": "secr"#,
                "the request on stdin is truncated: EOF while parsing a string at line 1 column 24",
            ),
            (
                "{\n\"source\": secret}",
                "the request on stdin is not valid JSON: expected value at line 2 column 11",
            ),
            (
                "[1]",
                "the request on stdin is a list: expected an object such as ",
            ),
            (
                "\"secret\"",
                "the request on stdin is a string: expected an object such as ",
            ),
            (
                "null",
                "the request on stdin is null: expected an object such as ",
            ),
            (
                r#"{"source": "secret"}"#,
                "source: expected an object, found a string",
            ),
            (r#"{"params": [1]}"#, "params: expected an object, found a list"),
            (r#"{"version": 3}"#, "version: expected an object, found a number"),
        ] {
            let message = failure(text);
            assert!(
                message.starts_with(expected) && !message.contains("secret"),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn null_and_absence_are_the_same() {
        for text in ["{}", r#"{"source": null, "version": null, "params": null}"#] {
            assert_eq!(
                request(read_json(text.as_bytes()).unwrap(), 1).unwrap(),
                Request::default()
            );
        }
        assert_eq!(request(json!({ "source": 1 }), 5).unwrap_err().exit_status(), 5);
    }

    #[test]
    fn a_person_may_write_yaml() {
        let expected =
            json!({ "source": { "uri": "x", "depth": 3, "on": true, "tags": ["a"], "none": null } });
        for text in [
            "source:\n  uri: x\n  depth: 3\n  \"on\": true\n  tags: [a]\n  none:\n",
            "{source: {uri: x, depth: 3, \"on\": true, tags: [a], none: ~}}",
            r#"{"source": {"uri": "x", "depth": 3, "on": true, "tags": ["a"], "none": null}}"#,
        ] {
            assert_eq!(
                read_json_or_yaml(text.as_bytes(), &Value::Null, &Value::Null).unwrap(),
                expected,
                "{text}"
            );
        }
        for (text, expected) in [
            ("", "there is no request on stdin"),
            (
                "{\"source\": {\"password\": \"hunter2\"",
                "the request on stdin is truncated",
            ),
            (
                "source:\n  password: 'hunter2\n bad: [",
                "the request on stdin is neither valid JSON nor valid YAML",
            ),
        ] {
            let message = read_json_or_yaml(text.as_bytes(), &Value::Null, &Value::Null)
                .unwrap_err()
                .to_string();
            assert!(
                message.starts_with(expected) && !message.contains("hunter2"),
                "{text}: {message}"
            );
        }
    }
}
