//! Whether what is generated and committed is what would be generated now.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::{markdown, version_schema};
use crate::erased::{ErasedResource, Part};

/// When set to `1`, the files are written instead of compared.
const UPDATE: &str = "UPDATE_DOCS";

/// Generated files that are not what they would be now.
#[derive(PartialEq, Eq)]
pub struct Outdated(Vec<String>);

// The same: a test shows it with `unwrap`.
impl fmt::Debug for Outdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Outdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; `make docs` (or the tests with {UPDATE}=1) brings it up to date",
            self.0.join("; ")
        )
    }
}

impl std::error::Error for Outdated {}

/// Compares `schema/{source,get,put,version}.json` and the field tables of `README.md`, both in `directory`, with what the
/// resource's types say now. With `UPDATE_DOCS=1` in the environment they are written instead.
///
/// A table stands between `<!-- BEGIN fields: source -->` (or `get`, `put`) and `<!-- END fields -->`; a part that has
/// fields must have one. Meant for a test of each resource:
///
/// ```ignore
/// concourse_resource_sdk::docs::current(&Git, env!("CARGO_MANIFEST_DIR")).unwrap();
/// ```
///
/// # Errors
/// Says which files are not current, or could not be read or written.
pub fn current(resource: &dyn ErasedResource, directory: impl AsRef<Path>) -> Result<(), Outdated> {
    let update = std::env::var_os(UPDATE).is_some_and(|value| value == "1");
    check(resource, directory.as_ref(), update)
}

pub(super) fn check(resource: &dyn ErasedResource, directory: &Path, update: bool) -> Result<(), Outdated> {
    let mut wrong = Vec::new();
    for (path, expected) in schemas(resource, directory) {
        compare(&path, &expected, update, &mut wrong);
    }
    let readme = directory.join("README.md");
    match fs::read_to_string(&readme) {
        Ok(text) => match with_tables(resource, &text) {
            Ok(expected) => compare(&readme, &expected, update, &mut wrong),
            Err(problem) => wrong.push(format!("{}: {problem}", named(&readme))),
        },
        Err(error) => wrong.push(format!("{} cannot be read: {error}", named(&readme))),
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Outdated(wrong))
    }
}

fn schemas(resource: &dyn ErasedResource, directory: &Path) -> Vec<(PathBuf, String)> {
    let parts = Part::ALL
        .into_iter()
        .map(|part| (part.name(), resource.schema(part)));
    parts
        .chain([("version", version_schema())])
        .map(|(name, schema)| {
            (
                directory.join(format!("schema/{name}.json")),
                format!("{schema:#}\n"),
            )
        })
        .collect()
}

fn compare(path: &Path, expected: &str, update: bool, wrong: &mut Vec<String>) {
    if fs::read_to_string(path).is_ok_and(|found| found == expected) {
        return;
    }
    if !update {
        wrong.push(format!("{} is not current", named(path)));
        return;
    }
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, expected));
    if let Err(error) = written {
        wrong.push(format!("{} cannot be written: {error}", named(path)));
    }
}

/// The last two parts of the path.
fn named(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// The README with its tables made anew.
fn with_tables(resource: &dyn ErasedResource, readme: &str) -> Result<String, String> {
    let mut text = readme.to_owned();
    for part in Part::ALL {
        let table = markdown(resource, part);
        let begin = format!("<!-- BEGIN fields: {} -->", part.name());
        let end = "<!-- END fields -->";
        let Some(from) = text.find(&begin).map(|at| at + begin.len()) else {
            if table.starts_with('|') {
                return Err(format!("{begin} is missing"));
            }
            continue;
        };
        let to = text[from..]
            .find(end)
            .map(|at| from + at)
            .ok_or_else(|| format!("{begin} has no {end}"))?;
        text.replace_range(from..to, &format!("\n{table}"));
    }
    Ok(text)
}
