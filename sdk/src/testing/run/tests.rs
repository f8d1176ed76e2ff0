use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::*;
use serde_json::json;

/// An executable that is a shell script.
fn script(text: &str) -> tempfile::TempPath {
    let mut file = tempfile::Builder::new().prefix("script-").tempfile().unwrap();
    std::io::Write::write_all(&mut file, format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o700))
        .unwrap();
    file.into_temp_path()
}

/// What a run panics with.
fn complaint(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("there was no complaint");
    panic
        .downcast::<String>()
        .map_or_else(|_| "not a text".to_owned(), |text| *text)
}

#[test]
fn a_command_of_the_protocol_has_its_name_directory_and_request() {
    let exe =
        script(r#"printf '{"name": "%s", "args": %s, "dir": "%s", "in": %s}' "${0##*/}" $# "$1" "$(cat)""#);
    let request = json!({"source": {"a": 1}});
    for (run, name, args) in [
        (Run::check(&exe), "check", 0),
        (Run::get(&exe), "in", 1),
        (Run::put(&exe), "out", 1),
    ] {
        let output = run.request(&request).run();
        let dir = if args == 1 {
            output.work().to_str().unwrap()
        } else {
            ""
        };
        assert_eq!(
            output.ok(),
            json!({"name": name, "args": args, "dir": dir, "in": request})
        );
        assert!(output.work().is_dir());
    }
}

#[test]
fn the_environment_is_bare_but_for_what_is_given() {
    let exe = script(
        "env | cut -d= -f1 | grep -vE '^(PWD|_|OLDPWD|SHLVL)$' | sort | tr '\\n' ' '; pwd; echo x >$TMPDIR/file",
    );
    let output = Run::command(&exe).env("ADDED", "1").env_remove("HOME").run();
    assert_eq!(output.text(), "ADDED PATH TMPDIR /\n");
    assert_eq!(std::fs::read_to_string(output.tmp().join("file")).unwrap(), "x\n");
    let output = Run::command(&exe).dir("/tmp").run();
    assert_eq!(output.text(), "HOME PATH TMPDIR /tmp\n");
    assert_eq!(std::fs::read_dir(output.home()).unwrap().count(), 0);
}

#[test]
fn a_failure_has_its_status_and_its_first_line() {
    let exe = script("printf '\\n\\033[1;31mfailed to mend\\033[0m\\nsecond\\n' >&2; exit 3");
    let output = Run::check(&exe).run();
    assert_eq!(
        output.fails(3).says("second").hides("secret").first_error_line(),
        "failed to mend"
    );
    assert!(output.raw_stderr.contains("\u{1b}[1;31m"));
    assert!(
        complaint(|| {
            output.fails(1);
        })
        .contains("failed to mend")
    );
    assert!(
        complaint(|| {
            output.says("third");
        })
        .contains("third")
    );
    assert!(
        complaint(|| {
            output.hides("second");
        })
        .contains("stderr contains")
    );
    assert!(complaint(|| drop(output.ok())).contains("expected success"));
}

#[test]
fn stdout_is_one_document_or_nothing() {
    for (text, why) in [
        ("echo 1 2", "not one JSON document"),
        ("echo", "not one JSON document"),
        ("echo '{}'; echo log", "not one JSON document"),
        ("echo '{}'; exit 1", "a failure with an answer on stdout"),
    ] {
        let exe = script(text);
        assert!(complaint(|| drop(Run::check(&exe).run())).contains(why), "{text}");
    }
    let silent = script("exit 1");
    assert!(
        complaint(|| {
            Run::check(&silent).run().fails(1);
        })
        .contains("no message")
    );
}

#[test]
fn what_takes_too_long_is_killed_with_what_it_started() {
    let exe = script("echo begun >&2; sleep 600 & sleep 600");
    let started = Instant::now();
    let why = complaint(|| drop(Run::check(&exe).limit(Duration::from_millis(200)).run()));
    assert!(
        why.contains("ran longer than 200ms") && why.contains("begun"),
        "{why}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_process_that_stays_behind_is_found() {
    let exe = script("sleep 4 & echo '[]'");
    assert!(complaint(|| drop(Run::check(&exe).run())).contains("left a process behind"));
}

#[test]
fn signals_come_when_they_should() {
    let polite = script("trap 'echo bye >&2; exit 143' TERM; echo ready >&2; while :; do sleep 0.05; done");
    let output = Run::check(&polite).signal_on_stderr("ready", Signal::Term).run();
    output.fails(143).says("bye");
    assert!(output.after_signal.unwrap() < Duration::from_secs(2));

    let rude = script("exec sleep 600");
    let output = Run::check(&rude)
        .signal_after(Duration::from_millis(100), Signal::Term)
        .run();
    // Not SIGINT: what a shell starts in the background ignores it, and so does all that it starts.
    assert_eq!(output.ended, Ended::Signal(15));
    assert!(output.wall >= Duration::from_millis(100));

    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let marking = script(&format!("sleep 0.1; touch {}; exec sleep 600", mark.display()));
    let output = Run::check(&marking)
        .signal_when(move || mark.exists(), Signal::Kill)
        .run();
    assert_eq!(output.ended, Ended::Signal(9));
}

#[test]
fn streams_can_be_closed_broken_or_full() {
    let state = script(
        "for fd in 0 1 2; do [ -e /proc/self/fd/$fd ] || echo \"no $fd\" >>\"$TMPDIR/state\"; done; exit 0",
    );
    let seen = |run: Run| std::fs::read_to_string(run.run().tmp().join("state")).unwrap_or_default();
    assert_eq!(seen(Run::command(&state)), "");
    assert_eq!(
        seen(Run::command(&state).closed_stdin().closed_stderr()),
        "no 0\nno 2\n"
    );
    assert_eq!(seen(Run::command(&state).closed_stdout()), "no 1\n");

    let full = script("echo text || exit 7");
    assert_eq!(Run::command(&full).full_stdout().run().ended, Ended::Code(7));
    let broken = script("sleep 0.1; trap '' PIPE; echo text >&2 || exit 8");
    assert_eq!(Run::command(&broken).broken_stderr().run().ended, Ended::Code(8));
}

#[test]
fn large_streams_do_not_block_each_other() {
    let exe = script("head -c 1000000 /dev/zero >&2; cat >/dev/null; head -c 1000000 /dev/zero");
    let output = Run::command(&exe).stdin(vec![b' '; 1_000_000]).run();
    assert_eq!(
        (output.stdout.len(), output.raw_stderr.len()),
        (1_000_000, 1_000_000)
    );
    let deaf = script("exec <&-; echo '[]'");
    assert_eq!(
        Run::check(&deaf).stdin(vec![b' '; 1_000_000]).run().ok(),
        json!([])
    );
}

#[test]
fn costs_are_measured() {
    let busy = script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo '[]'");
    let output = Run::check(&busy).run();
    assert!(
        output.cpu > Duration::from_millis(20) && output.cpu <= output.wall * 2,
        "{:?}",
        output.cpu
    );
    let idle = script("sleep 0.3; echo '[]'");
    let idle = Run::check(&idle).run();
    assert!(
        idle.cpu < Duration::from_millis(200) && idle.wall >= Duration::from_millis(300),
        "{:?}",
        idle.cpu
    );
    assert!(idle.max_rss > 500_000, "{}", idle.max_rss);
}

#[test]
fn what_cannot_be_started_is_named() {
    let why = complaint(|| drop(Run::command("/no/such/executable").run()));
    assert!(why.starts_with("failed to start /no/such/executable"), "{why}");
}
