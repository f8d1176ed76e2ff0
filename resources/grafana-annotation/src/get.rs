//! `in`: writes the id down (CONTRACT 4.2).

use std::path::Path;

use concourse_resource_sdk::compat::OutcomeExt as _;
use concourse_resource_sdk::{Outcome, Result, ResultExt as _};
use serde_json::Value;

use crate::config::AnnotationVersion;
use crate::inputs::ID_FILE;

pub(crate) fn get(version: AnnotationVersion, dest: &Path) -> Result<Outcome<AnnotationVersion>> {
    let path = dest.join(ID_FILE);
    std::fs::write(&path, version.id()).internal(format!("failed to write {}", path.display()))?;
    // CONTRACT 4.2, K: null.
    Ok(Outcome::new(version)
        .without_metadata()
        .with_key("metadata", Value::Null))
}
