//! What the tests of the grafana-annotation resource need.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::executable;

/// The text without a template.
pub(crate) const DEFAULT_TEXT: &str = "900 https://ci.test/teams/core/pipelines/site/jobs/deploy/builds/12";

/// `out` in the environment of the acceptance cases.
pub(crate) fn put(source: &Value, params: &Value) -> Run {
    let variables = [
        ("BUILD_ID", "900"),
        ("BUILD_NAME", "12"),
        ("BUILD_JOB_NAME", "deploy"),
        ("BUILD_PIPELINE_NAME", "site"),
        ("BUILD_TEAM_NAME", "core"),
        ("ATC_EXTERNAL_URL", "https://ci.test"),
    ];
    let run =
        Run::put(executable("grafana-annotation")).request(&json!({ "source": source, "params": params }));
    variables
        .into_iter()
        .fold(run, |run, (name, value)| run.env(name, value))
}

/// Sources with `ann/id`.
pub(crate) fn inputs(id: &str) -> TempDir {
    let inputs = tempfile::tempdir().unwrap();
    std::fs::create_dir(inputs.path().join("ann")).unwrap();
    std::fs::write(inputs.path().join("ann/id"), id).unwrap();
    inputs
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(now.as_millis()).unwrap()
}
