//! `version`.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result, Version, VersionMap};
use git2::Oid;
use serde_json::{Map, Value};

/// A commit, by its id, the name of a tag or of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitVersion {
    /// Commit id, abbreviated commit id, name of a tag or of a branch.
    pub reference: String,
    /// The branch that a put with `params.branch` pushed to.
    pub branch: Option<String>,
    /// The commit that a check found the tag `reference` at. It is shown, and read by nobody.
    pub commit: Option<String>,
}

impl GitVersion {
    /// The version of a commit, tag or branch.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            branch: None,
            commit: None,
        }
    }

    /// The version of a tag.
    pub fn tagged(tag: impl Into<String>, commit: Oid) -> Self {
        Self {
            commit: Some(commit.to_string()),
            ..Self::new(tag)
        }
    }
}

impl Version for GitVersion {
    fn read(map: &Map<String, Value>) -> Result<Option<Self>> {
        let reference = text_entry(map, "ref")?;
        let branch = text_entry(map, "branch")?;
        Ok(reference.map(|reference| Self {
            branch,
            ..Self::new(reference)
        }))
    }

    fn write(&self) -> Result<VersionMap> {
        let version = match &self.branch {
            Some(branch) => VersionMap::new("branch", branch).with("ref", &self.reference),
            None => VersionMap::new("ref", &self.reference),
        };
        Ok(match &self.commit {
            Some(commit) => version.with("commit", commit),
            None => version,
        })
    }
}

fn text_entry(map: &Map<String, Value>, key: &str) -> Result<Option<String>> {
    match map.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(true)) => Ok(Some("true".to_owned())),
        Some(Value::Array(_)) => Err(wrong_entry(key, "an array")),
        Some(Value::Object(_)) => Err(wrong_entry(key, "an object")),
    }
}

fn wrong_entry(key: &str, found: &str) -> Error {
    Error::config(
        format!("version.{key}"),
        format!("expected a string, found {found}"),
    )
    .exit(crate::WRONG_TYPE_EXIT)
}
