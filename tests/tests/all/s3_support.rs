//! What the tests of the s3 resource need.

use std::path::Path;

use concourse_resource_sdk::testing::{Output, Run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::executable;

/// The keys of the acceptance cases.
pub(crate) const L: [&str; 5] = [
    "out/cli-0.9.0.tgz",
    "out/cli-0.10.0.tgz",
    "out/cli-1.0.0-beta.2.tgz",
    "out/cli-1.0.0.tgz",
    "out/notes.md",
];
/// Their pattern.
pub(crate) const R: &str = r"out/cli-(.*)\.tgz";

/// The version of a key of theirs.
pub(crate) fn p(version: &str) -> Value {
    json!({ "path": format!("out/cli-{version}.tgz") })
}

pub(crate) fn check(source: &Value, version: &Value) -> Output {
    Run::check(executable("s3"))
        .request(&json!({ "source": source, "version": version }))
        .run()
}

pub(crate) fn getting(source: &Value, version: &Value, params: &Value) -> Run {
    Run::get(executable("s3")).request(&json!({ "source": source, "version": version, "params": params }))
}

pub(crate) fn get(source: &Value, version: &Value, params: &Value) -> Output {
    getting(source, version, params).run()
}

pub(crate) fn put(source: &Value, params: &Value, inputs: &TempDir) -> Output {
    Run::put(executable("s3"))
        .request(&json!({ "source": source, "params": params }))
        .work(inputs.path())
        .run()
}

/// Sources with these files, each of which holds its own name.
pub(crate) fn inputs(files: &[&str]) -> TempDir {
    let inputs = tempfile::tempdir().unwrap();
    for file in files {
        let path = inputs.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file).unwrap();
    }
    inputs
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What a get wrote into a file.
#[track_caller]
pub(crate) fn file(output: &Output, name: &str) -> String {
    std::fs::read_to_string(output.work().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Bytes that do not repeat, and are the same each time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}
