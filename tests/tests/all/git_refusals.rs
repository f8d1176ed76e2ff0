//! What a user sees when the configuration or the server is not as it should be.

use concourse_resource_sdk::testing::{Response, Run, Server};
use serde_json::{Value, json};
use tests::{PASSWORD, USER, executable, fixture_r};

use crate::support::{Served, WRONG, check, get, hides_passwords, merge, put, source, source_at};

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    let served = Served::new(fixture_r());
    let base = source(&served.server, "r.git");
    for (field, value) in [(
        "submodule_credentials",
        json!([{ "host": "h", "username": "u", "password": "p" }]),
    )] {
        let mut source = base.clone();
        source[field] = value;
        let line =
            format!("source.{field}: this field is not supported by this version of the git resource yet");
        let request = json!({ "source": source });
        for run in [
            check(&served.server, &request),
            get(&served.server, &request),
            put(&served.server, &request),
        ] {
            run.run().fails(1).says(&line);
        }
    }
    for (step, field, value) in [
        ("get", "submodules", json!(["a"])),
        ("get", "submodule_remote", json!(true)),
        ("put", "rebase_strategy", json!("ort")),
        ("put", "rebase_strategy_option", json!("ours")),
    ] {
        let request = json!({ "source": base, "params": { field: value } });
        let run = if step == "get" {
            get(&served.server, &request)
        } else {
            put(&served.server, &request)
        };
        run.run().fails(1).says(&format!(
            "params.{field}: this field is not supported by this version of the git resource yet"
        ));
    }
}

#[test]
fn defaults_that_are_written_out_are_no_reason_to_refuse() {
    let served = Served::new(fixture_r());
    let defaults = json!({
        "tag_filter": "", "tag_behaviour": "match_tagged", "git_config": [], "forward_agent": false, "commit_filter": {},
    });
    served.checks(&defaults, None, &["c4"]);
}

/// What each way of being wrong says, and its exit status.
#[test]
fn bad_requests_are_explained() {
    let served = Served::new(fixture_r());
    let base = source(&served.server, "r.git");
    let with = |fields: Value| {
        let mut source = base.clone();
        merge(&mut source, &fields);
        json!({ "source": source }).to_string()
    };
    for (input, status, line) in [
        (
            r#"{"source": {"uri": "#.to_owned(),
            1,
            "the request on stdin is truncated: EOF while parsing a value at line 1 column 19",
        ),
        (String::new(), 1, "there is no request on stdin"),
        (
            with(json!({ "uri": ["x"] })),
            5,
            "source.uri: expected a string, number or boolean, found a list",
        ),
        (
            with(json!({ "paths": "x" })),
            5,
            "source.paths: expected a list, found string \"x\"",
        ),
        (
            with(json!({ "password": [PASSWORD] })),
            5,
            "source.password: expected a string, number or boolean, found a list",
        ),
        (
            with(json!({ "uri": "" })),
            1,
            "source.uri is required and must not be empty",
        ),
        (
            with(json!({ "branch": "a..b" })),
            1,
            "source.branch: \"a..b\" is not a valid branch name",
        ),
        (
            with(json!({ "paths": ["../x"] })),
            1,
            "source.paths[0]: \"../x\" is not a valid pathspec: it is outside of the repository",
        ),
        (
            with(json!({ "tag_behaviour": "x" })),
            1,
            "Invalid tag_behaviour. Must be one of 'match_tagged' or 'match_tag_ancestors'.",
        ),
    ] {
        let output = Run::check(executable("git"))
            .env("SSL_CERT_FILE", served.server.ca())
            .stdin(input.clone())
            .run();
        output.fails(status);
        assert_eq!(output.first_error_line(), line, "{input}");
        hides_passwords(&output);
    }
}

#[test]
fn servers_that_refuse_are_named() {
    let served = Served::new(fixture_r());
    let login = |user: &str, password: &str| json!({ "username": user, "password": password, "debug": true });
    for (fields, line) in [
        (login(USER, WRONG), "127.0.0.1 refused the login"),
        (login("", ""), "127.0.0.1 requires a login"),
        (
            json!({ "uri": served.server.url("no.git") }),
            "repository {url}no.git not found (status 404)",
        ),
        (
            json!({ "uri": "https://no-such-host.invalid/r.git" }),
            "failed to reach https://no-such-host.invalid: unknown host",
        ),
    ] {
        let mut source = source(&served.server, "r.git");
        merge(&mut source, &fields);
        let request = json!({ "source": source });
        for run in [check(&served.server, &request), get(&served.server, &request)] {
            let output = run.run();
            output.fails(128);
            let line = line.replace("{url}", &served.server.url(""));
            assert!(
                output.stderr.lines().any(|found| found == line),
                "{line}: {}",
                output.stderr
            );
            hides_passwords(&output);
        }
    }
    // Without the CA, the certificate is nobody's.
    let request = json!({ "source": source(&served.server, "r.git") });
    let output = Run::check(executable("git")).request(&request).run();
    output.fails(128);
    assert!(
        output.first_error_line().contains("certificate"),
        "{}",
        output.stderr
    );
    let mut skipping = request;
    skipping["source"]["skip_ssl_verification"] = json!(true);
    Run::check(executable("git")).request(&skipping).run().ok();
}

#[test]
fn a_login_in_the_address_works_and_is_not_shown() {
    let served = Served::new(fixture_r());
    let uri = served
        .server
        .url("r.git")
        .replace("://", &format!("://{USER}:corr3ct-h0rse%25%2F%2Bbattery@"));
    let request = json!({ "source": { "uri": uri, "branch": "main", "debug": true } });
    for run in [check(&served.server, &request), get(&served.server, &request)] {
        let output = run.run();
        output.ok();
        hides_passwords(&output);
    }
}

#[test]
fn a_login_does_not_follow_a_redirect_to_another_server() {
    let elsewhere = Server::start();
    elsewhere.fallback(|_| Response::status(404));
    let here = Server::start();
    let target = elsewhere.url("/r.git/info/refs?service=git-upload-pack");
    here.fallback(move |_| Response::status(302).header("Location", &target));
    let request = json!({ "source": source_at(&here.url("/r.git")) });
    Run::check(executable("git")).request(&request).run().fails(128);
    assert!(here.requests()[0].header("authorization").is_some());
    assert_eq!(elsewhere.requests().len(), 1);
    assert!(elsewhere.requests()[0].header("authorization").is_none());
}
