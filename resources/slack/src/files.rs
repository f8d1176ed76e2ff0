//! Files of the build that a put may name.

use std::io::ErrorKind;
use std::path::Path;

use concourse_resource_sdk::{Error, Result};

/// The text of a file that may be missing (CONTRACT 3), relative to the directory of the build's inputs. What is no file
/// counts as missing; what is no UTF-8 is replaced.
pub(crate) fn read(sources: &Path, field: &str, file: Option<&str>) -> Result<Option<String>> {
    let Some(file) = file.filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    let path = sources.join(file);
    if path.is_dir() {
        return Ok(None);
    }
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::internal(format!("failed to read params.{field} \"{file}\"")).cause(error)),
    }
}
