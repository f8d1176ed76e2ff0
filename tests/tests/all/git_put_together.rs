//! `out` where a part of a push is refused: nothing lands unless all does.

use serde_json::json;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tests::{fixture_r, git};

use crate::git_integrate::Shows as _;
use crate::git_put::{Build, on_each};
use crate::support::Served;

/// Gives a repository a hook.
fn hook(repository: &Path, name: &str, script: &str) {
    let path = repository.join("hooks").join(name);
    std::fs::create_dir_all(repository.join("hooks")).expect("a directory");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// Found in an attack: the branch was pushed, and the put failed.
#[test]
fn a_refused_tag_keeps_the_branch_from_landing() {
    on_each(|served, source, remote| {
        let main = remote("refs/heads/main");
        let build = Build::new(served, &json!({}));
        let l = build.commit("l");
        build.git(&["tag", "--force", "nightly"]);
        build.git(&["tag", "new"]);
        let output = build.put(served, source, &json!({}));
        output
            .fails(1)
            .says("failed to push nightly: already exists")
            .says(" ! [not pushed]       main (another ref was refused)")
            .says(" ! [not pushed]       new (another ref was refused)");
        assert_eq!(
            (
                remote("refs/heads/main"),
                remote("refs/tags/nightly"),
                remote("refs/tags/new")
            ),
            (main, served.repo.id("c2"), "-".to_owned())
        );
        build.put(served, source, &json!({ "force": true })).ok();
        assert_eq!(remote("refs/tags/nightly"), l);
    });
}

/// Servers without atomic pushes may take a part, in one attempt or another.
#[test]
fn what_landed_before_a_put_failed_is_told() {
    for params in [json!({}), json!({ "rebase": true }), json!({ "merge": true })] {
        let served = Served::new(fixture_r());
        let path = served.server.path("r.git");
        git(&path, &["config", "receive.advertiseAtomic", "false"]);
        hook(
            &path,
            "update",
            "case $1 in refs/tags/*) echo no tags >&2; exit 1;; esac",
        );
        let build = Build::new(&served, &json!({}));
        let l = build.commit("l");
        build.git(&["tag", "new"]);
        let output = build.put(&served, &served.sources()[0], &params);
        output
            .fails(1)
            .shows("no tags")
            .shows("main was pushed all the same");
        assert_eq!(git(&path, &["rev-parse", "main"]), l);
        // Pushed again, there is only the tag left to do.
        std::fs::remove_file(path.join("hooks/update")).expect("a file");
        build.put(&served, &served.sources()[0], &params).ok();
        assert_eq!(git(&path, &["rev-parse", "main", "new"]), format!("{l}\n{l}"));
    }
}

/// A lock file that a crash left on the server is refused in the words of a race.
#[test]
fn races_that_nobody_wins_come_to_an_end() {
    let served = Served::new(fixture_r());
    let path = served.server.path("r.git");
    let build = Build::new(&served, &json!({}));
    build.commit("l");
    std::fs::write(path.join("refs/heads/main.lock"), "").expect("a file");
    let output = build.put(&served, &served.sources()[0], &json!({ "rebase": true }));
    output
        .fails(1)
        .shows("main.lock': File exists")
        .shows("  hint: nothing moved on the remote meanwhile: look for a lock file that was left there");
}

#[test]
fn a_put_that_is_refused_as_non_fast_forward_lands_no_tag() {
    on_each(|served, source, remote| {
        let (other, build) = (Build::new(served, &json!({})), Build::new(served, &json!({})));
        other.commit("u");
        other.put(served, source, &json!({})).ok();
        build.commit("l");
        build.write("version", "1.0.0");
        let output = build.put(served, source, &json!({ "tag": "version" }));
        output.fails(1).says("failed to push main: fetch first");
        assert_eq!(remote("refs/tags/1.0.0"), "-");
    });
}

/// Users of the reference clear caches because of it.
#[test]
fn a_tag_that_came_with_the_get_and_moved_since_is_left_alone() {
    on_each(|served, source, remote| {
        let (other, build) = (Build::new(served, &json!({})), Build::new(served, &json!({})));
        let moved = other.commit("u");
        other.git(&["tag", "--force", "nightly"]);
        other.put(served, source, &json!({ "force": true })).ok();
        assert_eq!(remote("refs/tags/nightly"), moved);
        for params in [
            json!({ "rebase": true }),
            json!({ "rebase": true, "force": true }),
        ] {
            build.commit(if params["force"] == true { "forced" } else { "l" });
            let output = build.put(served, source, &params);
            output.ok();
            output.says("tag nightly moved on the remote since it was got, and not here: left alone");
            assert_eq!(remote("refs/tags/nightly"), moved);
        }
        // One that the put names is wanted as it says.
        build.write("version", "nightly");
        let output = build.put(served, source, &json!({ "tag": "version", "only_tag": true }));
        output.fails(1).says("failed to push nightly: already exists");
        // In a clone of somebody else's making, nobody knows.
        std::fs::remove_file(build.repo().join(".git/got-tags")).expect("a file");
        build.git(&["tag", "--force", "nightly", &served.repo.id("c2")]);
        build.commit("l2");
        build
            .put(served, source, &json!({}))
            .fails(1)
            .says("failed to push nightly: already exists");
    });
}

#[test]
fn a_put_tells_the_old_and_the_new_commit_of_each_ref() {
    on_each(|served, source, remote| {
        let short = |id: &str| id[..7].to_owned();
        let old = short(&remote("refs/heads/main"));
        let build = Build::new(served, &json!({}));
        let new = short(&build.commit("l"));
        build.git(&["tag", "fresh"]);
        let output = build.put(served, source, &json!({}));
        output.ok();
        output
            .says(&format!("   {old}..{new}   main"))
            .says(&format!(" * [new tag]          fresh -> {new}"));
        build.git(&["reset", "--hard", "--quiet", "HEAD~1"]);
        build.git(&["tag", "--delete", "fresh"]);
        let other = short(&build.commit("other"));
        let output = build.put(served, source, &json!({ "force": true }));
        output.ok();
        output.says(&format!(" + {new}...{other}  main (forced update)"));
    });
}
