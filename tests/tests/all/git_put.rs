//! The contract's cases about `out`, over HTTPS with a login and into a bare repository by `file://`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use concourse_resource_sdk::testing::Output;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{fixture_r, git};

use crate::support::{Served, get, merge, put, source};

/// A build directory whose `repo` is a clone of the served repository, made by a get.
pub(crate) struct Build {
    directory: TempDir,
}

impl Build {
    pub(crate) fn new(served: &Served, params: &Value) -> Self {
        let directory = TempDir::new().expect("a directory");
        let source = &served.sources()[0];
        let request = json!({ "source": source, "params": params });
        get(&served.server, &request)
            .work(directory.path().join("repo"))
            .run()
            .ok();
        let build = Self { directory };
        build.git(&["checkout", "--quiet", "-B", "main"]);
        build
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.path().join("repo")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(self.repo(), args)
    }

    pub(crate) fn commit(&self, file: &str) -> String {
        self.write(&format!("repo/{file}"), file);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", file]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn write(&self, file: &str, content: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }

    pub(crate) fn put(&self, served: &Served, source: &Value, params: &Value) -> Output {
        let mut all = json!({ "repository": "repo" });
        merge(&mut all, params);
        put(&served.server, &json!({ "source": source, "params": all }))
            .work(self.path())
            .run()
    }
}

/// A case on each transport, each with a world of its own.
pub(crate) fn on_each(case: impl Fn(&Served, &Value, &dyn Fn(&str) -> String)) {
    for transport in 0..2 {
        let served = Served::new(fixture_r());
        let path = served.server.path("r.git");
        let remote = |name: &str| {
            let found = git(&path, &["for-each-ref", "--format=%(objectname)", name]);
            if found.is_empty() { "-".to_owned() } else { found }
        };
        case(&served, &served.sources()[transport], &remote);
    }
}

#[test]
fn git_g37_a_commit_and_a_local_tag_are_pushed() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        let l = build.commit("l");
        build.git(&["tag", "extra"]);
        let answer = build.put(served, source, &json!({})).ok();
        assert_eq!(answer["version"], json!({ "ref": l }));
        let row = |name: &str| {
            let rows = answer["metadata"].as_array().expect("metadata");
            rows.iter()
                .find(|row| row["name"] == name)
                .map(|row| row["value"].clone())
        };
        assert_eq!(
            (row("branch"), row("tags")),
            (Some(json!("main")), Some(json!("extra")))
        );
        assert_eq!(
            (remote("refs/heads/main"), remote("refs/tags/extra")),
            (l.clone(), l.clone())
        );
        let again = build.put(served, source, &json!({})).ok();
        assert_eq!(again, answer, "a second put of the same directory");
        assert_eq!(build.git(&["remote"]), "origin", "no remote is left behind");
    });
}

#[test]
fn git_g38_what_others_pushed_is_overwritten_only_by_force() {
    on_each(|served, source, remote| {
        let (first, second) = (Build::new(served, &json!({})), Build::new(served, &json!({})));
        let u = first.commit("u");
        first.put(served, source, &json!({})).ok();
        let l = second.commit("l");
        second
            .put(served, source, &json!({}))
            .fails(1)
            .says("failed to push main: fetch first");
        assert_eq!(remote("refs/heads/main"), u);
        second.put(served, source, &json!({ "force": true })).ok();
        assert_eq!(remote("refs/heads/main"), l);
    });
}

#[test]
fn git_g40_a_tag_is_set_with_prefix_and_annotation() {
    on_each(|served, source, _| {
        let build = Build::new(served, &json!({}));
        let l = build.commit("l");
        build.write("version", "2.0.0\n\n");
        build.write("notes", "Release\n\n\n# not this\nwith notes   \n\n");
        let params = json!({ "tag": "version", "tag_prefix": "r", "annotate": "notes" });
        let answer = build.put(served, source, &params).ok();
        assert_eq!(answer["version"], json!({ "ref": l }));
        let path = served.server.path("r.git");
        assert_eq!(git(&path, &["rev-parse", "r2.0.0^{commit}"]), l);
        assert_eq!(git(&path, &["cat-file", "-t", "r2.0.0"]), "tag");
        assert_eq!(
            git(&path, &["tag", "--list", "r2.0.0", "--format=%(contents)"]),
            "Release\n\nwith notes"
        );
        assert_eq!(
            git(
                &path,
                &["tag", "--list", "r2.0.0", "--format=%(taggername) %(taggeremail)"]
            ),
            "git <git@localhost>"
        );
    });
}

#[test]
fn git_g41_only_tag_needs_no_branch() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        let l = build.commit("l");
        build.write("version", "3");
        let mut source = source.clone();
        source["branch"] = Value::Null;
        let answer = build
            .put(served, &source, &json!({ "tag": "version", "only_tag": true }))
            .ok();
        assert_eq!(answer["version"], json!({ "ref": l }));
        assert_eq!(
            (remote("refs/tags/3"), remote("refs/heads/main")),
            (l, served.repo.id("c4"))
        );
    });
}

#[test]
fn git_g42_another_branch_and_another_place_for_it() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        let c4 = remote("refs/heads/main");
        let l = build.commit("l");
        let output = build.put(served, source, &json!({ "branch": "fix/1" }));
        assert_eq!(output.ok()["version"], json!({ "branch": "fix/1", "ref": l }));
        output.says("Override main with fix/1");
        assert_eq!(
            (remote("refs/heads/fix/1"), remote("refs/heads/main")),
            (l.clone(), c4.clone())
        );
        let answer = build
            .put(served, source, &json!({ "refs_prefix": "refs/for" }))
            .ok();
        assert_eq!(answer["version"], json!({ "ref": l }));
        assert_eq!((remote("refs/for/main"), remote("refs/heads/main")), (l, c4));
        for (params, line) in [
            (
                json!({ "refs_prefix": "refs/for/" }),
                "params.refs_prefix: \"refs/for/\" cannot be used: \"refs/for//main\" is not a valid ref",
            ),
            (
                json!({ "refs_prefix": "heads" }),
                "params.refs_prefix: \"heads\" cannot be used: \"heads/main\" is not a valid ref",
            ),
            (
                json!({ "branch": "a..b" }),
                "params.branch: \"a..b\" is not a valid branch name",
            ),
            (
                json!({ "push_options": ["a", "b\nc"] }),
                "params.push_options[1]: must not have line breaks",
            ),
        ] {
            let output = build.put(served, source, &params);
            output.fails(1);
            assert_eq!(output.first_error_line(), line);
        }
    });
}

#[test]
fn push_options_reach_the_hooks_of_the_server_or_are_refused() {
    let served = Served::new(fixture_r());
    let source = source(&served.server, "r.git");
    let build = Build::new(&served, &json!({}));
    build.commit("l");
    let params = json!({ "push_options": ["ci.skip", "with blanks = \"quotes\""] });
    let path = served.server.path("r.git");
    git(&path, &["config", "receive.advertisePushOptions", "false"]);
    let output = build.put(&served, &source, &params);
    output.fails(128);
    assert_eq!(
        output.first_error_line(),
        "the receiving end does not support push options"
    );

    git(&path, &["config", "receive.advertisePushOptions", "true"]);
    let hook = path.join("hooks/pre-receive");
    let script = "#!/bin/sh\necho \"$GIT_PUSH_OPTION_COUNT <$GIT_PUSH_OPTION_0> <$GIT_PUSH_OPTION_1>\"\n";
    std::fs::create_dir_all(path.join("hooks")).unwrap();
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = build.put(&served, &source, &params);
    output.ok();
    assert!(
        output.stderr.contains("2 <ci.skip> <with blanks = \"quotes\">"),
        "{output}"
    );
}

#[test]
fn git_g45_what_is_missing_is_named_before_anything_is_pushed() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        build.commit("l");
        for (params, line) in [
            (json!({ "tag": "gone" }), "tag file 'gone' does not exist"),
            (
                json!({ "annotate": "gone" }),
                "annotation file 'gone' does not exist",
            ),
            (
                json!({ "repository": "" }),
                "invalid payload (missing repository)",
            ),
        ] {
            build.put(served, source, &params).fails(1).says(line);
        }
        let output = build.put(served, source, &json!({ "repository": "gone" }));
        output.fails(1);
        assert!(
            output
                .first_error_line()
                .starts_with("params.repository: \"gone\" is not a directory in ")
        );
        let mut source = source.clone();
        source["branch"] = json!("");
        build
            .put(served, &source, &json!({ "repository": "" }))
            .fails(1)
            .says("invalid payload (missing branch)");
        assert_eq!(remote("refs/heads/main"), served.repo.id("c4"));
    });
}

#[test]
fn an_empty_tag_file_is_no_tag_and_a_bad_name_pushes_nothing() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        let l = build.commit("l");
        build.write("version", "a..b\n");
        build
            .put(served, source, &json!({ "tag": "version" }))
            .fails(128)
            .says("'a..b' is not a valid tag name.");
        assert_eq!(remote("refs/heads/main"), served.repo.id("c4"));
        build.write("version", "\n");
        build
            .put(served, source, &json!({ "tag": "version", "tag_prefix": "v" }))
            .ok();
        assert_eq!(remote("refs/heads/main"), l);
        assert_eq!(remote("refs/tags/v"), "-");
    });
}

#[test]
fn a_shallow_clone_can_be_pushed() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({ "depth": 1 }));
        let l = build.commit("l");
        assert_eq!(
            build.put(served, source, &json!({})).ok()["version"],
            json!({ "ref": l })
        );
        assert_eq!(remote("refs/heads/main"), l);
        assert_eq!(git(served.server.path("r.git"), &["fsck", "--no-progress"]), "");
    });
}

#[test]
fn a_hook_that_declines_is_shown() {
    let served = Served::new(fixture_r());
    let hook = served.server.path("r.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a parent")).expect("a directory");
    std::fs::write(&hook, "#!/bin/sh\necho 'not on a Friday'\nexit 1\n").expect("a hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a hook");
    let build = Build::new(&served, &json!({}));
    build.commit("l");
    let [far, local] = served.sources();
    let output = build.put(&served, &far, &json!({}));
    output.fails(1);
    assert!(
        output.stderr.contains("remote: not on a Friday\n"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("failed to push main: pre-receive hook declined\n"),
        "{}",
        output.stderr
    );
    let output = build.put(&served, &local, &json!({}));
    output.fails(128);
    assert!(
        output
            .stderr
            .contains("has a pre-receive hook, which cannot be run"),
        "{}",
        output.stderr
    );
    assert_eq!(
        git(served.server.path("r.git"), &["rev-parse", "main"]),
        served.repo.id("c4")
    );
}
