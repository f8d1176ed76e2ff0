//! Aborts.

use super::*;

fn abort(action: &str, signal: Signal) -> (Output, PathBuf, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    let run = check_run(&json!({ "action": action, "mark": mark }))
        .signal_on_stderr("waiting", signal)
        .run();
    assert!(
        run.after_signal.unwrap() < Duration::from_secs(2),
        "{:?}",
        run.after_signal
    );
    (run, mark, directory)
}

#[test]
fn clean_ups_run_and_the_status_is_the_signals() {
    for (signal, status) in [(Signal::Term, 143), (Signal::Int, 130)] {
        let (run, mark, _directory) = abort("wait", signal);
        assert_eq!(run.ended, Ended::Code(status));
        assert_eq!(run.stderr, "waiting\naborted\n");
        assert_eq!(std::fs::read_to_string(mark).unwrap(), "cleaned up");
        assert!(
            run.after_signal.unwrap() < Duration::from_secs(1),
            "{:?}",
            run.after_signal
        );
    }
}

#[test]
fn a_slow_clean_up_holds_neither_the_others_nor_the_end() {
    let (run, mark, _directory) = abort("slow-cleanup", Signal::Term);
    assert_eq!(run.ended, Ended::Code(143));
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "cleaned up");
}

#[test]
fn blocking_work_is_not_waited_for() {
    for action in ["wait-for-blocking", "block"] {
        assert_eq!(abort(action, Signal::Term).0.ended, Ended::Code(143), "{action}");
    }
}

#[test]
fn a_signal_before_the_request_is_complete_ends_it_too() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("check");
    std::os::unix::fs::symlink(example("probe"), &program).unwrap();
    let mut child = Command::new(&program)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Held open, so that the request never ends.
    let stdin = child.stdin.take();
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    let begin = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(begin.elapsed() < Duration::from_secs(1));
    drop(stdin);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let run = check_run(&json!({ "action": "block" }))
        .signal_on_stderr("waiting", Signal::Term)
        .signal_after(Duration::from_millis(700), Signal::Term)
        .run();
    assert_eq!(run.ended, Ended::Code(143));
    assert!(run.wall < Duration::from_millis(1500), "{:?}", run.wall);
}
