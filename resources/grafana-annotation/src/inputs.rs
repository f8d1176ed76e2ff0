//! Files of the build's inputs.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use concourse_resource_sdk::{Error, Result};

use crate::id::AnnotationId;

/// The name of the file that holds the id of an annotation.
pub(crate) const ID_FILE: &str = "id";

/// CONTRACT 3: a path below the sources, normalised; a leading slash does not leave them, `..` may.
pub(crate) fn below(sources: &Path, path: &str) -> PathBuf {
    let mut below = sources.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::ParentDir => drop(below.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    below
}

/// The id of the annotation to update: what the file `id` in the directory at `path` says.
pub(crate) fn id(sources: &Path, path: &str) -> Result<AnnotationId> {
    let file = below(sources, path).join(ID_FILE);
    let wrong = |why: String, hint: &str| -> Error {
        let text = format!(
            "failed to read the id of the annotation to update from {}: {why}",
            file.display()
        );
        Error::config("params.path", text).hint(hint)
    };
    let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => wrong(
            "there is no such file".to_owned(),
            "path is the name of an earlier put of this resource in the same build; if that put failed, there is no annotation to update",
        ),
        _ => wrong(error.to_string(), "the file holds the id of an annotation, nothing else"),
    })?;
    AnnotationId::parse(&text).ok_or_else(|| {
        let shown: String = text.trim().chars().take(40).collect();
        if shown.is_empty() {
            wrong(
                "it is empty".to_owned(),
                "the put or task that should have written it made no annotation",
            )
        } else {
            wrong(
                format!("\"{shown}\" is no id"),
                "an id is a whole number above 0, and nothing else is in the file",
            )
        }
    })
}

/// The text of a file that has to be there.
pub(crate) fn text(sources: &Path, path: &str) -> Result<String> {
    let file = below(sources, path);
    let bytes = std::fs::read(&file).map_err(|error| {
        Error::config(
            "params.text_file",
            format!("failed to read {}: {error}", file.display()),
        )
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_normalised() {
        for (path, expected) in [
            ("ann", "/a/b/ann"),
            ("/ann", "/a/b/ann"),
            ("./x//y/", "/a/b/x/y"),
            ("../c", "/a/c"),
            ("x/../y", "/a/b/y"),
            ("", "/a/b"),
            ("../../../../etc", "/etc"),
        ] {
            assert_eq!(below(Path::new("/a/b"), path), Path::new(expected), "{path:?}");
        }
    }
}
