//! The protocol and the command line, on the example resources as real executables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails at once")]

mod aborts;
mod command_line;
mod examples;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use concourse_resource_sdk::testing::{Ended, Output, Run, Signal};
use serde_json::{Value, json};

const PASSWORD: &str = "s3cret/p@ssword";

/// `cargo test` builds the examples beside the tests; `cargo test --test protocol` alone does not.
fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory = BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let directory = test.parent().unwrap().parent().unwrap().join("examples");
        if ["probe", "interval", "counter", "notifier", "inventory"]
            .iter()
            .any(|name| !directory.join(name).exists())
        {
            let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
            let built = Command::new(env!("CARGO"))
                .args(["build", "--examples", "--manifest-path", manifest])
                .status();
            assert!(built.unwrap().success(), "the examples cannot be built");
        }
        directory
    });
    directory.join(name)
}

fn check(source: &Value) -> Output {
    check_run(source).run()
}

fn check_run(source: &Value) -> Run {
    Run::check(example("probe")).request(&json!({ "source": source }))
}

fn leaking(action: &str) -> Value {
    json!({ "action": action, "uri": "https://me:url%20secret@host/", "password": PASSWORD })
}

fn assert_hidden(output: &Output) {
    for secret in [PASSWORD, "s3cret", "url%20secret", "url secret"] {
        assert!(
            !output.raw_stderr.contains(secret),
            "{secret} in {}",
            output.raw_stderr
        );
    }
}

mod example_resource {
    use super::*;

    #[test]
    fn a_check_makes_a_version_and_keeps_the_one_that_was_given() {
        let version = json!({ "begin": "0" });
        let request = json!({ "source": { "minutes": 1 }, "version": version });
        let answer = Run::check(example("interval")).request(&request).run().ok();
        assert_eq!(answer.as_array().unwrap().len(), 2, "{answer}");
        assert_eq!(answer[0], version);
        assert_eq!(
            answer[1]["begin"].as_str().unwrap().parse::<u64>().unwrap() % 60,
            0
        );
    }

    #[test]
    fn a_get_writes_into_a_destination_that_was_absent() {
        let directory = tempfile::tempdir().unwrap();
        let destination = directory.path().join("deep/down");
        let request = json!({ "source": { "minutes": 1 }, "version": { "begin": "60" } });
        let run = Run::get(example("interval"))
            .work(&destination)
            .request(&request)
            .run();
        assert_eq!(run.ok(), json!({ "version": { "begin": "60" }, "metadata": [] }));
        assert_eq!(std::fs::read_to_string(destination.join("begin")).unwrap(), "60");
        assert_eq!(run.raw_stderr, "\x1b[1mInterval that began at 60\x1b[0m\n");
    }

    #[test]
    fn there_is_no_put() {
        let run = Run::put(example("interval"))
            .request(&json!({ "source": { "minutes": 1 } }))
            .run();
        run.fails(1);
        assert_eq!(run.stderr, "the interval resource has no put\n");
    }

    #[test]
    fn what_is_wrong_with_the_source_is_told_with_a_hint() {
        let run = Run::check(example("interval"))
            .request(&json!({ "source": { "minutes": 0 } }))
            .run();
        run.fails(1);
        assert_eq!(
            run.raw_stderr,
            "\x1b[31msource.minutes: must be at least 1\x1b[0m\n\x1b[31m  hint: minutes: 10\x1b[0m\n"
        );
    }
}

mod requests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named_and_never_printed() {
        for (input, expected) in [
            ("", "there is no request on stdin"),
            (
                r#"{"source": {"password": "s3cret"#,
                "the request on stdin is truncated: EOF while parsing a string at line 1 column 31",
            ),
            (
                r#"{"source": {"password": s3cret}}"#,
                "the request on stdin is not valid JSON: expected value at line 1 column 25",
            ),
            (
                r#"["s3cret"]"#,
                r#"the request on stdin is a list: expected an object such as {"source": {…}, "version": {…}, "params": {…}}"#,
            ),
        ] {
            let run = Run::check(example("probe")).stdin(input).run();
            run.fails(1);
            assert_eq!(run.first_error_line(), expected);
            assert!(!run.stderr.contains("s3cret"));
        }
        let run = Run::check(example("probe")).closed_stdin().run();
        assert_eq!(run.fails(1).first_error_line(), "there is no request on stdin");
    }

    #[test]
    fn bytes_after_the_first_value_are_ignored() {
        let run = Run::check(example("probe"))
            .stdin(r#"{"source": {}} and more {"#)
            .run();
        assert_eq!(run.ok(), json!([]));
    }

    #[test]
    fn wrong_types_unknown_keys_and_problems_have_their_own_status() {
        for (source, status, expected) in [
            (
                json!({ "uri": 3 }),
                5,
                "source.uri: expected a string, found number 3\n",
            ),
            (
                json!({ "password": 3 }),
                5,
                "source.password: expected a string, found number\n",
            ),
            (json!("s3cret"), 5, "source: expected an object, found a string\n"),
            (
                json!({ "uri": 3, "zz": 1 }),
                1,
                "Found unknown keys in source:\n\"zz\"\n  hint: source.zz: there is no field of that name\n\
                 source.uri: expected a string, found number 3\n",
            ),
            (json!({ "uri": "bad" }), 7, "this uri is bad\n"),
        ] {
            let run = check(&source);
            assert_eq!(run.fails(status).stderr, expected);
        }
    }

    #[test]
    fn stdout_holds_the_answer_alone() {
        for run in [
            check_run(&json!({ "action": "print" })),
            Run::command(example("probe"))
                .arg("check")
                .stdin("source: {action: print}"),
        ] {
            let run = run.run();
            assert_eq!(run.ok(), json!([{ "ref": "a" }]));
            assert_eq!(run.stderr, "printed by the resource\nprinted by a child\n");
        }
        let run = check_run(&json!({ "action": "print" })).closed_stderr().run();
        assert_eq!(run.ok(), json!([{ "ref": "a" }]));
    }

    #[test]
    fn a_missing_directory_is_told_before_the_request_is_read() {
        for (name, argument) in [("in", "<path/to/destination>"), ("out", "<path/to/source>")] {
            let directory = tempfile::tempdir().unwrap();
            let program = directory.path().join(name);
            std::os::unix::fs::symlink(example("probe"), &program).unwrap();
            // A stdin that stays open and silent.
            let child = Command::new(&program)
                .stdin(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            let expected = format!("usage: {} {argument}\n", program.display());
            assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        }
    }
}

mod secrets {
    use super::*;

    #[test]
    fn no_line_shows_one() {
        let run = check(&leaking("leak"));
        assert_eq!(run.ok(), json!([]));
        assert_hidden(&run);
        assert!(
            run.stderr
                .starts_with("line ((redacted))\nwarning: warning \"((redacted))\"\n"),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains("trace https://((redacted))@host/"),
            "{}",
            run.stderr
        );
    }

    #[test]
    fn no_failure_shows_one() {
        let run = check(&leaking("fail-leaking"));
        assert_hidden(&run);
        assert_eq!(
            run.fails(3).stderr,
            "cannot reach https://((redacted))@host/\n  cause: ((redacted)) was refused\n  hint: ask for another password\n"
        );
    }

    #[test]
    fn a_panic_is_a_defect_that_shows_none_and_no_backtrace() {
        for action in ["panic", "panic-in-blocking"] {
            let run = check_run(&leaking(action)).env("RUST_BACKTRACE", "full").run();
            assert_hidden(&run);
            let lines: Vec<&str> = run.fails(1).stderr.lines().collect();
            assert_eq!(
                lines[0],
                "the probe resource failed unexpectedly: this is a defect in it"
            );
            assert!(
                lines[1].starts_with("  cause: with ((redacted)) (sdk/examples/probe.rs:"),
                "{}",
                lines[1]
            );
            assert_eq!(lines.len(), 2);
        }
    }
}

mod streams {
    use super::*;

    #[test]
    fn a_stderr_that_nobody_reads_fails_nothing() {
        assert_eq!(check_run(&leaking("leak")).closed_stderr().run().ok(), json!([]));
        assert_eq!(check_run(&leaking("leak")).broken_stderr().run().ok(), json!([]));
    }

    #[test]
    fn an_answer_that_cannot_be_written_is_a_failure() {
        let run = check_run(&json!({})).full_stdout().run();
        assert_eq!(
            run.fails(1).first_error_line(),
            "failed to write the answer to stdout"
        );
    }

    #[test]
    fn colours_are_for_concourse_unless_refused() {
        let source = json!({ "uri": "bad" });
        assert_eq!(check(&source).raw_stderr, "\x1b[31mthis uri is bad\x1b[0m\n");
        assert_eq!(
            check_run(&source).env("NO_COLOR", "1").run().raw_stderr,
            "this uri is bad\n"
        );
    }
}

mod cache {
    use super::*;

    #[test]
    fn it_is_for_the_next_check_of_the_same_source() {
        let tmp = tempfile::tempdir().unwrap();
        let checks = |uri: &str| {
            let source = json!({ "action": "cache", "uri": uri });
            let answer = check_run(&source).tmpdir(tmp.path()).run().ok();
            answer[0]["checks"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            [checks("a"), checks("a"), checks("b"), checks("a")],
            ["1", "2", "1", "3"]
        );
    }

    #[test]
    fn a_get_has_none() {
        let run = Run::get(example("probe"))
            .request(&json!({ "version": { "a": "b" } }))
            .run();
        assert_eq!(run.ok(), json!({ "version": { "a": "b" }, "metadata": [] }));
        assert_eq!(
            std::fs::read_to_string(run.work().join("cached")).unwrap(),
            "false"
        );
    }

    #[test]
    fn neither_has_the_command_line() {
        let source = json!({ "source": { "action": "cache" } });
        let run = Run::command(example("probe")).arg("check").request(&source).run();
        assert_eq!(run.ok(), json!([{ "checks": "0" }]));
    }
}
