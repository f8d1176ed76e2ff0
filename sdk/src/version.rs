//! Versions: flat objects of texts.

mod ready;
mod text;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
pub use ready::{Listing, PutTime};

/// A version: any struct with serde's `Serialize` and `Deserialize` whose fields are scalars. Concourse stores texts: numbers, truth values and
/// the names of an enum's variants are written as such and read back; a field that is `None` is left out.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Build { number: u64, branch: Option<String> }
/// // {"number": "17"}
/// ```
///
/// A type without them may implement it by hand.
pub trait Version: Sized + Send + Sync + 'static {
    /// Reads the `version` object of a request. `Ok(None)` when it names no version.
    ///
    /// # Errors
    /// A wrong configuration whose path begins with `version`.
    fn read(fields: &Map<String, Value>) -> Result<Option<Self>>;

    /// The version as Concourse stores it.
    ///
    /// # Errors
    /// Fails where it is no flat object of scalars, or an empty one.
    fn write(&self) -> Result<VersionMap>;
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Version for T {
    fn read(fields: &Map<String, Value>) -> Result<Option<Self>> {
        text::read(fields)
    }

    fn write(&self) -> Result<VersionMap> {
        let defect =
            || Error::internal("a version is no flat object of scalars: this is a defect in the resource");
        let value = serde_json::to_value(self).map_err(|error| defect().cause(error))?;
        let Value::Object(fields) = value else {
            return Err(defect());
        };
        let mut map: Option<VersionMap> = None;
        for (key, value) in fields {
            let text = match text::of(&value) {
                Some(text) => text,
                None if value.is_null() => continue,
                None => return Err(defect()),
            };
            map = Some(match map {
                Some(map) => map.with(key, text),
                None => VersionMap::new(key, text),
            });
        }
        map.ok_or_else(defect)
    }
}

/// A version whose keys are not known beforehand, with at least one entry, in a stable order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionMap {
    first: (String, String),
    rest: Vec<(String, String)>,
}

impl VersionMap {
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

impl Serialize for VersionMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.rest.len()))?;
        for (key, value) in self.entries() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for VersionMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::<String, Value>::deserialize(deserializer)?;
        let mut entries = fields
            .iter()
            .filter_map(|(key, value)| Some((key.as_str(), text::of(value)?)));
        let (key, value) = entries
            .next()
            .ok_or_else(|| serde::de::Error::custom("expected an entry"))?;
        Ok(entries.fold(Self::new(key, value), |version, (key, value)| {
            version.with(key, value)
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    fn read<V: Version>(value: &Value) -> Result<Option<V>, String> {
        V::read(value.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[derive(Debug, PartialEq, Clone, Copy, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Full,
        PreRelease,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Build {
        number: u64,
        kind: Kind,
        #[serde(default)]
        tested: bool,
        branch: Option<String>,
        offset: Option<i8>,
    }

    #[test]
    fn a_struct_is_written_as_texts_and_read_back() {
        let build = Build {
            number: 17,
            kind: Kind::PreRelease,
            tested: true,
            branch: None,
            offset: Some(-3),
        };
        let map = build.write().unwrap();
        let written = json!({ "number": "17", "kind": "pre_release", "tested": "true", "offset": "-3" });
        assert_eq!(serde_json::to_value(&map).unwrap(), written);
        assert_eq!(read(&written), Ok(Some(build)));
        // By hand, people write numbers.
        let by_hand = json!({ "number": 5, "kind": "full", "branch": "7e04338", "tested": null });
        let build: Build = read(&by_hand).unwrap().unwrap();
        assert_eq!(
            (build.number, build.tested, build.branch.as_deref()),
            (5, false, Some("7e04338"))
        );
        assert_eq!(read::<Build>(&json!({})), Ok(None));
        assert_eq!(read::<Build>(&json!({ "number": null })), Ok(None));
    }

    #[derive(Serialize, Deserialize)]
    struct Nested {
        list: Vec<u8>,
    }

    #[test]
    fn what_is_wrong_with_a_version_is_named() {
        for (value, expected) in [
            (
                json!({ "number": "x", "kind": "full" }),
                "version.number: expected a whole number, 0 or more, found string \"x\"",
            ),
            (
                json!({ "number": "-1", "kind": "full" }),
                "version.number: expected a whole number, 0 or more, found string \"-1\"",
            ),
            (
                json!({ "number": "1", "kind": "fulll" }),
                "version.kind: unknown variant `fulll`, expected `full` or `pre_release`",
            ),
            (json!({ "number": "1" }), "version.kind: is required"),
            (
                json!({ "number": ["1"], "kind": "full" }),
                "version.number: expected a string, found a list",
            ),
            (
                json!({ "number": "1", "kind": "full", "offset": "999" }),
                "version.offset: expected a whole number, found string \"999\"",
            ),
        ] {
            assert_eq!(read::<Build>(&value), Err(expected.to_owned()));
        }
        assert!(
            Nested { list: vec![1] }
                .write()
                .unwrap_err()
                .to_string()
                .contains("defect")
        );
    }

    #[test]
    fn entries_keep_their_order_and_the_last_value() {
        let version = VersionMap::new("b", "1").with("a", "2").with("b", "3");
        assert_eq!(serde_json::to_string(&version).unwrap(), r#"{"b":"3","a":"2"}"#);
        assert_eq!((version.get("a"), version.get("c")), (Some("2"), None));
        assert_eq!(version.write().unwrap(), version);
    }

    #[test]
    fn scalars_are_read_and_what_is_nested_is_refused() {
        let version: VersionMap = read(&json!({ "a": "x", "n": 1, "t": true, "z": null }))
            .unwrap()
            .unwrap();
        assert_eq!(
            version,
            VersionMap::new("a", "x").with("n", "1").with("t", "true")
        );
        assert_eq!(read::<VersionMap>(&json!({})), Ok(None));
        assert_eq!(read::<VersionMap>(&json!({ "a": null })), Ok(None));
        assert_eq!(
            read::<VersionMap>(&json!({ "a": ["x"] })),
            Err("version.a: expected a string, found a list".to_owned())
        );
    }
}
