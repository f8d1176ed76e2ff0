//! `version`.

use concourse_resource_sdk::{Error, Result, Version, VersionMap};
use serde_json::{Map, Value};

/// A put: when it was, and, if a bot sent a message, which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackVersion(VersionMap);

impl SlackVersion {
    /// A put at this time, in whole seconds since 1970.
    #[must_use]
    pub fn at(timestamp: impl Into<String>) -> Self {
        Self(VersionMap::new("timestamp", timestamp))
    }

    /// The same with the message that it sent: its channel's id, and its timestamp, which is its id there.
    #[must_use]
    pub fn with_message(self, channel: &str, ts: &str) -> Self {
        Self(self.0.with("channel", channel).with("ts", ts))
    }

    /// The id of the channel and the timestamp of the message.
    #[must_use]
    pub fn message(&self) -> Option<(&str, &str)> {
        Some((self.0.get("channel")?, self.0.get("ts")?))
    }
}

/// CONTRACT 1: a version without a timestamp is none; every key that was given is kept.
impl Version for SlackVersion {
    fn read(map: &Map<String, Value>) -> Result<Option<Self>> {
        let Some(timestamp) = entry(map, "timestamp")? else {
            return Ok(None);
        };
        let mut version = VersionMap::new("timestamp", timestamp);
        for key in map.keys().filter(|key| *key != "timestamp") {
            if let Some(text) = entry(map, key)? {
                version = version.with(key, text);
            }
        }
        Ok(Some(Self(version)))
    }

    fn write(&self) -> Result<VersionMap> {
        Ok(self.0.clone())
    }
}

fn entry(map: &Map<String, Value>, key: &str) -> Result<Option<String>> {
    match map.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(true)) => Ok(Some("true".to_owned())),
        Some(Value::Array(_) | Value::Object(_)) => {
            Err(Error::config(format!("version.{key}"), "expected a string"))
        }
    }
}
