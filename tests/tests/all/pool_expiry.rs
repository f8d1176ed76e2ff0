//! pool-lock: what goes beyond the reference: `timeout`, `expire_after`, `owner`.

use std::path::Path;

use concourse_resource_sdk::testing::Ended;
use serde_json::json;

use crate::pool_support::{Files, Locks, WAYS, Way, version};

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
    for way in [Way::Https, Way::File] {
        for (ago, limit, takes) in [
            (-100_000, "1s", false),
            (10, "1m", false),
            (100, "3s", true),
            (100, "1m", false),
        ] {
            let locks = Locks::new(way);
            claimed_ago(&locks, ago);
            let params = json!({ "claim": "red", "timeout": "1500ms" });
            let output = locks
                .put_with(&json!({ "expire_after": limit }), &params, Path::new("/"))
                .run();
            assert_eq!(
                output.ended == Ended::Code(0),
                takes,
                "{ago} {limit}: {}",
                output.stderr
            );
        }
    }
}

/// Found in an attack: the claim of a worker whose clock is slow was taken over at once. Who waits has to see it for a while, whatever other commits
/// of that worker say.
#[test]
fn a_claim_by_a_slow_clock_is_not_taken_over_at_once() {
    for way in WAYS {
        let locks = Locks::new(way);
        claimed_ago(&locks, 7 * 3600);
        locks.by_hand("echo more >>cars/unclaimed/blue; git add .; GIT_COMMITTER_DATE='1700000000 +0000' git commit -qm 'updating: blue'");
        let began = std::time::Instant::now();
        let params = json!({ "claim": "red", "timeout": "20s" });
        let output = locks
            .put_with(&json!({ "expire_after": "20s" }), &params, Path::new("/"))
            .run();
        output.ok();
        assert!(
            began.elapsed() >= std::time::Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        let told = output
            .stderr
            .lines()
            .find(|line| line.starts_with("took over the claim of lock red: Expired: claimed on 20"));
        assert!(
            told.is_some_and(|line| line.ends_with("by http://ci/old")),
            "{output}"
        );
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
            .env("BUILD_URL", "http://ci/b/10")
            .run();
        assert!(
            output.fails(1).stderr.contains("not ours any more"),
            "{}",
            output.stderr
        );
        let hint = match fields["owner"].as_str() {
            None => {
                "  hint: release it from the directory of the put or get that has it, or set source.owner where it is claimed and here"
            }
            Some(_) => "  hint: that claim is of us, and source.owner is them",
        };
        output.says(hint);
    }
    locks
        .put_with(&ours, &json!({ "release": "x" }), files.path())
        .env("BUILD_URL", "http://ci/b/10")
        .run()
        .ok();
}

/// Seen in a real Concourse: what the build itself had added was not its own.
#[test]
fn a_lock_that_was_added_claimed_is_of_the_build_that_added_it() {
    for (fields, url) in [
        (json!({ "owner": "us" }), "http://ci/b/10"),
        (json!({}), "http://ci/b/9"),
    ] {
        for operation in ["release", "remove"] {
            let locks = Locks::new(Way::Https);
            let files = Files::new("green", Some("g"));
            let mut expiring = json!({ "expire_after": "1h" });
            crate::support::merge(&mut expiring, &fields);
            let added = locks
                .put_with(&expiring, &json!({ "add_claimed": "x" }), files.path())
                .run()
                .ok();
            if fields["owner"] == "us" {
                assert!(locks.message(&version(&added)).ends_with("Owner: us"));
            }
            locks
                .put_with(&expiring, &json!({ operation: "x" }), files.path())
                .env("BUILD_URL", url)
                .run()
                .ok();
        }
    }
}
