//! pool-lock: a release without a directory, as `ensure` does after a wait that was aborted or timed out.

use concourse_resource_sdk::testing::Run;
use serde_json::json;
use tests::{GitRepo, Protocol, SshServer, executable, git};

use crate::pool_support::{Files, Locks, WAYS, Way, row, version};

const RELEASE: &str = "nothing/was/left/here";

fn release(locks: &Locks, url: &str) -> concourse_resource_sdk::testing::Output {
    let work = tempfile::tempdir().expect("a directory");
    locks
        .put_with(&json!({}), &json!({ "release": RELEASE }), work.path())
        .env("BUILD_URL", url)
        .run()
}

fn claim(locks: &Locks, lock: &str, url: &str) {
    let params = json!({ "claim": lock });
    let work = std::path::Path::new("/");
    locks
        .put_with(&json!({}), &params, work)
        .env("BUILD_URL", url)
        .run()
        .ok();
}

/// Seen in a real Concourse: an abort during the implicit get left the claim, and `ensure` failed for want of a directory.
#[test]
fn a_release_without_a_directory_frees_what_this_build_claimed() {
    for way in WAYS {
        let locks = Locks::new(way);
        claim(&locks, "red", "http://ci/b/12");
        claim(&locks, "blue", "http://ci/b/13");
        let output = release(&locks, "http://ci/b/12");
        let answer = output.ok();
        assert_eq!(row(&answer, "lock_name"), "red");
        assert_eq!(locks.files("cars/claimed"), [".gitkeep", "blue"]);
        assert!(
            locks
                .message(&version(&answer))
                .starts_with("unclaiming: red\nBuild URL: http://ci/b/12")
        );
        locks.get(&version(&answer)).ok();
    }
}

#[test]
fn all_that_this_build_claimed_is_freed_at_once() {
    for way in WAYS {
        let locks = Locks::new(way);
        for lock in ["red", "blue"] {
            claim(&locks, lock, "http://ci/b/12");
        }
        let answer = release(&locks, "http://ci/b/12").ok();
        assert_eq!(locks.files("cars/unclaimed"), [".gitkeep", "blue", "red"]);
        // The answer is about the last commit, and a get says the same.
        let got = locks.get(&version(&answer));
        got.ok();
        let name = std::fs::read_to_string(got.work().join("name")).expect("a name");
        assert_eq!(name.trim(), row(&answer, "lock_name"));
    }
}

#[test]
fn a_build_that_claimed_nothing_releases_nothing_and_succeeds() {
    for way in WAYS {
        let locks = Locks::new(way);
        claim(&locks, "red", "http://ci/b/13");
        let before = locks.tip();
        // Another build, a rerun of the one that has it, and one whose address begins alike.
        for url in ["http://ci/b/12", "http://ci/b/13.1", "http://ci/b/1"] {
            let output = release(&locks, url);
            let answer = output.ok();
            output.says(&format!("nothing to release: {url} has no claim in pool cars"));
            assert_eq!(locks.tip(), before, "{url}");
            // Concourse gets the version of every put.
            locks.get(&version(&answer)).ok();
        }
        // A version at which a lock is free can be got whatever others do.
        locks.release("red");
        let free = locks.tip();
        claim(&locks, "red", "http://ci/b/13");
        let answer = release(&locks, "http://ci/b/12").ok();
        assert_eq!(
            (version(&answer), row(&answer, "lock_name")),
            (free, "red".to_owned())
        );
        locks.release("red");
        locks.get(&version(&answer)).ok();
    }
}

#[test]
fn a_claim_that_was_taken_over_is_not_of_this_build_any_more() {
    let locks = Locks::new(Way::Https);
    claim(&locks, "red", "http://ci/b/12");
    std::thread::sleep(std::time::Duration::from_secs(2));
    locks
        .put_with(
            &json!({ "expire_after": "1s" }),
            &json!({ "claim": "red" }),
            std::path::Path::new("/"),
        )
        .env("BUILD_URL", "http://ci/b/13")
        .run()
        .ok();
    let before = locks.tip();
    let output = release(&locks, "http://ci/b/12");
    output.ok();
    output.says("nothing to release: http://ci/b/12 has no claim in pool cars");
    assert_eq!(locks.tip(), before);
}

#[test]
fn without_a_build_the_missing_directory_is_told() {
    let locks = Locks::new(Way::File);
    claim(&locks, "red", "http://ci/b/12");
    let output = release(&locks, "");
    assert!(
        output
            .fails(1)
            .stderr
            .contains("nothing/was/left/here/name: No such file or directory"),
        "{output}"
    );
    // A directory that is there, and no lock's, is a mistake in any case.
    let files = Files::new("red", None);
    std::fs::remove_file(files.path().join("x/name")).expect("a file");
    let output = locks
        .put_with(&json!({}), &json!({ "release": "x" }), files.path())
        .run();
    assert!(
        output
            .fails(1)
            .stderr
            .contains("x/name: No such file or directory"),
        "{output}"
    );
}

#[test]
fn a_name_that_no_file_can_have_is_refused_when_it_is_added() {
    let locks = Locks::new(Way::File);
    for operation in ["add", "add_claimed", "update"] {
        let output = locks.put_files(operation, &"n".repeat(256), Some("m"));
        let said = "a name of 256 bytes cannot be the name of a lock, which is a file: 255 are the most";
        assert!(output.fails(1).stderr.contains(said), "{output}");
    }
    locks.put_files("add", &"n".repeat(255), Some("m")).ok();
}

/// Found in a review: such a server refuses commits below the tips that it has, and a check lost its place.
#[test]
fn a_check_keeps_its_place_with_a_server_that_serves_only_tips() {
    let mut repo = GitRepo::new();
    let refs: Vec<String> = ["1", "2", "3"]
        .iter()
        .map(|text| repo.commit(text, text, &[("cars/unclaimed/red", text)]))
        .collect();
    let server = SshServer::start(Protocol::Old);
    server.publish(&repo, "locks.git");
    let path = server.path("locks.git");
    for (key, value) in [("Any", "false"), ("Tip", "true")] {
        git(
            &path,
            &["config", &format!("uploadpack.allow{key}SHA1InWant"), value],
        );
    }
    let request = json!({
        "source": {
            "uri": server.url("locks.git"), "branch": "main", "pool": "cars",
            "private_key": server.key(), "known_hosts": server.known_hosts(),
        },
        "version": { "ref": refs[0] },
    });
    let output = Run::check(executable("pool-lock")).request(&request).run();
    let all: Vec<_> = refs.iter().map(|id| json!({ "ref": id })).collect();
    assert_eq!(output.ok(), json!(all));
}
