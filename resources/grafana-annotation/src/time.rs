//! Points in time, as people write them.

use std::borrow::Cow;

use concourse_resource_sdk::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Numbers below are seconds, all others milliseconds: as seconds it is the year 5138, as milliseconds it is 1973.
const FIRST_MILLISECOND: i64 = 100_000_000_000;

/// A point in time as it was written: a text, which may hold variables, or a whole number; empty if there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Time(String);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            other => {
                let expected = "RFC 3339 or a number of seconds or milliseconds since 1970";
                let found = if other.is_boolean() {
                    "boolean"
                } else {
                    "list or object"
                };
                Err(serde::de::Error::custom(format!(
                    "expected {expected}, found {found}"
                )))
            }
        }
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

impl Time {
    /// Milliseconds since 1970, after variables were put in. None if no time was given.
    ///
    /// # Errors
    /// What is no time, by the name of its field.
    pub(crate) fn resolve(&self, field: &str, expand: impl Fn(&str) -> String) -> Result<Option<i64>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let text = expand(&self.0);
        let time = milliseconds(text.trim()).ok_or_else(|| {
            let message = format!(
                "expected RFC 3339 such as 2026-11-23T10:00:00Z, or seconds or milliseconds since 1970, found \"{text}\""
            );
            Error::config(format!("params.{field}"), message)
        })?;
        Ok(Some(time))
    }
}

/// None for 0, too, which Grafana takes for "not given".
fn milliseconds(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let time = if number < FIRST_MILLISECOND {
            number.checked_mul(1000)
        } else {
            Some(number)
        };
        return time.filter(|time| *time > 0);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond()).filter(|time| *time > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_apart() {
        for (text, expected) in [
            ("0", None),
            ("1", Some(1000)),
            ("1970-01-01T00:00:00Z", None),
            ("1700000000", Some(1_700_000_000_000)),
            ("99999999999", Some(99_999_999_999_000)),
            ("100000000000", Some(100_000_000_000)),
            ("1700000000123", Some(1_700_000_000_123)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T23:13:20.123+01:00", Some(1_700_000_000_123)),
            ("2023-11-14 22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20", None),
            ("2023-11-14", None),
            ("1960-01-01T00:00:00Z", None),
            ("-5", None),
            ("1.5", None),
            ("1e9", None),
            ("99999999999999999999", None),
            ("now", None),
            ("nil", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
