//! pool-lock: defects of the reference that are mended, and what goes beyond the reference.

use std::path::Path;
use std::thread;
use std::time::Duration;

use concourse_resource_sdk::testing::{Direction, Ended, Fault, FaultProxy, Run};
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

/// The answer to a push does not arrive, but the push does.
#[test]
fn pool_f16_a_push_whose_answer_is_lost_counts_once() {
    let locks = Locks::new(Way::Https);
    let proxy = FaultProxy::start(locks.server.address());
    let uri = locks.server.url_at(proxy.address(), "locks.git");
    locks.hook("post-receive", "touch landed; sleep 1");
    thread::scope(|scope| {
        let put = scope.spawn(|| {
            let fields = json!({ "uri": uri });
            locks
                .put_with(&fields, &json!({ "acquire": true }), Path::new("/"))
                .run()
        });
        let landed = locks.bare.join("landed");
        while !landed.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        proxy.set(Fault::ResetAfter(Direction::ToClient, 0));
        thread::sleep(Duration::from_millis(300));
        proxy.set(Fault::Pass);
        let answer = put.join().expect("a run").ok();
        assert_eq!(version(&answer), locks.tip());
    });
    assert_eq!(locks.subjects().len(), 1);
}

/// The connection breaks while the server is still at work on the push, which lands during the next attempt.
#[test]
fn pool_f16_a_push_that_arrives_late_counts_too() {
    let locks = Locks::new(Way::Https);
    let proxy = FaultProxy::start(locks.server.address());
    let uri = locks.server.url_at(proxy.address(), "whole/locks.git");
    locks.hook("pre-receive", "touch started; sleep 1");
    thread::scope(|scope| {
        let put = scope.spawn(|| {
            let fields = json!({ "uri": uri });
            locks
                .put_with(&fields, &json!({ "acquire": true }), Path::new("/"))
                .run()
        });
        let started = locks.bare.join("started");
        while !started.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        proxy.set(Fault::ResetAfter(Direction::ToClient, 0));
        thread::sleep(Duration::from_millis(100));
        proxy.set(Fault::Pass);
        let output = put.join().expect("a run");
        assert_eq!(version(&output.ok()), locks.tip());
        assert!(
            output
                .stderr
                .contains("failed to broadcast the change to lock state!"),
            "{}",
            output.stderr
        );
    });
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(locks.subjects().len(), 1);
}

#[test]
fn a_timeout_names_who_has_the_lock() {
    for way in WAYS {
        let locks = Locks::new(way);
        let team = json!({ "owner": "team blue" });
        let claimed = locks
            .put_with(&team, &json!({ "claim": "red" }), Path::new("/"))
            .run()
            .ok();
        assert_eq!(
            locks.message(&version(&claimed)),
            "claiming: red\nBuild URL: http://ci/b/9\nOwner: team blue"
        );
        let params = json!({ "claim": "red", "timeout": "500ms" });
        let output = locks.put_with(&json!({}), &params, Path::new("/")).run();
        output
            .fails(1)
            .says("error claiming lock: waiting: gave up after 0s");
        let told =
            output.stderr.contains("red is claimed since 20") && output.stderr.contains("owner team blue");
        assert!(told, "{}", output.stderr);
    }
    let locks = Locks::new(Way::File);
    for timeout in ["5", "-1s", "0"] {
        let params = json!({ "claim": "red", "timeout": timeout });
        let output = locks.put_with(&json!({}), &params, Path::new("/")).run();
        assert!(
            output.fails(1).stderr.contains("params.timeout: "),
            "{}",
            output.stderr
        );
    }
}

/// Claims a lock, so long ago.
fn claimed_ago(locks: &Locks, ago: i64) {
    let time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("now")
        .as_secs();
    let date = i64::try_from(time).expect("a date") - ago;
    locks.by_hand(&format!(
        "git mv cars/unclaimed/red cars/claimed/red; GIT_COMMITTER_DATE='{date} +0000' git commit -qm 'claiming: red
Build URL: http://ci/old'"
    ));
}

#[test]
fn an_expired_claim_is_taken_over_and_its_release_is_refused() {
    for way in WAYS {
        let locks = Locks::new(way);
        let expiring = json!({ "expire_after": "2s" });
        let first = version(
            &locks
                .put_with(&expiring, &json!({ "claim": "red" }), Path::new("/"))
                .run()
                .ok(),
        );
        let got = locks.get(&first);
        got.ok();
        let second = locks
            .put_with(
                &expiring,
                &json!({ "claim": "red", "timeout": "20s" }),
                Path::new("/"),
            )
            .run();
        let second = version(&second.ok());
        assert_eq!(
            locks.subjects(),
            ["claiming: red", "unclaiming: red", "claiming: red"]
        );
        let taking = locks.message(&format!("{second}^"));
        assert!(
            taking.contains("Expired: claimed on 20") && taking.contains("by http://ci/b/9"),
            "{taking}"
        );
        // The first one is late.
        let parent = got.work().parent().expect("a parent");
        let params = json!({ "release": got.work().file_name().expect("a name").to_str().expect("UTF-8") });
        let late = locks.put_with(&expiring, &params, parent).run();
        late.fails(1);
        assert!(
            late.stderr.contains("lock red is not ours any more"),
            "{}",
            late.stderr
        );
        assert_eq!(locks.tip(), second);
        locks
            .get(&first)
            .fails(1)
            .says("error: lock instance is no longer acquired");
        // The second one is not.
        let got = locks.get(&second);
        got.ok();
        let parent = got.work().parent().expect("a parent");
        locks.put_with(&expiring, &params, parent).run().ok();
        assert_eq!(locks.files("cars/unclaimed"), [".gitkeep", "blue", "red"]);
    }
}

#[test]
fn a_claim_of_the_future_and_a_young_one_do_not_expire() {
    for (ago, takes) in [(-100_000, false), (10, false), (100, true)] {
        let locks = Locks::new(Way::Https);
        claimed_ago(&locks, ago);
        let params = json!({ "claim": "red", "timeout": "300ms" });
        let output = locks
            .put_with(&json!({ "expire_after": "1m" }), &params, Path::new("/"))
            .run();
        assert_eq!(output.ended == Ended::Code(0), takes, "{ago}: {}", output.stderr);
    }
}

#[test]
fn with_expiry_a_bare_name_releases_only_what_its_owner_claimed() {
    let locks = Locks::new(Way::Https);
    let files = Files::new("red", None);
    let ours = json!({ "expire_after": "1h", "owner": "us" });
    locks
        .put_with(&ours, &json!({ "claim": "red" }), Path::new("/"))
        .run()
        .ok();
    for fields in [
        json!({ "expire_after": "1h" }),
        json!({ "expire_after": "1h", "owner": "them" }),
    ] {
        let output = locks
            .put_with(&fields, &json!({ "release": "x" }), files.path())
            .run();
        assert!(
            output.fails(1).stderr.contains("not ours any more"),
            "{}",
            output.stderr
        );
    }
    locks
        .put_with(&ours, &json!({ "release": "x" }), files.path())
        .run()
        .ok();
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
