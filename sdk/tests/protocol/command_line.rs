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
        .stdin("source: {uri: [3]}")
        .run();
    assert_eq!(
        run.fails(5).raw_stderr,
        "source.uri: expected a string, found a list\n"
    );
}

/// They were rewritten: `.inf`, `1.234e+59`, `1.1`.
#[test]
fn texts_of_yaml_stay_as_they_are() {
    let check = |request: &str| {
        Run::command(example("probe"))
            .arg("check")
            .stdin(request)
            .run()
            .ok()
    };
    for text in [
        "7e04338",
        "1234e56",
        "0123456",
        "12_34",
        "yes",
        "1.10",
        &"0".repeat(40),
    ] {
        assert_eq!(
            check(&format!("version: {{ref: {text}}}")),
            json!([{ "ref": text }])
        );
    }
    let run = Run::command(example("probe"))
        .arg("check")
        .stdin("source: {uri: 1.10, action: nonsense}")
        .run();
    let said = &run.fails(5).stderr;
    assert!(
        said.starts_with("source.action: expected one of \"nothing\", ") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn what_is_wrong_with_yaml_is_said() {
    for (request, expected) in [
        (
            "source:\n  uri: a\n  uri: b\n",
            "the key stands there twice at line 3 column 3",
        ),
        (
            "source:\n\turi: a\n",
            "tabs disallowed within this context (block indentation) at line 2 column 2",
        ),
    ] {
        let run = Run::command(example("probe")).arg("check").stdin(request).run();
        run.fails(1).says(&format!(
            "the request on stdin is neither valid JSON nor valid YAML: {expected}"
        ));
    }
}

#[test]
fn what_only_a_pipeline_can_know_is_told() {
    let run = Run::command(example("probe"))
        .arg("check")
        .stdin("source: {password: ((probe.password)), uri: https://((host))/}")
        .run();
    assert_eq!(
        run.fails(1).stderr,
        "source.password: the variable ((probe.password)) is not set\n  \
         hint: Concourse sets it, and nobody does here: write the value\n\
         source.uri: the variable ((host)) is not set\n  \
         hint: Concourse sets it, and nobody does here: write the value\n"
    );
    let run = Run::command(example("probe"))
        .arg("check")
        .stdin("params: {a: b}")
        .run();
    run.ok();
    run.says("warning: the request's params are ignored: a check has none");
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
