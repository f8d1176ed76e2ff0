//! What a get leaves is a repository that stock git works in, and that a put takes as stock git left it.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{GitRepo, PASSWORD, USER, git};

use crate::support::{Served, get, merge, put, source};

/// A line of history of twelve commits.
fn line() -> GitRepo {
    let mut repo = GitRepo::new();
    for number in 0..12 {
        let content = number.to_string();
        repo.commit(
            &format!("n{number}"),
            &format!("n{number}"),
            &[("f", content.as_str()), ("dir/g", "same")],
        );
    }
    repo
}

/// Runs stock git with the server's authority and login.
fn far_git(served: &Served, directory: &Path, args: &[&str]) -> String {
    let ca = format!("http.sslCAInfo={}", served.server.ca().display());
    let helper = format!("credential.helper=!f() {{ echo username={USER}; echo 'password={PASSWORD}'; }}; f");
    let mut all = vec!["-c", ca.as_str(), "-c", helper.as_str()];
    all.extend(args);
    git(directory, &all)
}

/// Moves the served branch on by one commit, and answers it.
fn advance(served: &Served) -> String {
    let path = served.server.path("r.git");
    let commit = git(
        &path,
        &["commit-tree", "main^{tree}", "-p", "main", "-m", "from elsewhere"],
    );
    git(&path, &["update-ref", "refs/heads/main", &commit]);
    commit
}

#[test]
fn stock_git_fetches_merges_and_unshallows_in_the_result() {
    let served = Served::new(line());
    for source in served.sources() {
        for (params, count) in [(json!({}), None), (json!({ "depth": 3 }), Some("4"))] {
            let output = get(&served.server, &json!({ "source": source, "params": params })).run();
            output.ok();
            let at = output.work();
            let new = advance(&served);
            far_git(&served, at, &["checkout", "--quiet", "main"]);
            far_git(&served, at, &["pull", "--quiet", "--ff-only"]);
            assert_eq!(git(at, &["rev-parse", "HEAD"]), new, "{source} {params}");
            if let Some(count) = count {
                assert_eq!(git(at, &["rev-list", "--count", "HEAD"]), count);
                far_git(&served, at, &["fetch", "--quiet", "--unshallow"]);
                assert!(!at.join(".git/shallow").exists());
            }
            let all = git(served.server.path("r.git"), &["rev-list", "--count", "main"]);
            assert_eq!(git(at, &["rev-list", "--count", "HEAD"]), all);
            assert_eq!(git(at, &["fsck", "--no-progress", "--no-dangling"]), "");
            assert_eq!(
                git(at, &["status", "--porcelain", "--branch"]),
                "## main...origin/main"
            );
        }
    }
}

#[test]
fn two_gets_of_a_version_leave_the_same() {
    let served = Served::new(line());
    let request =
        json!({ "source": source(&served.server, "r.git"), "version": { "ref": served.repo.id("n7") } });
    let left = |build: &str| {
        let output = get(&served.server, &request)
            .env("BUILD_ID", build)
            .env("BUILD_NAME", build)
            .run();
        let answer = output.ok();
        let names = git(output.work(), &["ls-files"]);
        let mut files: Vec<(String, Vec<u8>)> = names
            .lines()
            .map(|name| {
                (
                    name.to_owned(),
                    std::fs::read(output.work().join(name)).expect("a file"),
                )
            })
            .collect();
        for entry in std::fs::read_dir(output.work().join(".git")).expect("a directory") {
            let path = entry.expect("an entry").path();
            // The index knows when each file was written.
            if path.is_file() && !path.ends_with("index") {
                files.push((
                    path.file_name().expect("a name").display().to_string(),
                    std::fs::read(&path).expect("a file"),
                ));
            }
        }
        files.sort();
        (answer, files)
    };
    assert_eq!(left("1"), left("2"));
}

/// Everything that a user may have done to the repository between get and put.
#[test]
fn what_stock_git_left_is_pushed() {
    type Step = (&'static str, &'static [&'static [&'static str]]);
    const COMMIT: &[&str] = &["commit", "--quiet", "--allow-empty", "--message", "mine"];
    let steps: [Step; 7] = [
        ("detached", &[&["checkout", "--quiet", "--detach"], COMMIT]),
        (
            "another branch",
            &[&["checkout", "--quiet", "-b", "other"], COMMIT],
        ),
        (
            "packed",
            &[COMMIT, &["gc", "--quiet", "--prune=now"], &["pack-refs", "--all"]],
        ),
        (
            "a merge",
            &[
                &["checkout", "--quiet", "-b", "side", "HEAD~2"],
                COMMIT,
                &["checkout", "--quiet", "main"],
                &["merge", "--quiet", "--no-ff", "--message", "merged", "side"],
            ],
        ),
        ("uncommitted changes", &[COMMIT, &["rm", "--quiet", "f"]]),
        (
            "a commit graph",
            &[
                COMMIT,
                &["repack", "--quiet"],
                &["commit-graph", "write", "--reachable"],
                &["multi-pack-index", "write"],
            ],
        ),
        ("no origin", &[COMMIT, &["remote", "remove", "origin"]]),
    ];
    for (name, commands) in steps {
        let served = Served::new(line());
        for mut source in served.sources() {
            let build = TempDir::new().expect("a directory");
            let repo = build.path().join("repo");
            get(&served.server, &json!({ "source": source }))
                .work(&repo)
                .run()
                .ok();
            for command in commands {
                git(&repo, command);
            }
            let head = git(&repo, &["rev-parse", "HEAD"]);
            source["branch"] = json!("team/ö/fix");
            let request = json!({ "source": source, "params": { "repository": "repo", "force": true } });
            let answer = put(&served.server, &request).work(build.path()).run().ok();
            assert_eq!(answer["version"], json!({ "ref": head }), "{name}");
            let path = served.server.path("r.git");
            assert_eq!(
                git(&path, &["rev-parse", "refs/heads/team/ö/fix"]),
                head,
                "{name}"
            );
            assert_eq!(
                git(&path, &["fsck", "--no-progress", "--no-dangling"]),
                "",
                "{name}"
            );
        }
    }
}

#[test]
fn the_repository_may_be_the_sources_themselves_or_a_worktree_of_another() {
    let served = Served::new(line());
    for source in served.sources() {
        let build = TempDir::new().expect("a directory");
        let repo = build.path().join("repo");
        get(&served.server, &json!({ "source": source }))
            .work(&repo)
            .run()
            .ok();
        git(&repo, &["worktree", "add", "--quiet", "../tree", "HEAD~1"]);
        git(
            build.path().join("tree"),
            &["commit", "--quiet", "--allow-empty", "--message", "there"],
        );
        let head = git(build.path().join("tree"), &["rev-parse", "HEAD"]);
        let mut request = json!({ "source": source, "params": { "repository": "tree", "force": true } });
        let answer = put(&served.server, &request).work(build.path()).run().ok();
        assert_eq!(answer["version"], json!({ "ref": head }));
        request["params"]["repository"] = json!(".");
        let answer = put(&served.server, &request).work(&repo).run().ok();
        assert_eq!(
            answer["version"],
            json!({ "ref": git(&repo, &["rev-parse", "HEAD"]) })
        );
    }
}

#[test]
fn git_g36_the_url_of_a_commit_comes_from_the_origin_without_its_login() {
    let served = Served::new(line());
    let build = TempDir::new().expect("a directory");
    let repo = build.path().join("repo");
    let source = source(&served.server, "r.git");
    get(&served.server, &json!({ "source": source }))
        .work(&repo)
        .run()
        .ok();
    let head = git(&repo, &["rev-parse", "HEAD"]);
    for (origin, expected) in [
        (
            "https://u:p@github.com/o/r.git",
            Some("https://github.com/o/r/commit/"),
        ),
        (
            "git@gitlab.corp:g/s/r.git",
            Some("https://gitlab.corp/g/s/r/-/commit/"),
        ),
        (
            "ssh://git@bitbucket.org:7999/t/r",
            Some("https://bitbucket.org:7999/t/r/commits/"),
        ),
        ("git@github.com:r", None),
        ("ssh://me@github.com/o/r", None),
        ("git://github.com/o/r", None),
        ("https://example.org/o/r", None),
    ] {
        git(&repo, &["remote", "set-url", "origin", origin]);
        let request = json!({ "source": source, "params": { "repository": "repo" } });
        let output = put(&served.server, &request).work(build.path()).run();
        let answer = output.ok();
        let rows = answer["metadata"].as_array().expect("metadata");
        let found = rows
            .iter()
            .find(|row| row["name"] == "url")
            .map(|row| row["value"].clone());
        assert_eq!(
            found,
            expected.map(|url| json!(format!("{url}{head}"))),
            "{origin}"
        );
        output.hides("u:p@");
    }
}

#[test]
fn a_put_without_a_branch_to_push_or_a_commit_says_so() {
    let served = Served::new(line());
    let build = TempDir::new().expect("a directory");
    std::fs::create_dir(build.path().join("plain")).expect("a directory");
    git(build.path(), &["init", "--quiet", "empty"]);
    let mut request = json!({ "source": source(&served.server, "r.git"), "params": {} });
    for (repository, line) in [
        (
            "plain",
            format!(
                "'{}' is not a git repository",
                build.path().join("plain").display()
            ),
        ),
        ("empty", "the repository has no commit to push".to_owned()),
    ] {
        merge(&mut request["params"], &json!({ "repository": repository }));
        let output = put(&served.server, &request).work(build.path()).run();
        assert_eq!(output.fails(128).first_error_line(), line);
    }
    request["params"] = Value::Null;
    let output = put(&served.server, &request).work(build.path()).run();
    assert_eq!(
        output.fails(1).first_error_line(),
        "invalid payload (missing repository)"
    );
}
