//! The contract's cases about `check`, over HTTPS with a login and over `file://`.

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitServer, fixture_m, fixture_r, git};

use crate::support::{Served, check, get, merge, refs, source};

#[test]
fn git_g01_version_depth_counts_commits_that_pass() {
    let served = Served::new(fixture_r());
    served.checks(&json!({}), None, &["c4"]);
    served.checks(&json!({ "version_depth": 1 }), None, &["c4"]);
    served.checks(&json!({ "version_depth": "2" }), None, &["c2", "c4"]);
    served.checks(&json!({ "version_depth": 3 }), None, &["c1", "c2", "c4"]);
}

#[test]
fn git_g02_a_cursor_gives_everything_from_it_on() {
    Served::new(fixture_r()).checks(&json!({}), Some("c1"), &["c1", "c2", "c4"]);
}

#[test]
fn git_g03_a_skip_marked_cursor_is_left_out() {
    Served::new(fixture_r()).checks(&json!({}), Some("c3"), &["c4"]);
}

#[test]
fn git_g04_disable_ci_skip_as_text() {
    Served::new(fixture_r()).checks(
        &json!({ "disable_ci_skip": "true" }),
        Some("c1"),
        &["c1", "c2", "c3", "c4"],
    );
}

#[test]
fn git_g05_paths() {
    Served::new(fixture_r()).checks(&json!({ "paths": ["docs/*"] }), Some("c1"), &["c1", "c4"]);
}

#[test]
fn git_g06_ignore_paths() {
    Served::new(fixture_r()).checks(&json!({ "ignore_paths": ["docs"] }), Some("c0"), &["c2"]);
}

#[test]
fn git_g07_braces_in_paths() {
    Served::new(fixture_r()).checks(&json!({ "paths": ["{docs,lib}/*"] }), Some("c0"), &["c1", "c4"]);
}

#[test]
fn git_g08_messages_are_included_and_excluded() {
    let served = Served::new(fixture_r());
    let filter = |filter: Value| json!({ "commit_filter": filter });
    served.checks(&filter(json!({ "include": ["^feat"] })), Some("c0"), &["c2"]);
    served.checks(
        &filter(json!({ "exclude": ["^fix", "^docs"] })),
        Some("c0"),
        &["c0", "c2"],
    );
    // Without a cursor, as far back as it takes.
    served.checks(&filter(json!({ "include": ["^init"] })), None, &["c0"]);
    served.checks(&filter(json!({ "include": ["^nothing"] })), None, &[]);
}

#[test]
fn git_g09_patterns_are_basic_and_all_can_have_to_match() {
    let served = Served::new(fixture_r());
    let filter = |filter: Value| json!({ "commit_filter": filter });
    let both = json!({ "include": ["x", "feat"], "include_all_match": true });
    served.checks(&filter(both), Some("c0"), &["c2"]);
    served.checks(&filter(json!({ "include": ["feat+"] })), Some("c0"), &[]);
    let both = json!({ "exclude": ["docs", "start"], "exclude_all_match": "true" });
    served.checks(&filter(both), Some("c0"), &["c0", "c2", "c4"]);
}

#[test]
fn git_g10_a_root_as_cursor_and_an_unknown_one() {
    let served = Served::new(fixture_r());
    served.checks(&json!({}), Some("c0"), &["c0", "c1", "c2", "c4"]);
    for source in served.sources() {
        let request = json!({ "source": source, "version": { "ref": "d".repeat(40) } });
        let answer = check(&served.server, &request).run().ok();
        assert_eq!(answer, json!([{ "ref": served.repo.id("c4") }]));
    }
}

#[test]
fn git_g11_merges() {
    let served = Served::new(fixture_m());
    served.checks(&json!({}), Some("c2"), &["c2", "c4", "m5"]);
    served.checks(&json!({}), Some("t1"), &["c4", "m5"]);
    served.checks(&json!({ "paths": ["lib/*"] }), Some("c0"), &["m5"]);
}

#[test]
fn git_g12_a_branch_that_is_not_there_and_an_empty_repository() {
    let served = Served::new(fixture_r());
    for mut source in served.sources() {
        source["branch"] = json!("gone");
        check(&served.server, &json!({ "source": source }))
            .run()
            .fails(128)
            .says("Remote branch gone not found in upstream origin");
    }
    served.server.publish_empty("empty.git");
    let mut source = source(&served.server, "empty.git");
    source["branch"] = Value::Null;
    assert_eq!(
        check(&served.server, &json!({ "source": source })).run().ok(),
        json!([])
    );
}

#[test]
fn git_g13_the_shortcut_takes_the_branch_of_exactly_that_name() {
    let repo = fixture_r();
    let c1 = repo.id("c1");
    repo.git(&["branch", "a/main", &c1]);
    Served::new(repo).checks(&json!({ "disable_ci_skip": true }), None, &["c4"]);
}

#[test]
fn git_g20_version_depth_must_be_positive() {
    let served = Served::new(fixture_r());
    for (depth, shown) in [
        (json!(0), "0"),
        (json!("-1"), "-1"),
        (json!(1.5), "1.5"),
        (json!("many"), "many"),
    ] {
        for mut source in served.sources() {
            source["version_depth"] = depth.clone();
            check(&served.server, &json!({ "source": source }))
                .run()
                .fails(1)
                .says(&format!(
                    "Invalid version_depth. Must be a whole number above 0, found \"{shown}\"."
                ));
        }
    }
}

#[test]
fn git_g20_patterns_are_a_list() {
    let served = Served::new(fixture_r());
    for (filter, status, line) in [
        (
            json!({ "include": "x" }),
            1,
            "invalid commit filter (expected array of strings): \"x\"",
        ),
        (
            json!({ "exclude": { "a": 1 } }),
            1,
            "invalid commit filter (expected array of strings): {\"a\":1}",
        ),
        (
            json!("x"),
            5,
            "source.commit_filter: expected an object, found string \"x\"",
        ),
    ] {
        for mut source in served.sources() {
            merge(&mut source, &json!({ "commit_filter": filter }));
            let output = check(&served.server, &json!({ "source": source })).run();
            output.fails(status);
            assert_eq!(output.first_error_line(), line);
        }
    }
}

#[test]
fn git_g22_a_pattern_that_is_none_is_an_error() {
    let served = Served::new(fixture_r());
    served.checks(
        &json!({ "commit_filter": { "include": ["a("] } }),
        Some("c0"),
        &[],
    );
    for mut source in served.sources() {
        merge(
            &mut source,
            &json!({ "commit_filter": { "include": ["ok", "a\\("] } }),
        );
        let output = check(&served.server, &json!({ "source": source })).run();
        output.fails(1);
        assert_eq!(
            output.first_error_line(),
            "source.commit_filter.include[1]: \"a\\(\" is not a valid basic regular expression: Unmatched ( or \\("
        );
    }
}

#[test]
fn git_g21_unknown_keys_of_source_matter_to_check_only() {
    let served = Served::new(fixture_r());
    let mut source = source(&served.server, "r.git");
    source["bogus"] = json!(1);
    source["zz"] = json!({ "a": 1 });
    let output = check(&served.server, &json!({ "source": source })).run();
    output.fails(1);
    let lines: Vec<&str> = output.stderr.lines().take(3).collect();
    assert_eq!(lines, ["Found unknown keys in source:", "\"bogus\"", "\"zz\""]);
    get(&served.server, &json!({ "source": source })).run().ok();
}

#[test]
fn git_g23_a_force_push_is_followed() {
    let served = Served::new(fixture_r());
    for (index, source) in served.sources().iter().enumerate() {
        let path = served.server.path("r.git");
        let c4 = served.repo.id("c4");
        git(&path, &["update-ref", "refs/heads/main", &c4]);
        let tmp = TempDir::new().expect("a directory");
        let first = check(&served.server, &json!({ "source": source }))
            .tmpdir(tmp.path())
            .run()
            .ok();
        assert_eq!(refs(&first), std::slice::from_ref(&c4));
        let tree = served.repo.git(&["rev-parse", "main^{tree}"]);
        let message = format!("n{index}");
        let n = git(
            &path,
            &["commit-tree", &tree, "-p", &served.repo.id("c1"), "-m", &message],
        );
        git(&path, &["update-ref", "refs/heads/main", &n]);
        let request = json!({ "source": source, "version": { "ref": c4 } });
        assert_eq!(
            refs(&check(&served.server, &request).tmpdir(tmp.path()).run().ok()),
            [n]
        );
    }
}

#[test]
fn cursors_may_be_tags_branches_and_abbreviated_ids() {
    let served = Served::new(fixture_r());
    let short = served.repo.id("c2")[..8].to_owned();
    for (cursor, expected) in [
        ("rel-1", &["c1", "c2", "c4"][..]),
        ("nightly", &["c2", "c4"]),
        (short.as_str(), &["c2", "c4"]),
        ("main", &["c4"]),
        ("no-such-thing", &["c4"]),
    ] {
        for source in served.sources() {
            let request = json!({ "source": source, "version": { "ref": cursor } });
            let answer = refs(&check(&served.server, &request).run().ok());
            let names: Vec<&str> = answer.iter().map(|id| served.repo.name(id)).collect();
            assert_eq!(names, expected, "{cursor} {source}");
        }
    }
}

#[test]
fn a_server_without_protocol_version_2_gives_the_same_answers() {
    let served = Served::new(fixture_m());
    let source = source(&served.server, "v0/r.git");
    let tmp = TempDir::new().expect("a directory");
    let mut any = source.clone();
    any["disable_ci_skip"] = json!(true);
    let answer = check(&served.server, &json!({ "source": any })).run().ok();
    assert_eq!(answer, json!([{ "ref": served.repo.id("m5") }]));
    // Version 2 would have asked for the refs in a second request.
    assert_eq!(served.server.requests(), ["GET /v0/r.git/info/refs 200"]);
    for (fields, cursor, expected) in [
        (json!({}), Some("c2"), &["c2", "c4", "m5"][..]),
        (json!({}), Some("t1"), &["c4", "m5"]),
        (json!({ "paths": ["docs"] }), None, &["c4"]),
        (json!({ "version_depth": 2 }), None, &["c4", "m5"]),
    ] {
        let mut source = source.clone();
        merge(&mut source, &fields);
        let version = cursor.map(|name| json!({ "ref": served.repo.id(name) }));
        let request = json!({ "source": source, "version": version });
        let answer = refs(&check(&served.server, &request).tmpdir(tmp.path()).run().ok());
        let names: Vec<&str> = answer.iter().map(|id| served.repo.name(id)).collect();
        assert_eq!(names, expected, "{request}");
    }
    let request = json!({ "source": source, "params": { "depth": 1 } });
    let output = get(&served.server, &request).run();
    output.ok();
    assert_eq!(git(output.work(), &["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn the_last_answer_is_used_again_only_while_it_holds() {
    let server = GitServer::start(Access::Login);
    let mut repo = fixture_r();
    let path = server.publish(&repo, "r.git");
    let tmp = TempDir::new().expect("a directory");
    let source = source(&server, "r.git");
    let ask = |cursor: &str| {
        let request = json!({ "source": source, "version": { "ref": cursor } });
        refs(&check(&server, &request).tmpdir(tmp.path()).run().ok())
    };
    let (c2, c4) = (repo.id("c2"), repo.id("c4"));
    assert_eq!(ask(&c2), [c2.clone(), c4.clone()]);
    assert_eq!(ask(&c4), std::slice::from_ref(&c4));
    let c5 = repo.commit("c5", "more", &[("src/y.rs", "1\n")]);
    repo.git(&["push", "--quiet", &path.display().to_string(), "main"]);
    assert_eq!(ask(&c4), [c4.clone(), c5.clone()]);
    assert_eq!(ask(&c2), [c2, c4, c5.clone()]);
    assert_eq!(ask(&c5), [c5]);
}
