//! The slack resource: sent exactly once, whatever the network does.

use std::time::Duration;

use concourse_resource_sdk::testing::{Ended, Fault, FaultProxy, Response, Server, Signal};
use serde_json::json;
use tests::{HOOK, SlackServer, TOKEN};

use crate::slack_support::{assert_version_only, put};

fn hello() -> serde_json::Value {
    json!({ "text": "hello" })
}

#[test]
fn a_busy_server_is_asked_again() {
    for busy in [
        Response::status(429)
            .header("retry-after", "1")
            .body("rate_limited"),
        Response::status(500).body("rollup_error"),
        Response::status(502),
        Response::status(503),
    ] {
        let slack = SlackServer::start();
        slack.server().on_each("POST", HOOK, [busy, Response::text("ok")]);
        let output = put(&slack.source(), &hello()).run();
        assert_version_only(&output.ok());
        assert_eq!(slack.server().count(), 2);
        assert!(output.stderr.contains("trying again in"), "{output}");
    }
}

#[test]
fn a_retry_after_is_obeyed() {
    let slack = SlackServer::start();
    let busy = Response::status(429).header("retry-after", "2");
    slack.server().on_each("POST", HOOK, [busy, Response::text("ok")]);
    let output = put(&slack.source(), &hello()).run();
    output.ok();
    assert!(output.wall >= Duration::from_secs(2), "{output}");
}

#[test]
fn a_server_that_wants_too_much_time_is_left_alone() {
    let slack = SlackServer::start();
    slack
        .server()
        .on("POST", HOOK, Response::status(429).header("retry-after", "600"));
    let output = put(&slack.source(), &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    assert_eq!(slack.server().count(), 1);
    assert!(
        output
            .stderr
            .contains("too many messages in a short time; it wants to be left alone for 600 s"),
        "{output}"
    );
}

#[test]
fn a_server_that_stays_broken_is_asked_four_times() {
    let slack = SlackServer::start();
    slack
        .server()
        .on("POST", HOOK, Response::status(500).body("rollup_error"));
    let output = put(&slack.source(), &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    assert_eq!(slack.server().count(), 4);
    assert!(
        output.stderr.contains("rollup_error: Slack itself has a problem"),
        "{output}"
    );
}

#[test]
fn what_may_have_arrived_is_not_sent_again() {
    let slack = SlackServer::start();
    slack.server().on("POST", HOOK, Response::nothing());
    let output = put(&slack.source(), &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    assert_eq!(slack.server().count(), 1);
    assert!(
        output
            .stderr
            .contains("the message may have arrived: it is not sent again, so that nobody gets it twice"),
        "{output}"
    );
    output.hides(HOOK);
}

#[test]
fn an_answer_that_breaks_off_after_its_status_is_a_success() {
    let slack = SlackServer::start();
    slack
        .server()
        .on("POST", HOOK, Response::text("ok").declared_length(100));
    assert_version_only(&put(&slack.source(), &hello()).run().ok());
    assert_eq!(slack.server().count(), 1);
}

#[test]
fn a_connection_that_cannot_be_made_is_tried_again() {
    let slack = SlackServer::start();
    let proxy = FaultProxy::start(slack.server().address());
    proxy.set(Fault::Refuse);
    let source = json!({ "url": format!("http://{}{HOOK}", proxy.address()) });
    let output = put(&source, &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    assert_eq!(slack.server().count(), 0);
    output.hides("abcdefghijkl");
}

#[test]
fn redirects_take_the_message_with_them() {
    for status in [301, 302, 307, 308] {
        let slack = SlackServer::start();
        let moved = Server::start();
        moved.on(
            "POST",
            "/old",
            Response::redirect(slack.hook()).with_status(status),
        );
        let output = put(&json!({ "url": moved.url("/old") }), &hello()).run();
        assert_version_only(&output.ok());
        assert_eq!(slack.body()["text"], "hello\n");
        output.hides("abcdefghijkl");
    }
}

#[test]
fn a_redirect_that_would_tell_others_is_refused() {
    let plain = SlackServer::start();
    let secure = SlackServer::start_tls();
    secure
        .server()
        .on("POST", HOOK, Response::redirect(plain.hook()).with_status(307));
    let mut source = secure.source();
    source["ca_certs"] = json!([{ "domain": "x", "cert": secure.server().ca_pem() }]);
    let output = put(&source, &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    assert!(
        output.stderr.contains("where the message must not go"),
        "{output}"
    );

    let bot = SlackServer::start();
    bot.server().on(
        "POST",
        "/api/chat.postMessage",
        Response::redirect(plain.server().url("/api/chat.postMessage")).with_status(307),
    );
    let output = put(&bot.bot(), &json!({ "text": "x", "channel": "#a" }))
        .answers_and_fails()
        .run();
    let _ = output.answer_of_failure(1);
    output.hides(TOKEN);
    assert_eq!(plain.server().count(), 0);
}

#[test]
fn a_redirect_without_end_ends() {
    let slack = SlackServer::start();
    slack
        .server()
        .on("POST", HOOK, Response::redirect(slack.hook()).with_status(308));
    let output = put(&slack.source(), &hello()).answers_and_fails().run();
    let _ = output.answer_of_failure(1);
    assert!(output.stderr.contains("redirects more than 10 times"), "{output}");
    assert_eq!(slack.server().count(), 11);
}

#[test]
fn a_private_authority_is_trusted_if_its_certificate_is_given() {
    let slack = SlackServer::start_tls();
    let mut source = slack.source();
    let output = put(&source, &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    source["ca_certs"] =
        json!([{ "domain": "a", "cert": "" }, { "domain": "a", "cert": slack.server().ca_pem() }]);
    assert_version_only(&put(&source, &hello()).run().ok());
    source["ca_certs"] =
        json!([{ "domain": "a", "cert": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----" }]);
    let output = put(&source, &hello()).run();
    output.fails(1);
    assert!(
        output.first_error_line().starts_with("source.ca_certs: "),
        "{output}"
    );
    source["ca_certs"] = json!([]);
    source["insecure"] = json!("true");
    assert_version_only(&put(&source, &hello()).run().ok());
    assert_eq!(slack.bodies().len(), 2);
}

/// A proxy that passes what it is asked to on, or opens a tunnel, as a recording server sees it.
#[test]
fn the_proxy_of_the_source_is_used_with_its_login() {
    let proxy = Server::start();
    proxy.fallback(|_| Response::text("ok"));
    let source = json!({ "url": format!("http://slack.example{HOOK}"), "proxy": format!("http://us%40r:pass-word@{}", proxy.address()) });
    let output = put(&source, &hello())
        .env("http_proxy", "http://127.0.0.1:1")
        .run();
    assert_version_only(&output.ok());
    let requests = proxy.requests();
    assert_eq!(requests[0].target, format!("http://slack.example{HOOK}"));
    let login = requests[0].header("proxy-authorization").unwrap();
    assert_eq!(login, "Basic dXNAcjpwYXNzLXdvcmQ=");
    output.hides("pass-word").hides("abcdefghijkl");
}

#[test]
fn a_tunnel_is_used_where_it_is_asked_for() {
    let proxy = Server::start();
    proxy.fallback(|request| match request.method.as_str() {
        "CONNECT" => Response::status(200),
        _ => Response::text("ok"),
    });
    let source = json!({
        "url": format!("http://slack.example:81{HOOK}?x=1"), "proxy": format!("http://user:pass-word@{}", proxy.address()),
        "proxy_https_tunnel": true,
    });
    let output = put(&source, &hello()).run();
    assert_version_only(&output.ok());
    let requests = proxy.requests();
    assert_eq!(
        (requests[0].method.as_str(), requests[0].target.as_str()),
        ("CONNECT", "slack.example:81")
    );
    assert_eq!(
        requests[0].header("proxy-authorization"),
        Some("Basic dXNlcjpwYXNzLXdvcmQ=")
    );
    assert_eq!(
        (requests[1].method.as_str(), requests[1].target.as_str()),
        ("POST", format!("{HOOK}?x=1").as_str())
    );
    assert_eq!(
        (
            requests[1].header("host"),
            requests[1].header("proxy-authorization")
        ),
        (Some("slack.example:81"), None)
    );
    assert_eq!(requests[1].json()["text"], "hello\n");

    proxy.fallback(|_| Response::status(407));
    let output = put(&source, &hello()).answers_and_fails().run();
    assert_version_only(&output.answer_of_failure(1));
    assert!(
        output.stderr.contains("it wants a login, or another one (407)"),
        "{output}"
    );
    output.hides("pass-word");
}

#[test]
fn wrong_addresses_are_named_without_their_values() {
    let long = "not-an-address-but-a-secret";
    for (source, line) in [
        (json!({}), "source.url is required"),
        (json!({ "url": "" }), "source.url is required"),
        (json!({ "url": null }), "source.url is required"),
        (
            json!({ "url": long }),
            "source.url: expected an address that begins with https:// or http://",
        ),
        (
            json!({ "url": "ftp://x/y-z-secret" }),
            "source.url: expected an address that begins with https:// or http://",
        ),
        (
            json!({ "token": "t-o-k-e-n", "api_url": "x" }),
            "source.api_url: expected an address that begins with https:// or http://, found \"x\"",
        ),
    ] {
        let output = put(&source, &hello()).run();
        output.fails(1).hides(long).hides("t-o-k-e-n");
        assert_eq!(output.first_error_line(), line, "{source}");
    }
    let output = put(
        &json!({ "url": "http://127.0.0.1:9/x", "proxy": "gopher://u:hidden-word@h" }),
        &hello(),
    )
    .run();
    output.fails(1).hides("hidden-word");
    assert!(
        output.first_error_line().starts_with("source.proxy: "),
        "{output}"
    );
}

#[test]
fn an_abort_before_the_message_is_sent_sends_nothing() {
    let slack = SlackServer::start();
    slack
        .server()
        .on("POST", HOOK, Response::status(429).header("retry-after", "30"));
    let output = put(&slack.source(), &json!({ "text": "x", "channel": "#a #b" }))
        .signal_on_stderr("trying again in", Signal::Term)
        .run();
    assert_eq!(output.ended, Ended::Code(143));
    assert!(output.after_signal.unwrap() < Duration::from_secs(2), "{output}");
    assert_eq!(slack.server().count(), 1);
}

#[test]
fn a_put_whose_log_nobody_reads_has_sent_and_answers() {
    let slack = SlackServer::start();
    assert_version_only(&put(&slack.source(), &hello()).broken_stderr().run().ok());
    assert_eq!(slack.bodies().len(), 1);
}

#[test]
fn silent_prints_little() {
    let slack = SlackServer::start();
    let output = put(&slack.source(), &json!({ "text": "x", "silent": "true" })).run();
    output.ok();
    assert_eq!(
        output.stderr.lines().collect::<Vec<_>>(),
        ["INFO: using silent output", "ok"]
    );
}
