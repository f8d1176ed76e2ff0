//! What is wrong with a value of the wrong type, in words.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::walk::escaped;
use crate::console::Console;
use crate::erased::Part;
use crate::error::Error;

/// More of a value than anyone needs to find it again.
const LONGEST_VALUE: usize = 80;

/// What is wrong with a value, and where it stands, as a JSON pointer.
pub(super) struct Wrong {
    pub(super) problem: Error,
    pub(super) pointer: String,
    pub(super) what: What,
}

/// How it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing stands there.
    Missing,
    /// What stands there.
    Value,
}

/// Turns what serde says into `source.regexp: expected a string, found number 3`. `is_secret` is of values that no schema marks.
pub(super) fn describe(
    part: Part,
    error: &serde_path_to_error::Error<serde_json::Error>,
    value: &Value,
    secrets: &BTreeSet<String>,
    is_secret: bool,
    log: &Console,
) -> Wrong {
    let mut place = Place::of(error.path(), secrets);
    place.is_secret |= is_secret;
    let said = error.inner().to_string();
    for (before, what) in [
        ("missing field `", What::Missing),
        ("unknown field `", What::Value),
    ] {
        if let Some(field) = between(&said, before, "`") {
            let text = match what {
                What::Missing => "is required",
                What::Value => "is not a field that is known here",
            };
            return Wrong {
                problem: Error::config(format!("{}.{field}", place.path(part)), text),
                pointer: format!("{}/{}", place.pointer, escaped(field)),
                what,
            };
        }
    }
    Wrong {
        problem: problem(&said, &place, place.path(part), value, log),
        pointer: place.pointer,
        what: What::Value,
    }
}

fn problem(said: &str, place: &Place, path: String, value: &Value, log: &Console) -> Error {
    let found = value.pointer(&place.pointer).unwrap_or(&Value::Null);
    let shown = |found: &Value| {
        if place.is_secret {
            kind(found).to_owned()
        } else {
            described(found, log)
        }
    };
    if let Some((_, expected)) = expectation(said) {
        if place.pointer.is_empty() && found.is_object() {
            // Serde does not tell which, below a field that is flattened.
            return Error::config(path, format!("expected {} in one of its fields", plain(expected)));
        }
        return Error::config(
            path,
            format!("expected {}, found {}", plain(expected), shown(found)),
        );
    }
    if let Some(variants) = said
        .strip_prefix("unknown variant ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        let names: Vec<&str> = variants.1.split('`').skip(1).step_by(2).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let problem = Error::config(
            path,
            format!("expected {}, found {}", alternatives(&quoted), shown(found)),
        );
        return match found
            .as_str()
            .and_then(|found| super::keys::closest(found, &names))
        {
            Some(meant) if !place.is_secret => problem.hint(format!("did you mean \"{meant}\"?")),
            _ => problem,
        };
    }
    if place.is_secret {
        // The text is the resource's own and may quote the value.
        return Error::config(path, format!("this {} is not valid", kind(found)));
    }
    if said.starts_with("expected ") && !said.contains("found") {
        return Error::config(path, format!("{said}, found {}", shown(found)));
    }
    Error::config(path, log.redacted(said))
}

/// Where the error is.
struct Place {
    pointer: String,
    path: String,
    is_secret: bool,
}

impl Place {
    fn of(path: &Path, secrets: &BTreeSet<String>) -> Self {
        let mut place = Self {
            pointer: String::new(),
            path: String::new(),
            is_secret: false,
        };
        for segment in path {
            match segment {
                Segment::Map { key } => {
                    place.pointer.push('/');
                    place.pointer.push_str(&escaped(key));
                    place.path.push('.');
                    place.path.push_str(key);
                }
                Segment::Seq { index } => {
                    place.pointer = format!("{}/{index}", place.pointer);
                    place.path = format!("{}[{index}]", place.path);
                }
                // An enum's variant is a key of the value, or its text; what cannot be named ends the path.
                Segment::Enum { .. } | Segment::Unknown => break,
            }
            place.is_secret |= secrets.contains(&place.pointer);
        }
        // A value that holds a secret is not shown either.
        let below = format!("{}/", place.pointer);
        place.is_secret |=
            secrets.iter().any(|secret| secret.starts_with(&below)) && !place.pointer.is_empty();
        place
    }

    fn path(&self, part: Part) -> String {
        format!("{}{}", part.key(), self.path)
    }
}

/// `expected a whole number, found string "x"`, of what serde says; anything else stays as it is.
pub(super) fn plainly(said: &str) -> String {
    match expectation(said) {
        Some((found, expected)) => format!("expected {}, found {found}", plain(expected)),
        None => said.to_owned(),
    }
}

/// What was found and what was expected, of `invalid type: X, expected Y` and its like.
fn expectation(said: &str) -> Option<(&str, &str)> {
    let rest = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|prefix| said.strip_prefix(prefix))?;
    // The value comes first and may hold any text.
    let at = rest.rfind(", expected ")?;
    Some((&rest[..at], &rest[at + ", expected ".len()..]))
}

/// What serde and Rust call it, as JSON calls it.
fn plain(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "f32" | "f64" => "a number",
        "a map" => "an object",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "string or map" => "a string or an object",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("a nonzero ") => "a whole number other than 0",
        other => other,
    }
}

/// `"a"`, `"a" or "b"`, `one of "a", "b", "c"`.
fn alternatives(quoted: &[String]) -> String {
    match quoted {
        [] => "another value".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        many => format!("one of {}", many.join(", ")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn described(value: &Value, log: &Console) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("{} {value}", kind(value)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => {
            // Cut after redacting: the beginning of a secret would not be found any more.
            let clean = log.redacted(text);
            let cut: String = clean.chars().take(LONGEST_VALUE).collect();
            let more = if cut.len() < clean.len() { "…" } else { "" };
            format!("string {}{more}", Value::from(cut))
        }
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    text.strip_prefix(before)?.split(after).next()
}
