//! pool-lock: aborts claim nothing, and undo what they came upon.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use concourse_resource_sdk::testing::Signal;
use serde_json::json;
use tests::git;

use crate::pool_support::{Locks, WAYS, Way};

#[test]
fn an_abort_while_waiting_claims_nothing() {
    for way in WAYS {
        let locks = Locks::new(way);
        locks.claim("red");
        let before = locks.tip();
        let began = Instant::now();
        let output = locks
            .put_with(&json!({}), &json!({ "claim": "red" }), Path::new("/"))
            .signal_on_stderr("red is claimed", Signal::Term)
            .run();
        output.fails(143);
        assert!(began.elapsed() < Duration::from_secs(4));
        locks.release("red");
        thread::sleep(Duration::from_millis(600));
        assert_eq!(git(&locks.bare, &["rev-parse", "main^"]), before);
    }
}

/// Makes the server slow to answer a push, after it has taken it or before.
fn slow_push(locks: &Locks, hook: &str) {
    locks.hook(hook, "[ -e slow ] && exit; touch slow; sleep 2");
}

#[test]
fn an_abort_between_push_and_answer_undoes_exactly_that_commit() {
    for (way, hook) in [
        (Way::Https, "pre-receive"),
        (Way::Https, "post-receive"),
        (Way::OldHttps, "post-receive"),
    ] {
        let locks = Locks::new(way);
        slow_push(&locks, hook);
        let slow = locks.bare.join("slow");
        let began = Instant::now();
        let output = locks
            .put_with(&json!({}), &json!({ "acquire": true }), Path::new("/"))
            .signal_when(move || slow.exists(), Signal::Term)
            .run();
        output.fails(143);
        assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
        assert!(output.stderr.contains(" was undone by "), "{}", output.stderr);
        let subjects = locks.subjects();
        assert_eq!(subjects.len(), 2, "{subjects:?}");
        assert!(subjects[0].starts_with("unclaiming: ") && subjects[1].starts_with("claiming: "));
        let claim = git(&locks.bare, &["rev-parse", "main^"]);
        assert!(
            locks
                .message("main")
                .contains(&format!("Aborted: undoes {claim}"))
        );
        assert_eq!(locks.files("cars/claimed"), [".gitkeep"]);
    }
}

#[test]
fn an_abort_does_not_undo_the_claim_of_another_who_has_the_lock() {
    let locks = Locks::new(Way::Https);
    slow_push(&locks, "post-receive");
    let (slow, bare) = (locks.bare.join("slow"), locks.bare.clone());
    // Before the abort is noticed, the lock is released and claimed by somebody else.
    let others = move || {
        if !slow.exists() {
            return false;
        }
        for (from, to) in [("claimed", "unclaimed"), ("unclaimed", "claimed")] {
            let script = format!(
                "export GIT_DIR=$PWD GIT_WORK_TREE=$PWD GIT_INDEX_FILE=$PWD/other.index; git read-tree main; b=$(git rev-parse main:cars/{from}/red); \
                 git update-index --force-remove cars/{from}/red; git update-index --add --cacheinfo 100644,$b,cars/{to}/red; \
                 git update-ref refs/heads/main $(git -c user.name=x -c user.email=x@y commit-tree -p main -m other $(git write-tree))"
            );
            let done = std::process::Command::new("sh")
                .args(["-ec", &script])
                .current_dir(&bare)
                .status();
            assert!(done.expect("sh").success());
        }
        true
    };
    let output = locks
        .put_with(&json!({}), &json!({ "claim": "red" }), Path::new("/"))
        .signal_when(others, Signal::Term)
        .run();
    output.fails(143);
    assert!(output.stderr.contains("is gone already"), "{}", output.stderr);
    assert_eq!(locks.subjects(), ["other", "other", "claiming: red"]);
    assert_eq!(locks.files("cars/claimed"), [".gitkeep", "red"]);
}
