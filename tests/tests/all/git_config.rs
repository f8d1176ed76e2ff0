//! `git_config`, and the configuration of HOME.

use concourse_resource_sdk::testing::{Response, Run, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitServer, executable, fixture_r, git};

use crate::git_put::Build;
use crate::support::{Served, check, get, refs};

fn entries(entries: &[(&str, &str)]) -> Value {
    let entry = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
    entries.iter().map(entry).collect()
}

#[test]
fn the_clone_has_it_exactly() {
    let served = Served::new(fixture_r());
    for mut source in served.sources() {
        source["git_config"] = json!([
            { "name": "user.name", "value": "Q \"uote\" \\back # no comment ; none" },
            { "name": "Core.pager", "value": "first" },
            { "name": "core.PAGER", "value": "second" },
            { "name": "my.Sub.Section.flag", "value": true },
            { "name": "my.number", "value": 7 },
            { "name": "my.nothing", "value": null },
        ]);
        let output = get(&served.server, &json!({ "source": source })).run();
        output.ok();
        let value = |name: &str| git(output.work(), &["config", "--get-all", name]);
        assert_eq!(value("user.name"), "Q \"uote\" \\back # no comment ; none");
        assert_eq!(value("core.pager"), "second");
        assert_eq!(value("my.Sub.Section.flag"), "true");
        assert_eq!(value("my.number"), "7");
        assert_eq!(value("my.nothing"), "");
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
    }
}

#[test]
fn line_ends_are_converted_if_asked_for() {
    let served = Served::new(fixture_r());
    for mut source in served.sources() {
        source["git_config"] = entries(&[("core.autocrlf", "true")]);
        let output = get(&served.server, &json!({ "source": source })).run();
        output.ok();
        let text = std::fs::read_to_string(output.work().join("docs/a.md")).expect("a file");
        assert_eq!(text, "two\r\n");
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
    }
}

#[test]
fn a_name_without_a_section_is_refused_by_every_program() {
    let served = Served::new(fixture_r());
    let mut source = served.sources()[0].clone();
    source["git_config"] = entries(&[("user.name", "x"), ("user", "x")]);
    for run in [
        check(&served.server, &json!({ "source": source })),
        get(&served.server, &json!({ "source": source })),
    ] {
        run.run()
            .fails(1)
            .says("source.git_config[1].name: key does not contain a section: user");
    }
}

#[test]
fn it_says_who_makes_merges_and_tags() {
    let served = Served::new(fixture_r());
    let mut source = served.sources()[0].clone();
    let (other, build) = (Build::new(&served, &json!({})), Build::new(&served, &json!({})));
    other.commit("u");
    other.put(&served, &source, &json!({})).ok();
    build.commit("l");
    build.write("tag", "v1");
    build.write("text", "a tag");
    source["git_config"] = entries(&[("user.name", "Bot"), ("user.email", "bot@ex.org")]);
    build
        .put(
            &served,
            &source,
            &json!({ "merge": true, "tag": "tag", "annotate": "text" }),
        )
        .ok();
    let path = served.server.path("r.git");
    assert_eq!(
        git(&path, &["log", "-1", "--format=%an <%ae> %cn <%ce>", "main"]),
        "Bot <bot@ex.org> Bot <bot@ex.org>"
    );
    assert_eq!(
        git(
            &path,
            &[
                "for-each-ref",
                "--format=%(taggername) %(taggeremail)",
                "refs/tags/v1"
            ]
        ),
        "Bot <bot@ex.org>"
    );
}

#[test]
fn an_address_is_rewritten_by_the_source_or_by_home() {
    let server = GitServer::start(Access::Open);
    let repo = fixture_r();
    server.publish(&repo, "r.git");
    let base = server.url("");
    let name = format!("url.{base}.insteadOf");
    let mut source = json!({ "uri": "https://git.invalid/r.git", "branch": "main" });
    source["git_config"] = entries(&[(&name, "https://git.invalid/")]);
    let output = check(&server, &json!({ "source": source })).run();
    assert_eq!(refs(&output.ok()), [repo.id("c4")]);
    let output = get(&server, &json!({ "source": source })).run();
    output.ok();
    assert_eq!(
        git(output.work(), &["config", "remote.origin.url"]),
        "https://git.invalid/r.git"
    );
    let home = TempDir::new().expect("a directory");
    let text = format!("[url \"{base}\"]\n\tinsteadOf = https://git.invalid/\n[core]\n\tautocrlf = true\n");
    std::fs::write(home.path().join(".gitconfig"), text).expect("a file");
    let source = json!({ "uri": "https://git.invalid/r.git", "branch": "main" });
    let output = get(&server, &json!({ "source": source })).home(home.path()).run();
    output.ok();
    let text = std::fs::read_to_string(output.work().join("docs/a.md")).expect("a file");
    assert_eq!(text, "two\n", "nothing but the transport is read from HOME");
}

#[test]
fn headers_and_proxies_are_those_of_the_nearest_url() {
    let server = Server::start();
    server.fallback(|_| Response::status(403));
    let uri = server.url("/r.git");
    let mut source = json!({ "uri": uri, "branch": "main" });
    let nearer = format!("http.{}.extraHeader", server.url(""));
    source["git_config"] = entries(&[
        ("http.extraHeader", "X-Token: not-this-one"),
        (&nearer, "X-Token: t0ken-of-the-header"),
    ]);
    let output = Run::check(executable("git"))
        .request(&json!({ "source": source }))
        .run();
    output.fails(128).hides("t0ken-of-the-header");
    let seen = server.requests();
    assert_eq!(seen[0].header("x-token"), Some("t0ken-of-the-header"));
    // A proxy is asked for the whole address.
    let source = json!({
        "uri": "http://git.invalid/r.git", "branch": "main",
        "git_config": entries(&[("http.proxy", &server.url(""))]),
    });
    server.forget();
    Run::check(executable("git"))
        .request(&json!({ "source": source }))
        .run()
        .fails(128);
    assert_eq!(server.count(), 1);
}

#[test]
fn a_certificate_is_not_judged_without_ssl_verify() {
    let served = Served::new(fixture_r());
    let mut source = served.sources()[0].clone();
    source["git_config"] = entries(&[("http.sslVerify", "false")]);
    let output = Run::check(executable("git"))
        .request(&json!({ "source": source }))
        .run();
    assert_eq!(refs(&output.ok()), [served.repo.id("c4")]);
}
