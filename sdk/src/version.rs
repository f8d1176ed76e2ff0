//! Versions that cannot be wrong: flat, non-empty, strings only.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::config::Problem;

/// A version as Concourse stores it: a flat map of strings with at least one entry, in a stable order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    first: (String, String),
    rest: Vec<(String, String)>,
}

impl Version {
    /// A version of one entry.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            first: (key.into(), value.into()),
            rest: Vec::new(),
        }
    }

    /// Adds an entry, or replaces the value of the entry of that key.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        match std::iter::once(&mut self.first)
            .chain(&mut self.rest)
            .find(|entry| entry.0 == key)
        {
            Some(entry) => entry.1 = value,
            None => self.rest.push((key, value)),
        }
        self
    }

    /// The value at `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries().find(|entry| entry.0 == key).map(|entry| entry.1)
    }

    /// All entries, in the order in which they were added.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::once(&self.first)
            .chain(&self.rest)
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.rest.len()))?;
        for (key, value) in self.entries() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A resource's version type: lenient in what it reads, strict in what it writes.
pub trait VersionShape: Sized + Send + 'static {
    /// Reads the `version` object of a request. `Ok(None)` when it names no version.
    ///
    /// # Errors
    /// A [`Problem`] whose path begins with `version`.
    fn read(map: &Map<String, Value>) -> Result<Option<Self>, Problem>;

    /// The version as Concourse stores it.
    fn write(&self) -> Version;
}

/// Reads any version whose values are strings, numbers or booleans, and writes it back as it was.
impl VersionShape for Version {
    fn read(map: &Map<String, Value>) -> Result<Option<Self>, Problem> {
        let mut version: Option<Self> = None;
        for (key, value) in map {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    return Err(Problem::new(format!("version.{key}"), "expected a string"));
                }
            };
            version = Some(match version {
                Some(version) => version.with(key, text),
                None => Self::new(key, text),
            });
        }
        Ok(version)
    }

    fn write(&self) -> Version {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Option<Version>, Problem> {
        Version::read(value.as_object().unwrap())
    }

    #[test]
    fn entries_keep_their_order_and_the_last_value() {
        let version = Version::new("b", "1").with("a", "2").with("b", "3");
        assert_eq!(serde_json::to_string(&version).unwrap(), r#"{"b":"3","a":"2"}"#);
        assert_eq!((version.get("a"), version.get("c")), (Some("2"), None));
    }

    #[test]
    fn scalars_are_read_and_what_is_nested_is_refused() {
        let version = read(&json!({ "a": "x", "n": 1, "t": true, "z": null }))
            .unwrap()
            .unwrap();
        assert_eq!(version, Version::new("a", "x").with("n", "1").with("t", "true"));
        assert_eq!(version.write(), version);
        assert_eq!(read(&json!({})).unwrap(), None);
        assert_eq!(read(&json!({ "a": null })).unwrap(), None);
        assert_eq!(
            read(&json!({ "a": ["x"] })).unwrap_err().to_string(),
            "version.a: expected a string"
        );
    }
}
