//! `version`.

use concourse_resource_sdk::{Problem, Version, VersionShape};
use serde_json::{Map, Value};

/// A commit that changed the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockVersion {
    /// The id of the commit.
    pub reference: String,
}

impl VersionShape for LockVersion {
    fn read(map: &Map<String, Value>) -> Result<Option<Self>, Problem> {
        match map.get("ref") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(Self {
                reference: text.trim().to_owned(),
            })),
            Some(other) => Err(Problem::new(
                "version.ref",
                format!("expected a string, found {other}"),
            )),
        }
    }

    fn write(&self) -> Version {
        Version::new("ref", &self.reference)
    }
}
