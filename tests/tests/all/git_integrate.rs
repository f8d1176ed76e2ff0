//! `out` with `merge`, `rebase` and `notes`: where others push, too.

use std::os::unix::fs::PermissionsExt as _;

use concourse_resource_sdk::testing::Output;
use serde_json::{Value, json};
use tests::{fixture_r, git};

use crate::git_put::{Build, on_each};
use crate::support::{Served, source_at};

/// A build whose clone has a commit of a file `l` with a suffix, behind a remote on which someone pushed `u`, so named, too.
/// Answers both ids.
fn behind(served: &Served, source: &Value, suffix: &str) -> (Build, String, String) {
    let (other, build) = (Build::new(served, &json!({})), Build::new(served, &json!({})));
    let u = other.commit(&format!("u{suffix}"));
    other.put(served, source, &json!({})).ok();
    let l = build.commit(&format!("l{suffix}"));
    (build, l, u)
}

/// What a put printed, in part.
pub(crate) trait Shows {
    fn shows(&self, text: &str) -> &Self;
}

impl Shows for Output {
    fn shows(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{text:?} is not in:\n{}", self.stderr);
        self
    }
}

fn row(answer: &Value, name: &str) -> Value {
    let rows = answer["metadata"].as_array().expect("metadata");
    let found = rows.iter().find(|row| row["name"] == name);
    found.map_or(Value::Null, |row| row["value"].clone())
}

#[test]
fn git_g39_rebase_replays_on_what_others_pushed() {
    on_each(|served, source, remote| {
        let (build, l, u) = behind(served, source, "");
        let before = build.git(&["log", "-1", "--format=%an %ae %ad%n%B"]);
        build.git(&["config", "user.name", "Cy"]);
        build.git(&["config", "user.email", "cy@ex.org"]);
        let output = build.put(served, source, &json!({ "rebase": true }));
        let answer = output.ok();
        let main = remote("refs/heads/main");
        assert_ne!(main, l);
        assert_eq!(answer["version"], json!({ "ref": main }));
        assert_eq!(row(&answer, "commit"), json!(main));
        assert_eq!(
            build.git(&["rev-parse", "HEAD", "main"]),
            format!("{main}\n{main}")
        );
        assert_eq!(build.git(&["rev-parse", "HEAD^"]), u);
        assert_eq!(build.git(&["log", "-1", "--format=%an %ae %ad%n%B"]), before);
        assert_eq!(build.git(&["log", "-1", "--format=%cn %ce"]), "Cy cy@ex.org");
        assert_eq!(build.git(&["status", "--porcelain"]), "");
        assert_eq!(build.git(&["ls-tree", "--name-only", "HEAD"]), "docs\nl\nsrc\nu");
        output.shows("rebasing...").shows("pushed");
    });
}

#[test]
fn git_g39_merge_can_return_what_was_merged_or_not() {
    on_each(|served, source, remote| {
        let (build, l, u) = behind(served, source, "");
        let output = build.put(served, source, &json!({ "merge": true, "returning": "unmerged" }));
        let answer = output.ok();
        let main = remote("refs/heads/main");
        assert_eq!(answer["version"], json!({ "ref": l }));
        assert_eq!(row(&answer, "commit"), json!(main));
        assert_eq!(
            build.git(&["rev-parse", "HEAD", "HEAD^1", "HEAD^2"]),
            format!("{main}\n{l}\n{u}")
        );
        let uri = source["uri"].as_str().expect("an address");
        let address = uri.strip_suffix(".git").expect("its end");
        assert_eq!(
            build.git(&["log", "-1", "--format=%an <%ae>%n%s"]),
            format!("git <git@localhost>\nMerge branch 'main' of {address}")
        );
        assert_eq!(build.git(&["status", "--porcelain"]), "");
        output.shows("merging...").shows("pushed");
        // Behind the remote: its head comes back.
        let late = Build::new(served, &json!({}));
        late.git(&["reset", "--hard", "--quiet", "HEAD~1"]);
        late.write("repo/docs/a.md", "lost");
        let answer = late.put(served, source, &json!({ "merge": "true" })).ok();
        assert_eq!(answer["version"], json!({ "ref": main }));
        assert_eq!(late.git(&["status", "--porcelain"]), "");
    });
}

#[test]
fn a_merge_names_the_branch_it_went_into() {
    on_each(|served, source, _| {
        for (checkout, into) in [
            (vec!["checkout", "-q", "-b", "a"], " into a"),
            (vec!["checkout", "-q", "--detach"], " into HEAD"),
        ] {
            let (build, ..) = behind(served, source, into.trim());
            build.git(&checkout);
            build.put(served, source, &json!({ "merge": true })).ok();
            let subject = build.git(&["log", "-1", "--format=%s"]);
            assert!(subject.ends_with(&format!("r{into}")), "{subject}");
        }
    });
}

#[test]
fn a_conflict_names_its_file_and_pushes_nothing() {
    on_each(|served, source, remote| {
        for how in ["merge", "rebase"] {
            let (other, build) = (Build::new(served, &json!({})), Build::new(served, &json!({})));
            for (place, text) in [(&other, "theirs"), (&build, "ours")] {
                place.write("repo/docs/a.md", &format!("{how} {text}\n"));
                place.commit("more");
            }
            other.put(served, source, &json!({})).ok();
            let (main, l) = (remote("refs/heads/main"), build.git(&["rev-parse", "HEAD"]));
            let output = build.put(served, source, &json!({ how: true }));
            output.fails(1).shows("conflict in docs/a.md");
            assert_eq!(remote("refs/heads/main"), main);
            assert_eq!(build.git(&["rev-parse", "HEAD"]), l);
        }
    });
}

#[test]
fn rebase_leaves_out_what_is_there_already_and_keeps_what_was_empty() {
    on_each(|served, source, remote| {
        let (other, build) = (Build::new(served, &json!({})), Build::new(served, &json!({})));
        for place in [&other, &build] {
            place.write("repo/same", "same");
            place.git(&["add", "same"]);
            place.git(&["commit", "-q", "-m", "same"]);
        }
        other.commit("u");
        other.put(served, source, &json!({})).ok();
        build.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
        build.commit("l");
        build.put(served, source, &json!({ "rebase": true })).ok();
        assert_eq!(build.git(&["log", "-4", "--format=%s"]), "l\nempty\nu\nsame");
        assert_eq!(build.git(&["rev-parse", "HEAD"]), remote("refs/heads/main"));
        // Nothing new on the remote: nothing is rewritten.
        let next = build.commit("next");
        let answer = build.put(served, source, &json!({ "rebase": true })).ok();
        assert_eq!(answer["version"], json!({ "ref": next }));
    });
}

#[test]
fn rebase_refuses_what_it_would_lose() {
    on_each(|served, source, remote| {
        let (build, l, u) = behind(served, source, "");
        build.write("repo/docs/a.md", "changed");
        let output = build.put(served, source, &json!({ "rebase": true }));
        output
            .fails(128)
            .shows("cannot rebase: \"docs/a.md\" has changes that are not committed");
        build.git(&["checkout", "-q", "."]);
        build.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
        build.commit("s");
        build.git(&["checkout", "-q", "main"]);
        build.git(&["merge", "-q", "--no-ff", "-m", "local", "side"]);
        build
            .put(served, source, &json!({ "rebase": true }))
            .fails(1)
            .shows("params.rebase: the local commit")
            .shows("set merge: true");
        assert_eq!(remote("refs/heads/main"), u);
        assert_eq!(build.git(&["rev-parse", "HEAD^1"]), l);
    });
}

#[test]
fn a_branch_that_is_not_there_or_has_nothing_in_common_is_an_error() {
    on_each(|served, source, _| {
        for how in ["merge", "rebase"] {
            let build = Build::new(served, &json!({}));
            build
                .put(served, source, &json!({ how: true, "branch": "gone" }))
                .fails(128)
                .shows("couldn't find remote ref gone");
            build.git(&["checkout", "-q", "--orphan", "alone"]);
            build.git(&["commit", "-q", "-m", "alone"]);
            build
                .put(served, source, &json!({ how: true }))
                .fails(128)
                .shows("refusing to merge unrelated histories");
        }
    });
}

#[test]
fn git_g43_a_tag_that_differs_ends_the_attempts() {
    on_each(|served, source, _| {
        for how in ["merge", "rebase"] {
            let (build, l, _) = behind(served, source, how);
            git(
                served.server.path("r.git"),
                &["tag", "-f", "t", &served.repo.id("c1")],
            );
            build.git(&["tag", "-f", "t", &l]);
            let output = build.put(served, source, &json!({ how: true }));
            output
                .fails(1)
                .shows("failed with non-rebase error")
                .shows("already exists");
            assert_eq!(output.stderr.matches("To ").count(), 1, "{}", output.stderr);
        }
    });
}

#[test]
fn git_g44_a_hook_that_declines_ends_the_attempts() {
    let served = Served::new(fixture_r());
    let source = &served.sources()[0];
    let (build, _, u) = behind(&served, source, "");
    let path = served.server.path("r.git");
    let hook = path.join("hooks/pre-receive");
    std::fs::create_dir_all(path.join("hooks")).expect("a directory");
    std::fs::write(&hook, "#!/bin/sh\necho no thanks >&2\nexit 1\n").expect("a file");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let output = build.put(&served, source, &json!({ "merge": true }));
    output
        .fails(1)
        .shows("failed with non-rebase error")
        .shows("no thanks")
        .shows("pre-receive hook declined");
    assert_eq!(output.stderr.matches("merging...").count(), 1);
    assert_eq!(git(&path, &["rev-parse", "main"]), u);
}

#[test]
fn git_g45_merge_and_rebase_exclude_each_other() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        build.commit("l");
        let output = build.put(served, source, &json!({ "merge": true, "rebase": true }));
        output.fails(1);
        assert_eq!(
            output.first_error_line(),
            "invalid push strategy (either merge or rebase can be set, but not both)"
        );
        assert_eq!(remote("refs/heads/main"), served.repo.id("c4"));
    });
}

#[test]
fn many_that_push_at_once_all_land() {
    let served = Served::new(fixture_r());
    let source = &served.sources()[0];
    let builds: Vec<Build> = (0..6).map(|_| Build::new(&served, &json!({}))).collect();
    std::thread::scope(|scope| {
        for (number, build) in builds.iter().enumerate() {
            let served = &served;
            scope.spawn(move || {
                build.commit(&format!("file-{number}"));
                let how = if number % 2 == 0 { "merge" } else { "rebase" };
                build.put(served, source, &json!({ how: true })).ok();
            });
        }
    });
    let path = served.server.path("r.git");
    let files = git(&path, &["ls-tree", "--name-only", "main"]);
    assert_eq!(files.matches("file-").count(), 6, "{files}");
    assert_eq!(git(&path, &["fsck", "--strict", "--no-dangling"]), "");
}

/// A put that finds the branch moved between its fetch and its push tries again.
#[test]
fn a_lost_race_is_run_again() {
    let served = Served::new(fixture_r());
    let source = &served.sources()[0];
    let path = served.server.path("r.git");
    for how in ["merge", "rebase"] {
        let (build, _, u) = behind(&served, source, how);
        let hook = path.join("hooks/pre-receive");
        std::fs::create_dir_all(path.join("hooks")).expect("a directory");
        // Someone is faster, once: the ref moves while our push is under way.
        let tree = git(&path, &["rev-parse", &format!("{u}^{{tree}}")]);
        let faster = git(&path, &["commit-tree", &tree, "-p", &u, "-m", "faster"]);
        let script = format!(
            "#!/bin/sh\nrm -f hooks/pre-receive\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {faster}\n"
        );
        std::fs::write(&hook, script).expect("a file");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let output = build.put(&served, source, &json!({ how: true }));
        output.ok();
        output.shows("and trying again...");
        let landed = git(&path, &["rev-parse", "main"]);
        assert_eq!(build.git(&["rev-parse", "HEAD"]), landed);
        assert_eq!(
            git(&path, &["merge-base", &faster, &landed]),
            faster,
            "{}",
            output.stderr
        );
    }
}

#[test]
fn a_note_is_added_and_pushed_as_stock_git_reads_it() {
    on_each(|served, source, remote| {
        for (how, file) in [("none", "note"), ("merge", "note"), ("rebase", "note")] {
            let (build, ..) = behind(served, source, how);
            build.git(&["reset", "-q", "--hard", "HEAD"]);
            if how == "none" {
                build.git(&[
                    "fetch",
                    "-q",
                    served.server.path("r.git").to_str().expect("a path"),
                    "main",
                ]);
                build.git(&["rebase", "-q", "FETCH_HEAD"]);
            }
            build.write(file, "\n\n# kept\n\n\ntwo  \n\n");
            let mut params = json!({ "notes": file });
            if how != "none" {
                params[how] = json!(true);
            }
            build.put(served, source, &params).ok();
            let path = served.server.path("r.git");
            assert_eq!(git(&path, &["notes", "show", "main"]), "# kept\n\ntwo");
            assert_eq!(
                git(&path, &["log", "-1", "--format=%s", "refs/notes/commits"]),
                "Notes added by 'git notes add'"
            );
            let head = remote("refs/heads/main");
            let output = build.put(served, source, &params);
            output.fails(128).shows(&format!(
                "Cannot add notes. Found existing notes for object {head}"
            ));
        }
    });
}

/// Found in an attack: the tag landed with the first attempt, on a commit that was given up, and made all further ones fail.
#[test]
fn a_tag_lands_with_the_attempt_that_lands() {
    for atomic in ["true", "false"] {
        on_each(|served, source, remote| {
            let path = served.server.path("r.git");
            git(&path, &["config", "receive.advertiseAtomic", atomic]);
            std::thread::scope(|scope| {
                for number in 0..4 {
                    let how = if number % 2 == 0 { "rebase" } else { "merge" };
                    scope.spawn(move || {
                        let build = Build::new(served, &json!({}));
                        build.commit(&format!("f{number}"));
                        build.write("version", &format!("1.0.{number}"));
                        build
                            .put(served, source, &json!({ how: true, "tag": "version" }))
                            .ok();
                    });
                }
            });
            let main = remote("refs/heads/main");
            for number in 0..4 {
                let tag = remote(&format!("refs/tags/1.0.{number}"));
                // It is what the put pushed: a commit on the branch, with that put's file.
                git(&path, &["merge-base", "--is-ancestor", &tag, &main]);
                git(&path, &["cat-file", "-e", &format!("{tag}:f{number}")]);
            }
        });
    }
}

#[test]
fn notes_of_others_are_kept() {
    on_each(|served, source, _| {
        let path = served.server.path("r.git");
        let (build, _, u) = behind(served, source, "");
        git(&path, &["notes", "add", "-m", "theirs", &u]);
        build.write("note", "ours");
        build
            .put(served, source, &json!({ "merge": true, "notes": "note" }))
            .ok();
        assert_eq!(git(&path, &["notes", "show", "main"]), "ours");
        assert_eq!(git(&path, &["notes", "show", &u]), "theirs");
    });
}

#[test]
fn a_missing_notes_file_pushes_nothing() {
    on_each(|served, source, remote| {
        let build = Build::new(served, &json!({}));
        build.commit("l");
        build
            .put(served, source, &json!({ "notes": "gone" }))
            .fails(128)
            .shows("failed to read the notes file 'gone'");
        assert_eq!(remote("refs/heads/main"), served.repo.id("c4"));
    });
}

/// A remote that is a plain path, and a shallow clone.
#[test]
fn a_shallow_clone_can_be_merged() {
    let served = Served::new(fixture_r());
    let source = source_at(&served.server.url("r.git"));
    let (other, build) = (
        Build::new(&served, &json!({})),
        Build::new(&served, &json!({ "depth": 2 })),
    );
    other.commit("u");
    other.put(&served, &source, &json!({})).ok();
    build.commit("l");
    build.put(&served, &source, &json!({ "merge": true })).ok();
    let path = served.server.path("r.git");
    assert_eq!(
        git(&path, &["rev-parse", "main"]),
        build.git(&["rev-parse", "HEAD"])
    );
    assert_eq!(git(&path, &["fsck", "--strict", "--no-dangling"]), "");
}
