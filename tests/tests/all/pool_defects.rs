//! pool-lock: defects of the reference that are mended.

use std::path::Path;
use std::thread;
use std::time::Duration;

use concourse_resource_sdk::testing::{Direction, Fault, FaultProxy, Output, Run, Signal};
use serde_json::json;
use tempfile::TempDir;
use tests::{executable, git};

use crate::pool_support::{Files, Locks, WAYS, Way, row, version};

#[test]
fn pool_f02_a_get_of_a_merge_tells_what_it_brought_to_the_branch() {
    for way in WAYS {
        let locks = Locks::new(way);
        let merge = locks.by_hand(
            "git checkout -q -b side; git mv cars/unclaimed/red cars/claimed/red; git commit -qm side; \
             git checkout -q -; git mv cars/unclaimed/blue cars/claimed/blue; git commit -qm main; \
             git merge -q --no-ff -m merge side; touch other",
        );
        let merge = git(&locks.bare, &["rev-parse", &format!("{merge}^")]);
        assert_eq!(row(&locks.get(&merge).ok(), "lock_name"), "red");
        let range = format!("{merge}^..main");
        let stock = git(&locks.bare, &["rev-list", "--reverse", &range, "--", "cars"]);
        assert_eq!(locks.check(Some(&merge)), stock.lines().collect::<Vec<_>>());
    }
}

#[test]
fn pool_f07_directories_that_are_missing_are_made() {
    for way in WAYS {
        let locks = Locks::new(way);
        locks.by_hand("git rm -q cars/claimed/.gitkeep cars/unclaimed/.gitkeep cars/unclaimed/blue");
        let c1 = locks.claim("red");
        assert_eq!(locks.files("cars/unclaimed"), [""; 0]);
        locks.release("red");
        assert_eq!(locks.files("cars/unclaimed"), ["red"]);
        assert_eq!(locks.check(Some(&c1)).len(), 2);
    }
}

#[test]
fn pool_f08_names_that_lead_elsewhere_are_refused_and_said() {
    let locks = Locks::new(Way::File);
    for (name, text) in [
        ("", "is empty"),
        ("\n", "is empty"),
        ("a/b", "has a slash"),
        ("../x", "has a slash"),
        (".", "cannot be the name of a lock"),
        ("..", "cannot be the name of a lock"),
        (".git", "cannot be the name of a lock"),
    ] {
        let output = locks.put_files("add", name, Some(""));
        assert!(
            output.fails(1).stderr.contains(text),
            "{name:?}: {}",
            output.stderr
        );
        assert!(
            output.stderr.starts_with("error adding lock: "),
            "{}",
            output.stderr
        );
    }
    let output = locks.put(&json!({ "claim": "a/b" }));
    assert!(
        output.fails(1).stderr.contains("params.claim: \"a/b\""),
        "{}",
        output.stderr
    );
    let gone = locks.put(&json!({ "add": "gone" }));
    let text = "error adding lock: could not read the name file of your lock: ";
    assert!(gone.fails(1).stderr.starts_with(text), "{}", gone.stderr);
    assert_eq!(locks.subjects(), [""; 0]);
}

#[test]
fn pool_f09_a_lock_in_both_states_is_told_and_mended_by_its_release() {
    for way in WAYS {
        let locks = Locks::new(way);
        let c1 = locks.claim("red");
        locks.put_files("add", "red", Some("second")).ok();
        let short = json!({ "claim": "red", "timeout": "300ms" });
        let output = locks.put_with(&json!({}), &short, Path::new("/")).run();
        output.fails(1);
        assert!(
            output.stderr.contains("lock red is claimed and free at once"),
            "{}",
            output.stderr
        );
        let got = locks.get(&c1);
        got.ok();
        assert_eq!(
            std::fs::read_to_string(got.work().join("metadata")).expect("a file"),
            "r\n"
        );
        locks.release("red");
        assert_eq!(locks.files("cars/claimed"), [".gitkeep"]);
        assert_eq!(locks.show("cars/unclaimed/red"), "r");
    }
}

#[test]
fn pool_f11_a_servers_refusal_is_shown_and_tried_again() {
    let locks = Locks::new(Way::Https);
    locks.hook("update", "rm hooks/update; echo 'not on a Friday' >&2; exit 1");
    let output = locks.put(&json!({ "claim": "red" }));
    output.ok();
    assert!(output.stderr.contains("not on a Friday"), "{}", output.stderr);
    assert!(
        output.stderr.contains("the push was rejected: hook declined"),
        "{}",
        output.stderr
    );
    assert_eq!(locks.subjects(), ["claiming: red"]);
}

/// A lock file that a crash left is refused in the words of a race; the server may be mended while the step waits.
#[test]
fn races_that_nobody_wins_are_told() {
    let locks = Locks::new(Way::Https);
    let stale = locks.bare.join("refs/heads/main.lock");
    std::fs::write(&stale, "").expect("a file");
    let output = locks
        .put_with(
            &json!({ "retry_delay": "50ms" }),
            &json!({ "claim": "red" }),
            Path::new("/"),
        )
        .signal_on_stderr("look for a lock file that was left on the server", Signal::Term)
        .run();
    output.fails(143);
    std::fs::remove_file(stale).expect("a file");
    locks.put(&json!({ "claim": "red" })).ok();
    assert_eq!(locks.subjects(), ["claiming: red"]);
}

/// An acquire whose connection breaks when a hook of the server has begun, which takes a second.
fn acquire_with_a_broken_answer(repository: &str, hook: &str) -> (Locks, Output) {
    let locks = Locks::new(Way::Https);
    let proxy = FaultProxy::start(locks.server.address());
    let uri = locks.server.url_at(proxy.address(), repository);
    locks.hook(hook, "touch begun; sleep 1");
    let output = thread::scope(|scope| {
        let put = scope.spawn(|| {
            let fields = json!({ "uri": uri });
            locks
                .put_with(&fields, &json!({ "acquire": true }), Path::new("/"))
                .run()
        });
        let begun = locks.bare.join("begun");
        while !begun.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        proxy.set(Fault::ResetAfter(Direction::ToClient, 0));
        thread::sleep(Duration::from_millis(100));
        proxy.set(Fault::Pass);
        put.join().expect("a run")
    });
    (locks, output)
}

#[test]
fn pool_f16_a_push_whose_answer_is_lost_counts_once() {
    let (locks, output) = acquire_with_a_broken_answer("locks.git", "post-receive");
    assert_eq!(version(&output.ok()), locks.tip());
    assert_eq!(locks.subjects().len(), 1);
}

/// The server is still at work on the push when the connection breaks: it lands during the next attempt.
#[test]
fn pool_f16_a_push_that_arrives_late_counts_too() {
    let (locks, output) = acquire_with_a_broken_answer("whole/locks.git", "pre-receive");
    assert_eq!(version(&output.ok()), locks.tip());
    let failed = "failed to broadcast the change to lock state!";
    assert!(output.stderr.contains(failed), "{}", output.stderr);
    // What else is under way at the server.
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(locks.subjects().len(), 1);
}

#[test]
fn several_operations_are_done_in_the_order_of_the_contract() {
    let locks = Locks::new(Way::Https);
    locks.claim("red");
    let files = Files::new("red", None);
    let params = json!({ "claim": "red", "release": "x", "acquire": true });
    let answer = locks.put_with(&json!({}), &params, files.path()).run().ok();
    assert_eq!(row(&answer, "lock_name"), "red");
    assert_eq!(
        locks.subjects(),
        [
            "claiming: red",
            "unclaiming: red",
            "claiming: blue",
            "claiming: red"
        ]
    );
}

#[test]
fn a_warm_check_asks_twice_and_a_harmed_cache_changes_nothing() {
    let locks = Locks::new(Way::Https);
    let c1 = locks.claim("red");
    let tmp = TempDir::new().expect("a directory");
    let check = |from: &str| {
        let request = json!({ "source": locks.source(), "version": { "ref": from } });
        Run::check(executable("pool-lock"))
            .env("SSL_CERT_FILE", locks.server.ca())
            .tmpdir(tmp.path())
            .request(&request)
            .run()
            .ok()
    };
    let expected = json!([{ "ref": c1 }]);
    assert_eq!(check(&c1), expected);
    let before = locks.server.requests().len();
    assert_eq!(check(&c1), expected);
    assert!(locks.server.requests().len() - before <= 3);
    let found = std::process::Command::new("find")
        .arg(tmp.path())
        .args(["-type", "f"])
        .output()
        .expect("find");
    let files = String::from_utf8(found.stdout).expect("UTF-8");
    assert!(files.lines().count() > 4, "{files}");
    for file in files.lines() {
        let _ = std::process::Command::new("chmod").args(["u+w", file]).status();
        std::fs::write(file, "torn").expect("a file");
        assert_eq!(
            check(&locks.repo.id("R1")).as_array().map(Vec::len),
            Some(2),
            "{file}"
        );
        assert_eq!(check(&c1), expected, "{file}");
    }
}

#[test]
fn pool_f05_a_wrong_passphrase_is_told() {
    let key = TempDir::new().expect("a directory");
    let file = key.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "right", "-f"])
        .arg(&file)
        .status();
    assert!(made.expect("ssh-keygen").success());
    let locks = Locks::new(Way::File);
    let key = std::fs::read_to_string(&file).expect("a key");
    for (passphrase, text) in [
        (json!("wrong"), "source.private_key_passphrase: does not fit"),
        (
            json!(null),
            "Private key has a passphrase but private_key_passphrase has not been set.",
        ),
    ] {
        let fields = json!({ "private_key": key, "private_key_passphrase": passphrase });
        let output = locks
            .put_with(&fields, &json!({ "claim": "red" }), Path::new("/"))
            .run();
        assert!(output.fails(1).stderr.contains(text), "{}", output.stderr);
    }
}

#[test]
fn pool_f10_a_root_among_several_as_a_version_is_the_whole_history() {
    for way in WAYS {
        let locks = Locks::new(way);
        let root = locks.by_hand(
            "git checkout -q --orphan other; git rm -rfq .; touch x; git add x; git commit -qm root; \
             git checkout -q main; git merge -q --allow-unrelated-histories -m merge other",
        );
        let roots = git(&locks.bare, &["rev-list", "--max-parents=0", &root]);
        assert_eq!(roots.lines().count(), 2);
        for root in roots.lines() {
            assert_eq!(locks.check(Some(root)), [locks.repo.id("R1")]);
        }
    }
}

#[test]
fn pool_f12_f17_names_of_pools_and_what_is_no_lock() {
    for way in WAYS {
        for pool in ["a b", "*", "team/aws", "[x]", ":(top)"] {
            let locks = Locks::new(way);
            let made = locks.by_hand(&format!(
                "mkdir -p '{pool}/claimed' '{pool}/unclaimed/sub'; touch '{pool}/claimed/.gitkeep' '{pool}/unclaimed/.gitkeep' \
                 '{pool}/unclaimed/z' '{pool}/unclaimed/sub/file'"
            ));
            let fields = json!({ "pool": pool });
            assert_eq!(
                locks.check_with(&fields, None),
                std::slice::from_ref(&made),
                "{pool}"
            );
            let answer = locks.get_with(&fields, &made, &json!(null)).run().ok();
            assert_eq!(
                (row(&answer, "lock_name"), row(&answer, "pool_name")),
                ("file".into(), pool.into())
            );
            let answer = locks
                .put_with(&fields, &json!({ "acquire": true }), Path::new("/"))
                .run()
                .ok();
            assert_eq!(row(&answer, "lock_name"), "z");
            assert_eq!(locks.files(&format!("{pool}/claimed")), [".gitkeep", "z"]);
        }
    }
    let locks = Locks::new(Way::Https);
    // CONTRACT F17: the commit that set the pool up is about a lock.
    assert_eq!(row(&locks.get(&locks.repo.id("R1")).ok(), "lock_name"), "blue");
}

#[test]
fn a_put_fails_with_1_whatever_git_would_say() {
    let locks = Locks::new(Way::Https);
    let claim = json!({ "claim": "red" });
    for (fields, text) in [
        (
            json!({ "branch": "gone" }),
            "error claiming lock: setup: Remote branch gone not found",
        ),
        (
            json!({ "uri": "/nowhere" }),
            "error claiming lock: setup: failed to open the local repository",
        ),
        (json!({ "password": "wrong" }), "error claiming lock: setup: "),
    ] {
        let output = locks.put_with(&fields, &claim, Path::new("/")).run();
        assert!(output.fails(1).stderr.contains(text), "{}", output.stderr);
        assert_eq!(output.stdout, b"");
    }
}
