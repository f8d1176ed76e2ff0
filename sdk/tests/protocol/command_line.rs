//! The command line.

use super::*;

#[test]
fn a_request_may_be_yaml_and_the_answer_is_json_in_a_pipe() {
    let run = Run::command(example("probe"))
        .arg("check")
        .stdin("source:\n  uri: x\nversion: {ref: a}\n")
        .run();
    assert_eq!(run.text(), "[{\"ref\":\"a\"}]\n");
    let run = Run::command(example("probe"))
        .args(["check", "--json"])
        .stdin("{}")
        .run();
    assert_eq!(run.ok(), json!([]));
}

#[test]
fn failures_are_those_of_the_protocol_without_colours() {
    let run = Run::command(example("probe"))
        .arg("check")
        .stdin("source: {uri: 3}")
        .run();
    assert_eq!(
        run.fails(5).raw_stderr,
        "source.uri: expected a string, found number 3\n"
    );
}

#[test]
fn get_makes_its_destination() {
    let directory = tempfile::tempdir().unwrap();
    let run = Run::command(example("interval"))
        .args(["get", "new/out"])
        .dir(directory.path())
        .stdin("source: {minutes: 5}\nversion: {begin: '60'}\n")
        .run();
    assert_eq!(run.ok(), json!({ "version": { "begin": "60" }, "metadata": [] }));
    assert_eq!(
        std::fs::read_to_string(directory.path().join("new/out/begin")).unwrap(),
        "60"
    );
}

#[test]
fn help_has_the_fields_and_the_schema_marks_secrets() {
    let help = Run::command(example("probe")).args(["check", "--help"]).run();
    assert!(
        help.text().contains("  password (string, secret"),
        "{}",
        help.text()
    );
    let schema = Run::command(example("probe"))
        .args(["schema", "source"])
        .run()
        .ok();
    assert_eq!(schema["properties"]["password"]["writeOnly"], json!(true));
    let all = Run::command(example("probe")).arg("schema").run().ok();
    assert_eq!(
        all.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["source", "get", "put", "version"]
    );
    let version = Run::command(example("probe")).arg("--version").run();
    assert!(
        version.text().starts_with("probe-resource "),
        "{}",
        version.text()
    );
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    for arguments in [&["frobnicate"][..], &["get"], &[]] {
        let run = Run::command(example("probe")).args(arguments).stdin("{}").run();
        assert_eq!(run.ended, Ended::Code(2), "{arguments:?}");
        assert!(run.stdout.is_empty());
    }
}
