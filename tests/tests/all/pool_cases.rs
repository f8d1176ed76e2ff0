//! pool-lock: the acceptance cases 1 to 20 of its contract, section 11: claims, releases, races.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::git;

use crate::pool_support::{Locks, WAYS, Way, row, version};

#[test]
fn pool_case_01_02_a_check_without_version_or_from_the_root() {
    for way in WAYS {
        let locks = Locks::new(way);
        let r1 = locks.repo.id("R1");
        assert_eq!(locks.check(None), std::slice::from_ref(&r1), "{way:?}");
        assert_eq!(locks.check(Some(&locks.repo.id("R0"))), [r1], "{way:?}");
    }
}

#[test]
fn pool_case_03_04_a_claim_and_its_get() {
    for way in WAYS {
        let locks = Locks::new(way);
        let answer = locks.put(&json!({ "claim": "red" })).ok();
        let c1 = version(&answer);
        assert_eq!(
            (row(&answer, "lock_name"), row(&answer, "pool_name")),
            ("red".into(), "cars".into())
        );
        assert_eq!(c1, locks.tip());
        let raw = git(&locks.bare, &["cat-file", "commit", &c1]);
        assert!(
            raw.ends_with("\n\nclaiming: red\nBuild URL: http://ci/b/9"),
            "{raw}"
        );
        assert!(
            raw.contains("\nauthor git <git@localhost> ") && raw.contains("\ncommitter git <git@localhost> ")
        );
        assert_eq!(git(&locks.bare, &["rev-parse", "main^"]), locks.repo.id("R1"));
        let changed = git(&locks.bare, &["diff", "--raw", "-M", "main^", "main"]);
        assert!(
            changed.contains(":100644 100644")
                && changed.contains("R100\tcars/unclaimed/red\tcars/claimed/red")
        );
        assert_eq!(changed.lines().count(), 1, "{changed}");

        let output = locks.get(&c1);
        assert_eq!(output.ok(), answer);
        let file = |name: &str| std::fs::read_to_string(output.work().join(name)).expect("a file");
        assert_eq!((file("name"), file("metadata")), ("red\n".into(), "r\n".into()));
        assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), c1);
        git(output.work(), &["fsck", "--strict"]);
    }
}

#[test]
fn pool_case_05_06_another_pools_commits() {
    for way in WAYS {
        let locks = Locks::new(way);
        let c1 = locks.claim("red");
        let vans = json!({ "pool": "vans" });
        let v1 = version(
            &locks
                .put_with(&vans, &json!({ "claim": "v1" }), Path::new("/"))
                .run()
                .ok(),
        );
        assert_eq!(locks.check(Some(&c1)), std::slice::from_ref(&c1));
        assert_eq!(locks.check(Some(&v1)), [""; 0]);
        assert_eq!(locks.check(None), [c1]);
        let answer = locks.get(&v1).ok();
        assert_eq!(
            (version(&answer), row(&answer, "lock_name")),
            (v1, "red".to_owned())
        );
    }
}

#[test]
fn pool_case_07_to_11_releases_and_dead_claims() {
    for way in WAYS {
        let locks = Locks::new(way);
        let c1 = locks.claim("red");
        let u1 = version(&locks.put_files("release", " red \n", None).ok());
        assert!(locks.message(&u1).starts_with("unclaiming: red\nBuild URL:"));
        assert_eq!(locks.files("cars/unclaimed"), [".gitkeep", "blue", "red"]);
        let dead = locks.get(&c1);
        dead.fails(1).says("error: lock instance is no longer acquired");
        assert_eq!(std::fs::read_dir(dead.work()).expect("a directory").count(), 0);
        let c2 = locks.claim("red");
        locks
            .get(&c1)
            .fails(1)
            .says("error: lock instance is no longer acquired");
        let got = locks.get(&u1);
        got.ok();
        assert_eq!(
            std::fs::read_to_string(got.work().join("metadata")).expect("a file"),
            "r\n"
        );
        assert_eq!(locks.check(Some(&c1)), [c1, u1, c2.clone()]);
        assert_eq!(locks.check(Some("feedbeef")), std::slice::from_ref(&c2));
        assert_eq!(locks.check(Some(&"feedbeef".repeat(5))), [c2]);
    }
}

#[test]
fn pool_case_12_a_release_of_what_is_free() {
    for way in WAYS {
        let locks = Locks::new(way);
        let before = locks.tip();
        let output = locks.put_files("release", "red", None);
        output
            .fails(1)
            .says("error releasing lock: action: lock red is not claimed");
        assert_eq!(locks.tip(), before);
    }
}

#[test]
fn pool_case_13_14_removing() {
    for way in WAYS {
        let locks = Locks::new(way);
        locks.claim("red");
        let answer = locks.put_files("remove", "red", None).ok();
        let d = version(&answer);
        assert!(locks.message(&d).starts_with("removing: red\n"));
        assert_eq!(locks.files("cars/claimed"), [".gitkeep"]);
        let got = locks.get(&d);
        assert_eq!(got.ok(), answer);
        got.says("lock does not exist");
        assert!(!got.work().join("name").exists() && !got.work().join("metadata").exists());
        let output = locks.put_files("remove", "blue", None);
        output
            .fails(1)
            .says("error removing lock: action: lock blue is not claimed");
    }
}

#[test]
fn pool_case_15_any_free_lock_is_acquired() {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        if seen.len() == 2 {
            break;
        }
        let locks = Locks::new(Way::File);
        seen.insert(row(&locks.put(&json!({ "acquire": true })).ok(), "lock_name"));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["blue", "red"]);
}

#[test]
fn pool_case_16_waiting_for_a_release() {
    for way in WAYS {
        let locks = Locks::new(way);
        locks.claim("red");
        locks.claim("blue");
        let began = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| locks.put(&json!({ "acquire": true })));
            thread::sleep(Duration::from_secs(1));
            assert!(!waiting.is_finished());
            locks.release("blue");
            let output = waiting.join().expect("a run");
            assert_eq!(row(&output.ok(), "lock_name"), "blue");
            assert!(
                output.stderr.contains("red is claimed since "),
                "{}",
                output.stderr
            );
            assert!(output.stderr.contains(" by http://ci/b/9"), "{}", output.stderr);
        });
        assert!(began.elapsed() < Duration::from_secs(8));
    }
}

#[test]
fn pool_case_17_two_acquires_get_two_locks() {
    for way in WAYS {
        let locks = Locks::new(way);
        let acquire = || row(&locks.put(&json!({ "acquire": true })).ok(), "lock_name");
        let mut names = thread::scope(|scope| {
            let both = [scope.spawn(acquire), scope.spawn(acquire)];
            both.map(|one| one.join().expect("a run"))
        });
        names.sort();
        assert_eq!(names, ["blue", "red"]);
        assert_eq!(locks.subjects().len(), 2);
    }
}

#[test]
fn pool_case_17_many_acquires_at_once_get_as_many_locks() {
    const MANY: usize = 10;
    for way in [Way::Https, Way::File] {
        let locks = Locks::new(way);
        locks.by_hand("for n in 1 2 3 4 5 6 7 8; do touch cars/unclaimed/l$n; done");
        let acquire = || {
            let answer = locks.put(&json!({ "acquire": true })).ok();
            (row(&answer, "lock_name"), version(&answer))
        };
        let claims: Vec<(String, String)> = thread::scope(|scope| {
            let all: Vec<_> = (0..MANY).map(|_| scope.spawn(acquire)).collect();
            all.into_iter().map(|one| one.join().expect("a run")).collect()
        });
        // Each answer is about a commit of the branch that claims just that lock.
        let history = git(&locks.bare, &["log", "--format=%H %s", "main"]);
        for (lock, id) in &claims {
            assert!(history.contains(&format!("{id} claiming: {lock} ")), "{history}");
        }
        let names: std::collections::BTreeSet<&String> = claims.iter().map(|(lock, _)| lock).collect();
        assert_eq!(names.len(), MANY);
        assert_eq!(locks.files("cars/unclaimed"), [".gitkeep"]);
    }
}

#[test]
fn pool_case_18_a_race_with_an_unrelated_commit() {
    for way in [Way::Https, Way::OldHttps] {
        let locks = Locks::new(way);
        // Somebody pushes while this push is being looked at.
        locks.hook("pre-receive", "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES; rm hooks/pre-receive; \
             c=$(git -c user.name=x -c user.email=x@y commit-tree -p main -m other main^{tree}); git update-ref refs/heads/main $c",
        );
        let c1 = locks.claim("red");
        assert_eq!(locks.message(&format!("{c1}^")), "other");
        assert_eq!(locks.subjects(), ["claiming: red", "other"]);
    }
}

#[test]
fn pool_case_19_the_same_claim_of_another_build_is_no_success() {
    for way in [Way::Https, Way::OldHttps] {
        let locks = Locks::new(way);
        // The other one wins with the very same tree, message and second.
        locks.hook("pre-receive", "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES; rm hooks/pre-receive; \
             export GIT_INDEX_FILE=$PWD/other.index; git read-tree main; git update-index --force-remove cars/unclaimed/red; \
             git update-index --add --cacheinfo 100644,$(git rev-parse main:cars/unclaimed/red),cars/claimed/red; \
             c=$(printf 'claiming: red\\nBuild URL: http://ci/b/9\\n' | \
               git -c user.name=git -c user.email=git@localhost commit-tree -p main $(git write-tree)); \
             git update-ref refs/heads/main $c",
        );
        let output = locks
            .put_with(
                &json!({}),
                &json!({ "claim": "red", "timeout": "1s" }),
                Path::new("/"),
            )
            .run();
        output.fails(1);
        assert!(
            output.stderr.contains("red is claimed since "),
            "{}",
            output.stderr
        );
        assert_eq!(locks.subjects(), ["claiming: red"]);
    }
}

#[test]
fn pool_case_20_five_pushes_that_fail_for_no_known_reason() {
    let locks = Locks::new(Way::Https);
    // The server dies while it answers.
    locks.hook("pre-receive", "kill -9 $PPID");
    let pushes = || {
        let requests = locks.server.requests();
        let is_push = |request: &&String| request.contains("POST") && request.contains("git-receive-pack");
        requests.iter().filter(is_push).count()
    };
    let output = locks.put(&json!({ "acquire": true }));
    output
        .fails(1)
        .says("error acquiring lock: too-many-unexpected-errors");
    // Each is looked for once more, and none is there.
    assert_eq!(output.stderr.matches(" was not claimed").count(), 5, "{output}");
    assert_eq!(pushes(), 5);
    assert!(
        output
            .stderr
            .contains("failed to broadcast the change to lock state!")
    );
    assert_eq!(locks.subjects(), [""; 0]);
}

/// Found in an attack: a server behind a gateway that gave up took the push four seconds later, and nobody had the lock.
#[test]
fn a_claim_that_arrives_after_the_step_gave_up_is_undone() {
    let locks = Locks::new(Way::Https);
    locks.hook(
        "pre-receive",
        "read old new name; echo x >>../pushes; cp -r $GIT_QUARANTINE_PATH/* objects/
if [ $(wc -l <../pushes) = 5 ]; then
  (unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
   sleep 3; git update-ref $name $new $old) >/dev/null 2>&1 &
fi
kill -9 $PPID",
    );
    let removed = locks.bare.join("hooks/pre-receive");
    let undoing = std::thread::spawn(move || {
        // Only what undoes the claim gets through.
        std::thread::sleep(std::time::Duration::from_millis(3_500));
        std::fs::remove_file(removed).expect("a hook");
    });
    let output = locks.put(&json!({ "claim": "red" }));
    output
        .fails(1)
        .says("error claiming lock: too-many-unexpected-errors");
    undoing.join().expect("a thread");
    assert!(output.stderr.contains("of lock red was undone by "), "{output}");
    assert!(
        output
            .stderr
            .contains("  hint: should one of these commits arrive only now"),
        "{output}"
    );
    assert_eq!(locks.files("cars/claimed"), [".gitkeep"]);
}
