//! What the tests of the slack resource need.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::executable;

/// The inputs of a build: the files of the contract's acceptance cases.
pub(crate) fn inputs() -> TempDir {
    let inputs = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("note.txt", "build $BUILD_NAME\nok\n\n"),
        ("empty.txt", ""),
        ("rooms", "#ops\n@eve\n"),
        ("att.json", r##"[{"color":"good","text":"#${BUILD_NAME}"}]"##),
    ] {
        std::fs::write(inputs.path().join(name), text).unwrap();
    }
    inputs
}

/// `out` in the environment of the acceptance cases.
pub(crate) fn put(source: &Value, params: &Value) -> Run {
    Run::put(executable("slack"))
        .env("BUILD_NAME", "41")
        .env("BUILD_JOB_NAME", "ship")
        .request(&json!({ "source": source, "params": params }))
}

/// A version that holds nothing but the time, which is about now.
#[track_caller]
pub(crate) fn assert_version_only(answer: &Value) {
    let timestamp = answer["version"]["timestamp"].as_str().expect("a timestamp");
    let age = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        - timestamp.parse::<u64>().expect("whole seconds");
    assert!(age < 120, "{answer}");
    assert_eq!(*answer, json!({ "version": { "timestamp": timestamp } }));
}
