//! All three commands against servers that refuse, are not there, or change meanwhile.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use concourse_resource_sdk::testing::{Output, Response, Run, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{PASSWORD, USER, fixture_r, git};

use crate::support::{Served, WRONG, check, get, hides_passwords, merge, put, source, source_at};

/// Base64 of `ada:` and the two passwords, as they go over the wire.
const ON_THE_WIRE: [&str; 2] = ["YWRhOmNvcnIzY3QtaDByc2UlLytiYXR0ZXJ5", "YWRhOndyMG5nL3Arc3N3b3Jk"];

/// A build directory with a clone at `repo` that has a commit of its own.
fn build(served: &Served) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let repo = directory.path().join("repo");
    let request = json!({ "source": source(&served.server, "r.git") });
    get(&served.server, &request).work(&repo).run().ok();
    git(
        &repo,
        &["commit", "--quiet", "--allow-empty", "--message", "mine"],
    );
    directory
}

/// Runs all three commands with a source; each shows no secret and leaves the remote alone.
fn all_three(served: &Served, build: &Path, source: &Value) -> [Output; 3] {
    let request = json!({ "source": source });
    let for_put = json!({ "source": source, "params": { "repository": "repo", "debug": true } });
    let outputs = [
        check(&served.server, &request).run(),
        get(&served.server, &request).run(),
        put(&served.server, &for_put).work(build).run(),
    ];
    for output in &outputs {
        hides_passwords(output);
        for secret in ON_THE_WIRE {
            output.hides(secret);
        }
        let main = git(served.server.path("r.git"), &["rev-parse", "main"]);
        assert_eq!(main, served.repo.id("c4"));
    }
    outputs
}

#[test]
fn logins_and_addresses_that_are_wrong_are_named_by_all_three_commands() {
    let served = Served::new(fixture_r());
    let build = build(&served);
    // A port that was free a moment ago may be another test's by now.
    let port = 1;
    let not_git = Server::start();
    not_git.fallback(|_| Response::text("<html>hello</html>"));
    let refused_uri = format!("https://127.0.0.1:{port}/r.git");
    let login_uri = served
        .server
        .url("r.git")
        .replace("://", "://ada:wr0ng%2Fp%2Bssword@");
    for (fields, line, hint) in [
        (
            json!({ "password": WRONG, "debug": true }),
            "127.0.0.1 refused the login".to_owned(),
            "check source.username and source.password",
        ),
        (
            json!({ "uri": login_uri, "username": null, "password": null, "debug": true }),
            "127.0.0.1 refused the login".to_owned(),
            "",
        ),
        (
            json!({ "username": "", "password": PASSWORD }),
            "127.0.0.1 requires a login".to_owned(),
            "set source.username and source.password",
        ),
        (
            json!({ "uri": "https://no-such-host.invalid/r.git", "debug": true }),
            "failed to reach https://no-such-host.invalid: unknown host".to_owned(),
            "",
        ),
        (
            json!({ "uri": refused_uri }),
            format!("failed to reach https://127.0.0.1:{port}: connection refused"),
            "",
        ),
        (
            json!({ "uri": served.server.url("gone.git") }),
            format!(
                "repository {} not found (status 404)",
                served.server.url("gone.git")
            ),
            "check source.uri",
        ),
        (json!({ "uri": "file:///no/such/repository" }), String::new(), ""),
        (
            json!({ "uri": not_git.url("/r.git") }),
            format!(
                "{} is not a git repository served over smart HTTP",
                not_git.url("/r.git/info/refs")
            ),
            "check source.uri",
        ),
    ] {
        let mut source = source(&served.server, "r.git");
        merge(&mut source, &fields);
        for output in all_three(&served, build.path(), &source) {
            output.fails(128);
            assert!(
                output.stderr.lines().any(|found| found.contains(&line)),
                "{line}: {output}"
            );
            assert!(
                output.stderr.contains(&format!("hint: {hint}")) || hint.is_empty(),
                "{output}"
            );
            // The address that was tried is always there.
            assert!(
                !line.is_empty() || output.stderr.contains("/no/such/repository"),
                "{output}"
            );
        }
    }
}

#[test]
fn a_login_in_the_address_works_for_a_put_and_is_nowhere_to_be_seen() {
    let served = Served::new(fixture_r());
    let uri = served
        .server
        .url("r.git")
        .replace("://", &format!("://{USER}:corr3ct-h0rse%25%2F%2Bbattery@"));
    let request = json!({
        "source": { "uri": uri, "branch": "main", "debug": true },
        "params": { "repository": "repo" },
    });
    let build = TempDir::new().expect("a directory");
    let repo = build.path().join("repo");
    let cloned = get(&served.server, &json!({ "source": request["source"] }))
        .work(&repo)
        .run();
    cloned.ok();
    git(
        &repo,
        &["commit", "--quiet", "--allow-empty", "--message", "mine"],
    );
    let output = put(&served.server, &request).work(build.path()).run();
    output.ok();
    for output in [&cloned, &output] {
        hides_passwords(output);
    }
    for file in ["metadata.json", "url"] {
        let content = std::fs::read_to_string(repo.join(".git").join(file)).expect("a file");
        assert!(!content.contains("corr3ct"), "{file}: {content}");
    }
    // CONTRACT 5.2: the origin is the uri as given.
    assert_eq!(git(&repo, &["config", "remote.origin.url"]), uri);
}

#[test]
fn a_branch_that_is_not_there_is_named_by_check_and_get_and_made_by_put() {
    let served = Served::new(fixture_r());
    let build = build(&served);
    for mut source in served.sources() {
        source["branch"] = json!("go/ne");
        for fields in [json!({}), json!({ "disable_ci_skip": true })] {
            merge(&mut source, &fields);
            let output = check(&served.server, &json!({ "source": source })).run();
            let shortcut = source["disable_ci_skip"] == json!(true);
            let (status, line) = if shortcut {
                (1, "No commit returned. Invalid branch?")
            } else {
                (128, "Remote branch go/ne not found in upstream origin")
            };
            assert_eq!(output.fails(status).first_error_line(), line, "{source}");
        }
        get(&served.server, &json!({ "source": source }))
            .run()
            .fails(128)
            .says("Remote branch go/ne not found in upstream origin")
            .says("  hint: check source.branch");
        let request = json!({ "source": source, "params": { "repository": "repo" } });
        put(&served.server, &request).work(build.path()).run().ok();
        let path = served.server.path("r.git");
        assert_eq!(
            git(&path, &["rev-parse", "refs/heads/go/ne"]),
            git(build.path().join("repo"), &["rev-parse", "HEAD"])
        );
        git(&path, &["update-ref", "-d", "refs/heads/go/ne"]);
    }
}

#[test]
fn a_head_that_points_nowhere_asks_for_a_branch() {
    let served = Served::new(fixture_r());
    git(
        served.server.path("r.git"),
        &["symbolic-ref", "HEAD", "refs/heads/gone"],
    );
    for mut source in served.sources() {
        source["branch"] = Value::Null;
        check(&served.server, &json!({ "source": source }))
            .run()
            .fails(128)
            .says("the remote's HEAD points to a branch that does not exist")
            .says("  hint: set source.branch");
        get(&served.server, &json!({ "source": source })).run().fails(128);
    }
}

#[test]
fn a_detached_head_of_the_remote_is_followed() {
    let served = Served::new(fixture_r());
    let c1 = served.repo.id("c1");
    std::fs::write(served.server.path("r.git").join("HEAD"), format!("{c1}\n")).expect("a file");
    for mut source in served.sources() {
        source["branch"] = Value::Null;
        let request = json!({ "source": source });
        assert_eq!(check(&served.server, &request).run().ok(), json!([{ "ref": c1 }]));
        let output = get(&served.server, &request).run();
        assert_eq!(output.ok()["version"], json!({ "ref": c1 }));
        assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), c1);
    }
}

#[test]
fn a_redirect_within_a_server_keeps_the_login_and_one_to_elsewhere_does_not_get_a_push() {
    let served = Served::new(fixture_r());
    let build = build(&served);
    let elsewhere = Server::start();
    elsewhere.fallback(|_| Response::status(401).header("WWW-Authenticate", "Basic realm=\"x\""));
    let here = Server::start();
    let target = elsewhere.url("/r.git/info/refs");
    here.fallback(move |request| {
        Response::redirect(format!("{target}?service={}", request.query_pairs()[0].1))
    });
    let source = source_at(&here.url("/r.git"));
    for output in all_three(&served, build.path(), &source) {
        output.fails(128);
    }
    assert!(
        here.requests()
            .iter()
            .any(|request| request.basic_auth().is_some())
    );
    assert!(elsewhere.count() >= 3);
    for request in elsewhere.requests() {
        assert_eq!(request.header("authorization"), None, "{}", request.path);
    }
}

#[test]
fn a_put_that_cannot_write_its_tag_says_so_and_pushes_nothing() {
    let served = Served::new(fixture_r());
    let build = build(&served);
    std::fs::write(build.path().join("version"), "1.0").expect("a file");
    let tags = build.path().join("repo/.git/refs/tags");
    // A file in the place of the directory stops root too.
    std::fs::remove_dir_all(&tags).expect("a directory");
    std::fs::write(&tags, "").expect("a file");
    let request = json!({
        "source": source(&served.server, "r.git"),
        "params": { "repository": "repo", "tag": "version" },
    });
    let output = put(&served.server, &request).work(build.path()).run();
    assert_eq!(
        output.fails(128).first_error_line(),
        "failed to set the tag '1.0'"
    );
    assert_eq!(
        git(served.server.path("r.git"), &["rev-parse", "main"]),
        served.repo.id("c4")
    );
}

#[test]
fn a_put_whose_log_nobody_reads_has_still_acted_and_says_so() {
    let served = Served::new(fixture_r());
    let build = build(&served);
    let request = json!({
        "source": source(&served.server, "r.git"),
        "params": { "repository": "repo" },
    });
    let output = put(&served.server, &request)
        .work(build.path())
        .broken_stderr()
        .run();
    let head = git(build.path().join("repo"), &["rev-parse", "HEAD"]);
    assert_eq!(output.ok()["version"], json!({ "ref": head }));
    assert_eq!(git(served.server.path("r.git"), &["rev-parse", "main"]), head);
}

#[test]
fn a_hook_that_declines_one_ref_is_shown_and_nothing_lands() {
    let served = Served::new(fixture_r());
    let hooks = served.server.path("r.git").join("hooks");
    std::fs::create_dir_all(&hooks).expect("a directory");
    let hook = hooks.join("update");
    std::fs::write(
        &hook,
        "#!/bin/sh\ncase $1 in refs/tags/*) printf 'no tags today:\\n\\t\\033[31m%s\\033[0m\\n' \"$1\"; exit 1;; esac\n",
    )
    .expect("a hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a hook");
    let build = build(&served);
    git(build.path().join("repo"), &["tag", "mine"]);
    let path = served.server.path("r.git");
    let before = git(&path, &["rev-parse", "main"]);
    let request = json!({
        "source": source(&served.server, "r.git"),
        "params": { "repository": "repo" },
    });
    let output = put(&served.server, &request).work(build.path()).run();
    output
        .fails(1)
        .says("remote: no tags today:")
        .says("failed to push mine: hook declined");
    // The server can do all or nothing, and was asked to: the branch stays where it was.
    assert_eq!(git(&path, &["rev-parse", "main"]), before);
    assert_eq!(git(&path, &["tag", "--list", "mine"]), "");
}

#[test]
fn without_home_path_or_tmpdir_everything_works() {
    let served = Served::new(fixture_r());
    let bare = |run: Run| run.env_remove("HOME").env_remove("PATH").env_remove("TMPDIR");
    let request = json!({ "source": source(&served.server, "r.git") });
    bare(get(&served.server, &request)).run().ok();
    let build = build(&served);
    let request = json!({ "source": request["source"], "params": { "repository": "repo" } });
    bare(put(&served.server, &request)).work(build.path()).run().ok();
}

#[test]
fn a_temporary_directory_that_is_not_there_is_named_by_a_put_that_needs_it() {
    let served = Served::new(fixture_r());
    let build = build(&served);
    let request = json!({
        "source": source(&served.server, "r.git"),
        "params": { "repository": "repo" },
    });
    let output = put(&served.server, &request)
        .work(build.path())
        .tmpdir("/no/such/directory")
        .run();
    output.fails(128);
    assert!(
        output
            .first_error_line()
            .starts_with("failed to make a temporary file in /no/such/directory: "),
        "{output}"
    );
    assert_eq!(
        git(served.server.path("r.git"), &["rev-parse", "main"]),
        served.repo.id("c4")
    );
}
