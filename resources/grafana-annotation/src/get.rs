//! `in`: writes the id down (CONTRACT 4.2).

use std::path::Path;

use concourse_resource_sdk::{Error, Outcome, Result};
use serde_json::Value;

use crate::GrafanaAnnotation;
use crate::config::AnnotationVersion;
use crate::inputs::ID_FILE;

pub(crate) fn get(version: AnnotationVersion, dest: &Path) -> Result<Outcome<GrafanaAnnotation>> {
    let path = dest.join(ID_FILE);
    std::fs::write(&path, version.id())
        .map_err(|error| Error::internal(format!("failed to write {}", path.display())).cause(error))?;
    let mut outcome = Outcome::new(version).without_metadata();
    // CONTRACT 4.2, K: null.
    outcome.extra.insert("metadata".to_owned(), Value::Null);
    Ok(outcome)
}
