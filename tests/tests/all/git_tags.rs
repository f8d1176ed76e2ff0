//! The contract's cases about `check` of tags, over HTTPS with a login and over `file://`.

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{fixture_r, git};

use crate::support::{Served, check, merge};

/// What a check over each transport answers: `tag/commit` or `commit`, with the names of commits.
fn versions(served: &Served, fields: &Value, cursor: Option<&str>, expected: &[&str]) {
    for mut source in served.sources() {
        // The fixture's source has a branch, which counts here.
        source.as_object_mut().expect("an object").remove("branch");
        merge(&mut source, fields);
        let cursor = cursor.map(|text| {
            let known = text.starts_with(['c', 't']) && text.len() == 2;
            json!({ "ref": if known { served.repo.id(text) } else { text.to_owned() } })
        });
        let request = json!({ "source": source, "version": cursor });
        let answer = check(&served.server, &request).run().ok();
        assert_eq!(shown(served, &answer), expected, "{request}");
    }
}

fn shown(served: &Served, answer: &Value) -> Vec<String> {
    let shown = |version: &Value| {
        let text = |key: &str| version[key].as_str();
        let reference = text("ref").expect("a ref");
        match text("commit") {
            Some(commit) => format!("{reference}/{}", served.repo.name(commit)),
            None => served.repo.name(reference).to_owned(),
        }
    };
    answer.as_array().expect("a list").iter().map(shown).collect()
}

#[test]
fn git_g14_the_newest_tags_that_match() {
    let served = Served::new(fixture_r());
    let rel = json!({ "tag_filter": "rel-*" });
    versions(&served, &rel, None, &["rel-2/c4"]);
    versions(&served, &rel, Some("rel-1"), &["rel-2/c4"]);
    let five = json!({ "tag_filter": "rel-*", "version_depth": 5 });
    versions(&served, &five, Some("rel-1"), &["rel-1/c1", "rel-2/c4"]);
    versions(&served, &five, Some("rel-2"), &["rel-2/c4"]);
}

#[test]
fn git_g15_a_branch_limits_the_tags() {
    let served = Served::new(fixture_r());
    let all = json!({ "tag_filter": "*", "version_depth": 9 });
    let every = ["rel-1/c1", "nightly/c2", "rel-2/c4", "topic-1/t1"];
    versions(&served, &all, None, &every);
    let main = json!({ "tag_filter": "*", "version_depth": 9, "branch": "main" });
    versions(&served, &main, None, &every[..3]);
    // From a cursor on: those that contain it.
    versions(&served, &main, Some("nightly"), &["nightly/c2", "rel-2/c4"]);
    versions(&served, &main, Some("c2"), &["nightly/c2", "rel-2/c4"]);
    versions(&served, &main, Some("topic-1"), &[]);
}

#[test]
fn git_g16_an_expression_matches_the_whole_name() {
    let served = Served::new(fixture_r());
    let rel = json!({ "tag_regex": "rel-[0-9]+", "version_depth": "9" });
    versions(&served, &rel, None, &["rel-1/c1", "rel-2/c4"]);
    versions(
        &served,
        &json!({ "tag_regex": "rel", "version_depth": 9 }),
        None,
        &[],
    );
}

#[test]
fn git_g17_commits_that_a_tag_contains() {
    let served = Served::new(fixture_r());
    let fields = |depth: usize| json!({ "tag_filter": "rel-1", "tag_behaviour": "match_tag_ancestors", "version_depth": depth });
    versions(&served, &fields(9), None, &["c0", "c1"]);
    versions(&served, &fields(1), None, &["c1"]);
}

#[test]
fn git_g18_paths_and_tags() {
    let served = Served::new(fixture_r());
    let fields = |behaviour: &str| json!({ "tag_filter": "rel-*", "paths": ["src/**"], "version_depth": 9, "tag_behaviour": behaviour });
    versions(&served, &fields("match_tagged"), None, &[]);
    versions(&served, &fields("match_tag_ancestors"), None, &["c2"]);
}

#[test]
fn git_g19_a_cursor_that_is_no_tag_of_the_list() {
    let served = Served::new(fixture_r());
    let fields = json!({ "tag_filter": "rel-1", "tag_behaviour": "match_tag_ancestors", "version_depth": 9 });
    versions(&served, &fields, Some("c1"), &["c1"]);
    // A filter that was edited, and a name that is a part of another.
    let edited = json!({ "tag_filter": "rel-*", "version_depth": 9 });
    versions(&served, &edited, Some("nightly"), &["rel-2/c4"]);
    versions(&served, &edited, Some("rel"), &["rel-1/c1", "rel-2/c4"]);
    let short = served.repo.id("c2")[..9].to_owned();
    versions(&served, &edited, Some(&short), &["rel-2/c4"]);
}

#[test]
fn git_g20_two_filters_are_one_too_many() {
    let served = Served::new(fixture_r());
    for mut source in served.sources() {
        merge(
            &mut source,
            &json!({ "tag_filter": "v*", "tag_regex": "v.*", "tag_behaviour": "sideways" }),
        );
        let output = check(&served.server, &json!({ "source": source })).run();
        output.fails(1);
        assert_eq!(
            output.first_error_line(),
            "Cannot provide both tag_filter and tag_regex"
        );
        output.says("Invalid tag_behaviour. Must be one of 'match_tagged' or 'match_tag_ancestors'.");
        // `in` takes both.
        crate::support::get(
            &served.server,
            &json!({ "source": { "uri": source["uri"], "username": source["username"], "password": source["password"], "tag_filter": "v*", "tag_regex": "v.*" } }),
        )
        .run()
        .ok();
    }
}

#[test]
fn a_tag_filter_makes_get_fetch_all_tags() {
    let served = Served::new(fixture_r());
    for mut source in served.sources() {
        source["tag_filter"] = json!("rel-*");
        let output = crate::support::get(&served.server, &json!({ "source": source })).run();
        output.ok();
        assert_eq!(git(output.work(), &["tag"]), "nightly\nrel-1\nrel-2\ntopic-1");
    }
}

#[test]
fn a_branch_that_is_not_there_or_an_empty_repository_has_no_versions() {
    let served = Served::new(fixture_r());
    versions(
        &served,
        &json!({ "tag_filter": "*", "branch": "gone" }),
        None,
        &[],
    );
    let empty = Served::new(tests::GitRepo::new());
    versions(&empty, &json!({ "tag_filter": "*" }), None, &[]);
    versions(&empty, &json!({ "tag_filter": "*", "branch": "main" }), None, &[]);
}

#[test]
fn messages_and_skip_markers_count_for_tags() {
    let mut repo = fixture_r();
    repo.tag("marked", "c3");
    let served = Served::new(repo);
    let marked = json!({ "tag_filter": "marked" });
    versions(&served, &marked, None, &[]);
    let all = json!({ "tag_filter": "marked", "disable_ci_skip": true });
    versions(&served, &all, None, &["marked/c3"]);
    let feat = json!({ "tag_filter": "*", "version_depth": 9, "commit_filter": { "include": ["^feat"] } });
    versions(&served, &feat, None, &["nightly/c2", "topic-1/t1"]);
}

/// A cache follows what happens to the remote: F14.
#[test]
fn tags_that_move_come_and_go_are_followed() {
    let served = Served::new(fixture_r());
    for mut source in served.sources() {
        source.as_object_mut().expect("an object").remove("branch");
        merge(&mut source, &json!({ "tag_filter": "w-*", "version_depth": 9 }));
        let tmp = TempDir::new().expect("a directory");
        let path = served.server.path("r.git");
        let answer = || {
            let request = json!({ "source": source });
            let output = check(&served.server, &request).tmpdir(tmp.path()).run();
            shown(&served, &output.ok())
        };
        assert!(answer().is_empty());
        git(&path, &["tag", "w-1", &served.repo.id("c1")]);
        assert_eq!(answer(), ["w-1/c1"]);
        assert_eq!(answer(), ["w-1/c1"]);
        git(&path, &["tag", "-f", "w-1", &served.repo.id("c2")]);
        git(&path, &["tag", "w-2", &served.repo.id("t1")]);
        assert_eq!(answer(), ["w-1/c2", "w-2/t1"]);
        git(&path, &["tag", "-d", "w-1"]);
        assert_eq!(answer(), ["w-2/t1"]);
        git(&path, &["tag", "-d", "w-2"]);
    }
}

/// Tags of trees and blobs never appear, nested ones by their commit, ones without a date before all others.
#[test]
fn odd_tags() {
    let mut repo = fixture_r();
    let (tree, blob) = (
        repo.git(&["rev-parse", "main^{tree}"]),
        repo.git(&["rev-parse", "main:docs/a.md"]),
    );
    repo.git(&["tag", "o-tree", &tree]);
    repo.git(&["tag", "o-blob", &blob]);
    repo.git(&["tag", "-a", "-m", "x", "o-atree", &tree]);
    repo.git(&["tag", "-a", "-m", "x", "o-ablob", &blob]);
    let other = repo.git(&["rev-parse", &format!("{}^{{tree}}", repo.id("c2"))]);
    repo.git(&["tag", "-a", "-m", "x", "o-other", &other]);
    repo.tag("o-once", "c2");
    repo.git(&["tag", "-a", "-m", "x", "o-twice", "o-once"]);
    let id = repo.id("c4");
    let undated = format!("object {id}\ntype commit\ntag o-undated\n\nx\n");
    let file = repo.path().join(".git/undated");
    std::fs::write(&file, undated).expect("a file");
    let object = repo.git(&[
        "hash-object",
        "-t",
        "tag",
        "-w",
        "--literally",
        file.to_str().expect("a path"),
    ]);
    repo.git(&["update-ref", "refs/tags/o-undated", &object]);
    let served = Served::new(repo);
    versions(
        &served,
        &json!({ "tag_filter": "o-*", "version_depth": 9 }),
        None,
        &["o-undated/c4", "o-once/c2", "o-twice/c2"],
    );
}
