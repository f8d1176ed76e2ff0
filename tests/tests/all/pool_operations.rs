//! pool-lock: the acceptance cases 21 to 32 of its contract, section 11: the other operations, configuration, odd names.

use std::path::Path;
use std::thread;
use std::time::Duration;

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tests::{executable, git};

use crate::pool_support::{Locks, WAYS, Way, row, version};

#[test]
fn pool_case_21_22_23_adding() {
    for way in WAYS {
        let locks = Locks::new(way);
        let first = version(&locks.put_files("add", "green", Some("g")).ok());
        assert!(locks.message(&first).starts_with("adding unclaimed: green\n"));
        let entry = git(&locks.bare, &["ls-tree", "main", "cars/unclaimed/green"]);
        assert!(entry.starts_with("100755 blob "), "{entry}");
        assert_eq!(locks.show("cars/unclaimed/green"), "g");
        locks.claim("blue");
        let tip = locks.tip();
        let again = locks.put_files("add", "green", Some("g")).ok();
        assert_eq!((version(&again), locks.tip()), (first, tip));

        let locks = Locks::new(way);
        let added = version(&locks.put_files("add_claimed", "green", Some("g")).ok());
        assert!(locks.message(&added).starts_with("adding claimed: green\n"));
        assert_eq!(locks.files("cars/claimed"), [".gitkeep", "green"]);
    }
}

#[test]
fn pool_case_24_updating() {
    for way in WAYS {
        let locks = Locks::new(way);
        locks.put_files("update", "green", Some("1")).ok();
        locks.put_files("update", "green", Some("2")).ok();
        assert_eq!(locks.subjects(), ["updating: green", "adding unclaimed: green"]);
        locks.claim("green");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| locks.put_files("update", "green", Some("3")));
            thread::sleep(Duration::from_millis(700));
            assert!(!waiting.is_finished());
            locks.release("green");
            waiting.join().expect("a run").ok();
        });
        assert_eq!(locks.show("cars/unclaimed/green"), "3");
        assert_eq!(locks.subjects()[0], "updating: green");
    }
}

#[test]
fn pool_case_25_26_checking() {
    for way in WAYS {
        let locks = Locks::new(way);
        let c1 = locks.claim("red");
        let seen = locks.put_files("check_unclaimed", "red", None).ok();
        assert_eq!((version(&seen), row(&seen, "lock_name")), (c1, "red".to_owned()));
        let seen = locks.put_files("check", "blue", None).ok();
        assert_eq!(version(&seen), locks.tip());
        thread::scope(|scope| {
            let free = scope.spawn(|| locks.put_files("check", "red", None));
            let held = scope.spawn(|| locks.put_files("check_unclaimed", "blue", None));
            thread::sleep(Duration::from_millis(700));
            assert!(!free.is_finished() && !held.is_finished());
            locks.claim("blue");
            held.join().expect("a run").ok();
            let u1 = locks.release("red");
            assert_eq!(version(&free.join().expect("a run").ok()), u1);
        });
        assert_eq!(locks.subjects().len(), 3);
        // Of a lock that is nowhere there is a warning.
        let nowhere = locks.put_files("check", "green", None);
        nowhere.ok();
        assert!(
            nowhere.stderr.contains("there is no lock green in pool cars"),
            "{}",
            nowhere.stderr
        );
    }
}

#[test]
fn pool_case_27_missing_fields() {
    let empty = json!({ "source": {} });
    let missing = |names: &[&str]| -> Vec<String> {
        names
            .iter()
            .flat_map(|name| {
                [
                    format!("invalid payload (missing {name})"),
                    format!("  hint: source.{name} is required"),
                ]
            })
            .collect()
    };
    let binary = || executable("pool-lock");
    for run in [Run::check(binary()), Run::get(binary())] {
        let output = run.request(&empty).run();
        let lines: Vec<&str> = output.fails(1).stderr.lines().collect();
        assert_eq!(lines, missing(&["uri", "branch", "pool"]));
    }
    let output = Run::put(binary()).request(&empty).run();
    let lines: Vec<&str> = output.fails(1).stderr.lines().collect();
    let mut expected = missing(&["uri", "pool", "branch"]);
    expected.push(
        "invalid payload (missing acquire, release, remove, claim, add, add_claimed, update, check, or check_unclaimed)"
            .to_owned(),
    );
    assert_eq!(lines, expected);
}

#[test]
fn pool_case_28_retry_delay() {
    let locks = Locks::new(Way::File);
    let claim = json!({ "claim": "red" });
    for (delay, text) in [
        (json!("45"), "missing unit in duration \"45\""),
        (json!("1d"), "unknown unit \"d\" in duration \"1d\""),
        (json!(true), "true is no duration"),
    ] {
        let fields = json!({ "retry_delay": delay });
        let output = locks.put_with(&fields, &claim, Path::new("/")).run();
        assert!(output.fails(1).stderr.contains(text), "{}", output.stderr);
        assert!(
            output.stderr.starts_with("error reading request: "),
            "{}",
            output.stderr
        );
        assert_eq!(locks.check_with(&fields, None).len(), 1);
    }
    assert_eq!(locks.subjects(), [""; 0]);
    // CONTRACT F14: what would hammer the server is accepted, with a warning.
    let fields = json!({ "retry_delay": -3 });
    let output = locks.put_with(&fields, &claim, Path::new("/")).run();
    output.ok();
    assert!(output.stderr.contains("hammer"), "{}", output.stderr);
}

#[test]
fn pool_case_29_a_shallow_get_knows_its_lock() {
    for way in WAYS {
        let locks = Locks::new(way);
        let c1 = locks.claim("red");
        for depth in [json!(1), json!("1"), json!(0), json!("x")] {
            let output = locks.get_with(&json!({}), &c1, &json!({ "depth": depth })).run();
            assert_eq!(row(&output.ok(), "lock_name"), "red");
            assert_eq!(
                std::fs::read_to_string(output.work().join("metadata")).expect("a file"),
                "r\n"
            );
        }
    }
}

#[test]
fn pool_case_30_names_of_every_kind() {
    for way in WAYS {
        for name in ["öl 1", "sp ace", "*", "[a]", "-x", "a\\b", "\"q\"", "$(id)"] {
            let locks = Locks::new(way);
            locks.put_files("add", name, Some("m\n")).ok();
            let claimed = locks.claim(name);
            let got = locks.get(&claimed);
            assert_eq!(row(&got.ok(), "lock_name"), name);
            assert_eq!(
                std::fs::read_to_string(got.work().join("name")).expect("a file"),
                format!("{name}\n")
            );
            let parent = got.work().parent().expect("a parent");
            let directory = got.work().file_name().expect("a name").to_str().expect("UTF-8");
            locks
                .put_with(&json!({}), &json!({ "release": directory }), parent)
                .run()
                .ok();
            assert!(locks.files("cars/unclaimed").contains(&name.to_owned()));
            assert_eq!(locks.subjects()[0], format!("unclaiming: {name}"));
        }
    }
}

#[test]
fn pool_case_31_settings_are_taken_literally() {
    let locks = Locks::new(Way::Https);
    let fields = json!({ "git_config": [
        { "name": "user.name", "value": "O'Neil  *" }, { "name": "user.email", "value": "o@n" }, 7, { "x": 1 },
    ] });
    locks
        .put_with(&fields, &json!({ "claim": "red" }), Path::new("/"))
        .run()
        .ok();
    assert_eq!(
        git(&locks.bare, &["log", "-1", "--format=%an <%ae> %cn", "main"]),
        "O'Neil  * <o@n> O'Neil  *"
    );
    // CONTRACT 3, kept: what is no list is nothing.
    locks
        .put_with(
            &json!({ "git_config": "x" }),
            &json!({ "claim": "blue" }),
            Path::new("/"),
        )
        .run()
        .ok();
}

#[test]
fn pool_case_32_a_pool_that_is_not_there() {
    for way in WAYS {
        let locks = Locks::new(way);
        let nope = json!({ "pool": "nope" });
        assert_eq!(locks.check_with(&nope, None), [""; 0]);
        let output = locks.get_with(&nope, &locks.repo.id("R1"), &Value::Null).run();
        output.fails(1);
        assert!(output.stderr.contains("touches pool nope"), "{}", output.stderr);
        let params = json!({ "claim": "red", "timeout": "300ms" });
        let output = locks.put_with(&nope, &params, Path::new("/")).run();
        assert!(
            output
                .fails(1)
                .stderr
                .contains("there is no pool nope on branch main yet"),
            "{}",
            output.stderr
        );
    }
}

/// That no operation is named is not said where the one that is named has the wrong type.
#[test]
fn a_rule_does_not_judge_what_is_known_to_be_wrong() {
    let source = json!({ "uri": "a", "branch": "b", "pool": "c" });
    let output = Run::put(executable("pool-lock"))
        .request(&json!({ "source": source, "params": { "claim": ["a"] } }))
        .run();
    assert_eq!(
        output.fails(1).stderr,
        "params.claim: expected a string, found a list\n"
    );
}
