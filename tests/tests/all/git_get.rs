//! The contract's cases about `in`, over HTTPS with a login and over `file://`.

use std::path::Path;

use concourse_resource_sdk::testing::Output;
use serde_json::{Value, json};
use tests::{GitRepo, fixture_r, git};

use crate::support::{Served, get, merge};

/// What a get answered, and the files it left.
pub(crate) struct Got {
    output: Output,
    answer: Value,
}

impl Got {
    pub(crate) fn path(&self) -> &Path {
        self.output.work()
    }

    /// A file below `.git`.
    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(".git").join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(self.path(), args)
    }

    /// The metadata as `name=value`, in order.
    fn metadata(&self) -> Vec<String> {
        let rows = self.answer["metadata"].as_array().expect("metadata");
        rows.iter()
            .map(|row| format!("{}={}", text(&row["name"]), text(&row["value"])))
            .collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// A get over each transport.
pub(crate) fn gets(served: &Served, fields: &Value, version: &Value, params: &Value) -> Vec<Got> {
    let got = |mut source: Value| {
        merge(&mut source, fields);
        let request = json!({ "source": source, "version": version, "params": params });
        let output = get(&served.server, &request).run();
        let answer = output.ok();
        Got { output, answer }
    };
    served.sources().map(got).into()
}

#[test]
fn git_g24_without_a_version_the_branch_is_checked_out() {
    let served = Served::new(fixture_r());
    let c4 = served.repo.id("c4");
    for got in gets(&served, &json!({}), &Value::Null, &json!({})) {
        assert_eq!(got.answer["version"], json!({ "ref": c4 }));
        assert_eq!(got.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
        assert_eq!(
            got.git(&["rev-parse", "HEAD", "origin/main", "origin/HEAD"]),
            format!("{c4}\n{c4}\n{c4}")
        );
        for (name, content) in [
            ("ref", format!("{c4}\n")),
            ("commit", format!("{c4}\n")),
            ("short_ref", c4[..7].to_owned()),
            ("branch", "main\n".to_owned()),
            ("tags", "rel-2\n".to_owned()),
            ("describe_ref", "rel-2\n".to_owned()),
            ("author", "Ada\n".to_owned()),
            ("author_date", "2023-11-14 22:19:20 +0000\n".to_owned()),
            ("committer", "ada@ex.org".to_owned()),
            ("committer_name", "Ada".to_owned()),
            ("committer_date", "2023-11-14 22:19:20 +0000\n".to_owned()),
            ("commit_message", "fix: typo\n".to_owned()),
            ("commit_timestamp", "2023-11-14 22:19:20 +0000\n".to_owned()),
            ("url", String::new()),
        ] {
            assert_eq!(got.file(name), content, "{name}");
        }
        let pretty = serde_json::to_string_pretty(&got.answer["metadata"]).expect("JSON");
        assert_eq!(got.file("metadata.json"), format!("{pretty}\n"));
        assert_eq!(
            got.metadata(),
            [
                &format!("commit={c4}"),
                "author=Ada",
                "author_date=2023-11-14 22:19:20 +0000",
                "committer=Ada",
                "committer_date=2023-11-14 22:19:20 +0000",
                "branch=main",
                "tags=rel-2",
                "message=fix: typo\n",
            ]
        );
        assert_eq!(got.answer["metadata"][2]["type"], "time");
        assert_eq!(got.answer["metadata"][7]["type"], "message");
        assert_eq!(got.git(&["status", "--porcelain"]), "");
        assert_eq!(got.git(&["config", "branch.main.merge"]), "refs/heads/main");
        assert_eq!(
            got.git(&["config", "remote.origin.fetch"]),
            "+refs/heads/main:refs/remotes/origin/main"
        );
    }
}

#[test]
fn git_g25_a_version_is_checked_out_detached() {
    let served = Served::new(fixture_r());
    let (c2, c4) = (served.repo.id("c2"), served.repo.id("c4"));
    for got in gets(&served, &json!({}), &json!({ "ref": c2 }), &json!({})) {
        assert_eq!(got.answer["version"], json!({ "ref": c2 }));
        assert_eq!(got.file("HEAD"), format!("{c2}\n"));
        assert_eq!(got.file("branch"), "");
        assert_eq!(got.file("tags"), "nightly\n");
        assert_eq!(got.file("describe_ref"), format!("rel-1-1-g{}\n", &c2[..7]));
        assert_eq!(got.git(&["rev-parse", "refs/heads/main"]), c4);
    }
}

#[test]
fn git_g26_the_version_of_a_tag_is_echoed() {
    let served = Served::new(fixture_r());
    let c1 = served.repo.id("c1");
    for got in gets(
        &served,
        &json!({}),
        &json!({ "ref": "rel-1", "commit": c1 }),
        &json!({}),
    ) {
        assert_eq!(got.answer["version"], json!({ "ref": "rel-1" }));
        assert_eq!(
            (got.file("ref"), got.file("commit")),
            ("rel-1\n".to_owned(), format!("{c1}\n"))
        );
        assert_eq!(got.file("short_ref"), "rel-1");
    }
}

#[test]
fn git_g28_depth_deepens_until_the_version_is_there() {
    let served = Served::new(fixture_r());
    let c2 = served.repo.id("c2");
    for got in gets(&served, &json!({}), &json!({ "ref": c2 }), &json!({ "depth": 1 })) {
        assert_eq!(got.file("HEAD"), format!("{c2}\n"));
        assert_eq!(got.file("shallow"), format!("{c2}\n"));
        assert_eq!(got.git(&["log", "--format=%H"]), c2);
        assert_eq!(got.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn git_g29_depth_counts_from_the_version() {
    let mut repo = GitRepo::new();
    for number in 0..23 {
        repo.commit(&format!("n{number}"), "x", &[("f", &number.to_string())]);
    }
    let served = Served::new(repo);
    let (wanted, grandparent) = (served.repo.id("n4"), served.repo.id("n2"));
    for got in gets(
        &served,
        &json!({}),
        &json!({ "ref": wanted }),
        &json!({ "depth": "3" }),
    ) {
        let log: Vec<&str> = got
            .output
            .stderr
            .lines()
            .filter(|line| line.contains("shallow clone"))
            .collect();
        assert_eq!(
            log,
            [
                &format!("Could not find ref {wanted}~2 in a shallow clone of depth 3"),
                "Deepening the shallow clone by an additional 6...",
                &format!("Could not find ref {wanted}~2 in a shallow clone of depth 9"),
                "Deepening the shallow clone by an additional 12...",
            ]
        );
        assert_eq!(got.git(&["rev-parse", "HEAD~2"]), grandparent);
        assert_eq!(got.file("shallow"), format!("{grandparent}\n"));
    }
}

#[test]
fn depth_beyond_the_history_gives_all_of_it() {
    let served = Served::new(fixture_r());
    for got in gets(&served, &json!({}), &Value::Null, &json!({ "depth": 50 })) {
        assert!(!got.path().join(".git/shallow").exists());
        assert!(got.output.stderr.contains(
            "Reached max depth of the origin repo while deepening the shallow clone, it's a deep clone now"
        ));
        assert_eq!(got.git(&["rev-list", "--count", "HEAD"]), "5");
    }
}

#[test]
fn git_f07_depth_without_a_version_gets_the_head() {
    let served = Served::new(fixture_r());
    for got in gets(&served, &json!({}), &Value::Null, &json!({ "depth": 2 })) {
        assert_eq!(got.answer["version"], json!({ "ref": served.repo.id("c4") }));
        assert_eq!(got.git(&["rev-list", "--count", "HEAD"]), "2");
        assert_eq!(got.file("HEAD").len(), 41, "detached");
    }
}

#[test]
fn depth_is_ignored_for_plain_paths_and_for_what_is_no_positive_number() {
    let served = Served::new(fixture_r());
    let path = served.server.path("r.git").display().to_string();
    for (uri, depth) in [
        (path, json!(1)),
        (served.repo.file_url(), json!(0)),
        (served.repo.file_url(), json!("x")),
    ] {
        let source = json!({ "uri": uri, "branch": "main" });
        let output = get(
            &served.server,
            &json!({ "source": source, "params": { "depth": depth } }),
        )
        .run();
        output.ok();
        assert_eq!(git(output.work(), &["rev-list", "--count", "HEAD"]), "5");
    }
}

#[test]
fn git_g30_tags_are_fetched_as_asked() {
    let served = Served::new(fixture_r());
    let tags = |got: &Got| got.git(&["tag"]).lines().collect::<Vec<_>>().join(" ");
    for (source, params, expected) in [
        (json!({}), json!({}), "nightly rel-1 rel-2"),
        (
            json!({ "fetch_tags": true }),
            json!({}),
            "nightly rel-1 rel-2 topic-1",
        ),
        (
            json!({}),
            json!({ "fetch_tags": "true" }),
            "nightly rel-1 rel-2 topic-1",
        ),
        (json!({ "fetch_tags": true }), json!({ "fetch_tags": false }), ""),
        (json!({ "fetch_tags": false }), json!({ "fetch_tags": "" }), ""),
        (json!({}), json!({ "depth": 1 }), "rel-2"),
    ] {
        for got in gets(&served, &source, &Value::Null, &params) {
            assert_eq!(tags(&got), expected, "{source} {params}");
            let none = expected.is_empty();
            assert_eq!(
                got.file("config").contains("tagOpt = --no-tags"),
                none,
                "{source} {params}"
            );
        }
    }
}

#[test]
fn git_g31_the_version_may_name_the_branch() {
    let served = Served::new(fixture_r());
    let t1 = served.repo.id("t1");
    for got in gets(
        &served,
        &json!({}),
        &json!({ "ref": t1, "branch": "topic" }),
        &json!({}),
    ) {
        assert_eq!(got.answer["version"], json!({ "ref": t1 }));
        assert!(got.metadata().contains(&"branch=topic".to_owned()));
        assert!(got.output.stderr.contains("Override main with topic"));
    }
}

#[test]
fn git_g33_committer_files_follow_the_quirks() {
    let mut repo = GitRepo::new();
    repo.commit("first", "first", &[("f", "1")]);
    let script = "GIT_COMMITTER_NAME=Co GIT_COMMITTER_EMAIL=co@ex.org GIT_COMMITTER_DATE='1700000000 +0545' \
                  git commit --quiet --allow-empty --author='Au <au@ex.org>' --message two";
    let done = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(repo.path())
        .status()
        .expect("sh");
    assert!(done.success());
    let served = Served::new(repo);
    for got in gets(&served, &json!({}), &Value::Null, &json!({})) {
        assert!(!got.metadata().iter().any(|row| row.starts_with("committer")));
        assert_eq!(
            (got.file("committer"), got.file("committer_name")),
            ("au@ex.org".to_owned(), "Au".to_owned())
        );
        assert_eq!(got.file("committer_date"), "2023-11-15 03:58:20 +0545\n");
        assert_eq!(got.file("commit_timestamp"), "2023-11-15 03:58:20 +0545\n");
    }
}

#[test]
fn a_tag_may_stand_for_the_branch() {
    let served = Served::new(fixture_r());
    let c1 = served.repo.id("c1");
    for got in gets(&served, &json!({ "branch": "rel-1" }), &Value::Null, &json!({})) {
        assert_eq!(got.answer["version"], json!({ "ref": c1 }));
        assert_eq!(got.file("HEAD"), format!("{c1}\n"));
        assert_eq!(
            got.git(&["config", "remote.origin.fetch"]),
            "+refs/tags/rel-1:refs/tags/rel-1"
        );
    }
}

#[test]
fn a_ref_that_vanished_is_named() {
    let served = Served::new(fixture_r());
    let gone = "d".repeat(40);
    for source in served.sources() {
        for (version, status, line) in [
            (gone.as_str(), 128, format!("fatal: unable to read tree ({gone})")),
            (
                "v9",
                1,
                "pathspec 'v9' did not match any file(s) known to git".to_owned(),
            ),
        ] {
            let request = json!({ "source": source, "version": { "ref": version } });
            let output = get(&served.server, &request).run();
            output.fails(status);
            assert!(
                output.stderr.lines().any(|found| found == line),
                "{}",
                output.stderr
            );
        }
    }
}

#[test]
fn notes_are_fetched() {
    let served = Served::new(fixture_r());
    let c4 = served.repo.id("c4");
    git(served.server.path("r.git"), &["notes", "add", "-m", "noted", &c4]);
    for got in gets(&served, &json!({}), &Value::Null, &json!({})) {
        assert_eq!(got.git(&["notes", "show", &c4]), "noted");
    }
}

#[test]
fn the_result_is_a_normal_repository() {
    let mut repo = fixture_r();
    repo.commit(
        "odd",
        "odd names",
        &[("a b/c\nd", "1"), ("ü", "2"), ("dir/sub/x", "3"), ("dir2/y", "4")],
    );
    std::os::unix::fs::symlink("ü", repo.path().join("link")).expect("a link");
    std::fs::write(repo.path().join(std::ffi::OsStr::new("run")), "#!/bin/sh\n").expect("a file");
    repo.git(&["add", "--all"]);
    repo.git(&["update-index", "--chmod=+x", "run"]);
    repo.git(&["commit", "--quiet", "--message", "links and modes"]);
    repo.git(&["checkout", "--quiet", "--force", "main"]);
    let served = Served::new(repo);
    for params in [json!({}), json!({ "depth": 1 })] {
        for got in gets(&served, &json!({}), &Value::Null, &params) {
            assert_eq!(got.git(&["status", "--porcelain"]), "");
            assert_eq!(got.git(&["ls-files"]), served.repo.git(&["ls-files"]));
            assert_eq!(
                got.git(&["rev-parse", "HEAD^{tree}"]),
                served.repo.git(&["rev-parse", "main^{tree}"])
            );
            assert_eq!(
                std::fs::read_link(got.path().join("link")).expect("a link"),
                Path::new("ü")
            );
            assert_eq!(got.git(&["diff", "HEAD"]), "");
            // A local clone has all objects of the other repository, as that of stock git.
            assert_eq!(got.git(&["fsck", "--no-progress", "--no-dangling"]), "");
            assert_eq!(got.git(&["write-tree"]), got.git(&["rev-parse", "HEAD^{tree}"]));
        }
    }
}
