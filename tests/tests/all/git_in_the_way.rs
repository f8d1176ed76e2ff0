//! What a merge or rebase must not lose, beside the stock client.

use std::process::Command;

use concourse_resource_sdk::testing::Ended;
use serde_json::json;
use tempfile::TempDir;
use tests::{GitRepo, git};

use crate::git_integrate::Shows as _;
use crate::git_put::Build;
use crate::support::Served;

/// Stock git refuses to lose a file that is not tracked; files that are ignored are overwritten.
#[test]
fn a_merge_or_rebase_does_not_overwrite_what_is_not_tracked() {
    for how in ["merge", "rebase"] {
        for (there, upstream, ignored) in [
            ("new", "new", false),
            ("new", "new/below", false),
            ("new/below", "new", false),
            ("new", "new", true),
        ] {
            let mut repo = GitRepo::new();
            repo.commit("c0", "all", &[("a", "1"), (".gitignore", "ignored\n")]);
            let served = Served::new(repo);
            let source = &served.sources()[0];
            let (other, build) = (Build::new(&served, &json!({})), Build::new(&served, &json!({})));
            other.write(&format!("repo/{upstream}"), "theirs");
            if ignored {
                other.write("repo/.gitignore", "new\n");
            }
            other.git(&["add", "--all", "--force"]);
            other.git(&["commit", "--quiet", "--message", "u"]);
            other.put(&served, source, &json!({})).ok();
            let l = build.commit("l");
            build.write(&format!("repo/{there}"), "ours");
            if ignored {
                build.write("repo/.git/info/exclude", "new\n");
            }
            let copy = stock_copy(&build);
            let stock = Command::new("git")
                .args([
                    "-c",
                    "user.name=A",
                    "-c",
                    "user.email=a@ex.org",
                    "pull",
                    "--quiet",
                    "--no-edit",
                ])
                .arg(if how == "merge" { "--no-rebase" } else { "--rebase" })
                .arg(served.server.path("r.git"))
                .arg("main")
                .current_dir(copy.path().join("repo"))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").expect("a path"))
                .env("HOME", "/nonexistent")
                .output()
                .expect("git");
            let output = build.put(&served, source, &json!({ how: true }));
            let name = format!("{how} {there} {upstream} {ignored}\n{output}");
            assert_eq!(output.ended == Ended::Code(0), ignored, "{name}");
            // The stock client agrees.
            let said = String::from_utf8_lossy(&stock.stderr).into_owned();
            assert_eq!(said.contains("untracked"), !ignored, "{name}: {said}");
            if ignored {
                assert_eq!(
                    std::fs::read_to_string(build.path().join("repo/new")).expect("a file"),
                    "theirs"
                );
            } else {
                let said = "untracked working tree files would be overwritten by what was pushed: 'new";
                assert!(output.stderr.lines().any(|line| line.starts_with(said)), "{name}");
                assert_eq!(
                    std::fs::read_to_string(build.repo().join(there)).expect("a file"),
                    "ours"
                );
                assert_eq!(build.git(&["rev-parse", "HEAD"]), l);
                assert_eq!(build.git(&["status", "--porcelain", "--untracked-files=no"]), "");
            }
        }
    }
}

/// A copy of a build's directory, for the stock client.
fn stock_copy(build: &Build) -> TempDir {
    let copy = TempDir::new().expect("a directory");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(build.repo())
        .arg(copy.path())
        .status();
    assert!(copied.expect("cp").success());
    copy
}

/// Found in an attack: libgit2 merges in silence what is a conflict to git. The stock client is asked about each case, too.
#[test]
fn a_file_in_a_directory_that_was_renamed_upstream_is_a_conflict_where_git_has_one() {
    let words = |name: &str| format!("{name}\n").repeat(20);
    for (moves, adds) in [
        (&[("old/a", "new/a"), ("old/b", "new/b")][..], "old/c"),
        (&[("old/a", "new/a")], "old/c"),
        (&[("old/a", "new/a"), ("old/b", "new2/b")], "old/c"),
        (&[("old/a", "x/new/a"), ("old/b", "x/new/b")], "old/deep/c"),
        (&[("old/a", "a"), ("old/b", "b")], "old/c"),
        (&[("p/old/a", "q/old/a"), ("p/old/b", "q/old/b")], "p/c"),
        (&[("old/a", "new/a"), ("old/b", "new/b")], "elsewhere/c"),
        (&[("p", "q")], "p/old/c"),
        (&[("p/old/a", "q/a"), ("p/old/b", "q/b"), ("p/x", "q/x")], "p/c"),
        (&[("p", "q")], "p/more/c"),
    ] {
        for how in ["merge", "rebase"] {
            let mut repo = tests::GitRepo::new();
            let (a, b, x) = (words("a"), words("b"), words("x"));
            let files = [
                ("old/a", a.as_str()),
                ("old/b", &b),
                ("p/old/a", &a),
                ("p/old/b", &b),
                ("p/x", &x),
                ("top", "1"),
            ];
            repo.commit("c0", "all", &files);
            let served = Served::new(repo);
            let source = &served.sources()[0];
            let (other, build) = (Build::new(&served, &json!({})), Build::new(&served, &json!({})));
            for (from, to) in moves {
                let directory = other.repo().join(to);
                std::fs::create_dir_all(directory.parent().expect("a parent")).expect("a directory");
                other.git(&["mv", from, to]);
            }
            other.git(&["commit", "--quiet", "--message", "moved"]);
            other.put(&served, source, &json!({})).ok();
            build.write(&format!("repo/{adds}"), "added");
            build.commit("l");
            let stock = tempfile::tempdir().expect("a directory");
            git(
                stock.path(),
                &["clone", "--quiet", &build.repo().display().to_string(), "stock"],
            );
            let mode = if how == "merge" { "--no-rebase" } else { "--rebase" };
            let pull = std::process::Command::new("git")
                .args([
                    "-c",
                    "user.name=A",
                    "-c",
                    "user.email=a@ex.org",
                    "pull",
                    "--quiet",
                    "--no-edit",
                    mode,
                ])
                .arg(served.server.path("r.git"))
                .arg("main")
                .current_dir(stock.path().join("stock"))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").expect("a path"))
                .env("HOME", "/nonexistent")
                .output()
                .expect("git");
            let output = build.put(&served, source, &json!({ how: true }));
            assert_eq!(
                output.ended == concourse_resource_sdk::testing::Ended::Code(0),
                pull.status.success(),
                "{how} {moves:?} {adds}\n{output}\n{}",
                String::from_utf8_lossy(&pull.stdout)
            );
            if !pull.status.success() {
                output
                    .fails(1)
                    .shows(&format!("conflict in {adds}: the directory "));
            }
        }
    }
}
