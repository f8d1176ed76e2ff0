//! The grafana-annotation resource: one annotation, whatever the network does.

use std::time::Duration;

use concourse_resource_sdk::testing::{Ended, Response, Server, Signal};
use serde_json::json;
use tests::{Annotation, GrafanaServer};

use crate::grafana_support::{DEFAULT_TEXT, inputs, put};

fn added() -> Response {
    Response::json(&json!({ "message": "Annotation added", "id": 501 }))
}

#[test]
fn a_create_is_sent_again_only_if_nothing_was_done() {
    let grafana = GrafanaServer::start();
    let busy = Response::status(429).header("retry-after", "1");
    grafana
        .server()
        .on_each("POST", "/api/annotations", [busy, added()]);
    put(&grafana.source(), &json!({})).run().ok();
    assert_eq!(grafana.server().count(), 2);

    for broken in [
        Response::nothing(),
        Response::status(502),
        Response::status(503),
        added().cut_after(4),
    ] {
        let grafana = GrafanaServer::start();
        grafana.server().on("POST", "/api/annotations", broken);
        let output = put(&grafana.source(), &json!({})).run();
        output.fails(1);
        assert_eq!(grafana.server().count(), 1, "{output}");
    }
    let grafana = GrafanaServer::start();
    grafana
        .server()
        .on("POST", "/api/annotations", Response::nothing());
    let output = put(&grafana.source(), &json!({})).run();
    assert!(
        output.stderr.contains(
            "the annotation may have been created: it is not sent again, so that there are not two"
        ),
        "{output}"
    );
}

#[test]
fn an_update_is_sent_again() {
    let inputs = inputs("501");
    let patched = Response::json(&json!({ "message": "Annotation patched" }));
    for broken in [
        Response::nothing(),
        Response::status(429),
        Response::status(502),
        Response::status(503),
    ] {
        let grafana = GrafanaServer::start();
        grafana
            .server()
            .on_each("PATCH", "/api/annotations/501", [broken, patched.clone()]);
        put(&grafana.source(), &json!({ "path": "ann" }))
            .work(inputs.path())
            .run()
            .ok();
        assert_eq!(grafana.server().count(), 2);
    }
}

#[test]
fn nobody_there_is_said_after_a_while() {
    let output = put(
        &json!({ "url": "http://127.0.0.1:9", "username": "u", "password": "hidden-word" }),
        &json!({}),
    )
    .run();
    output.fails(1).hides("hidden-word");
    assert!(
        output.stderr.contains("failed to reach http://127.0.0.1:9: "),
        "{output}"
    );
}

#[test]
fn a_path_below_the_host_and_a_login_in_the_address_work() {
    let grafana = GrafanaServer::below("/grafana");
    let url = grafana
        .server()
        .url("/grafana/")
        .replace("http://", "http://other:hidden-word@");
    let output = put(
        &json!({ "url": url, "username": "bot", "password": "pw" }),
        &json!({}),
    )
    .run();
    output.ok();
    output.hides("hidden-word");
    assert_eq!(grafana.annotations()[&501].text, DEFAULT_TEXT);
}

#[test]
fn a_private_authority_is_trusted_if_its_certificate_is_given() {
    let grafana = GrafanaServer::start_tls();
    let mut source = grafana.source();
    put(&source, &json!({})).run().fails(1);
    source["skip_ssl_verification"] = json!(true);
    put(&source, &json!({})).run().ok();
    source["skip_ssl_verification"] = json!(false);
    source["ca_certs"] = json!(grafana.server().ca_pem());
    put(&source, &json!({})).run().ok();
    assert_eq!(grafana.annotations().len(), 2);
    source["ca_certs"] = json!("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----");
    let output = put(&source, &json!({})).run();
    output.fails(1);
    assert!(
        output.first_error_line().starts_with("source.ca_certs: "),
        "{output}"
    );
}

#[test]
fn proxies_are_used() {
    let proxy = Server::start();
    proxy.fallback(|_| added());
    let address = proxy.address();
    let source = json!({ "url": "http://grafana.example/g", "api_token": "tok" });
    put(&source, &json!({}))
        .env("http_proxy", format!("http://{address}"))
        .run()
        .ok();
    let mut with_proxy = source.clone();
    with_proxy["proxy"] = json!(format!("http://us%40r:pass-word@{address}"));
    let output = put(&with_proxy, &json!({}))
        .env("http_proxy", "http://127.0.0.1:9")
        .run();
    output.ok();
    output.hides("pass-word");
    let requests = proxy.requests();
    assert_eq!(requests[0].target, "http://grafana.example/g/api/annotations");
    assert_eq!(requests[1].target, "http://grafana.example/g/api/annotations");
    assert_eq!(
        requests[1].header("proxy-authorization"),
        Some("Basic dXNAcjpwYXNzLXdvcmQ=")
    );
}

#[test]
fn an_abort_sends_nothing_more() {
    let grafana = GrafanaServer::start();
    grafana.server().on(
        "POST",
        "/api/annotations",
        Response::status(429).header("retry-after", "30"),
    );
    let output = put(&grafana.source(), &json!({}))
        .signal_on_stderr("trying again in", Signal::Term)
        .run();
    assert_eq!(output.ended, Ended::Code(143));
    assert!(output.after_signal.unwrap() < Duration::from_secs(2), "{output}");
    assert_eq!(grafana.server().count(), 1);
}

#[test]
fn two_puts_make_a_region() {
    let (grafana, inputs) = (GrafanaServer::start(), tempfile::tempdir().unwrap());
    let first = put(&grafana.source(), &json!({ "template": "begin" })).run().ok();
    let request = json!({ "source": grafana.source(), "version": first["version"] });
    let get = concourse_resource_sdk::testing::Run::get(tests::executable("grafana-annotation"));
    get.request(&request).work(inputs.path().join("first")).run().ok();
    std::thread::sleep(Duration::from_secs(1));
    for text in ["middle", "end"] {
        let params = json!({ "path": "first", "template": text });
        let answer = put(&grafana.source(), &params).work(inputs.path()).run().ok();
        assert_eq!(answer["version"], first["version"]);
    }
    let annotations = grafana.annotations();
    let Annotation {
        time, time_end, text, ..
    } = &annotations[&501];
    assert_eq!((annotations.len(), text.as_str()), (1, "end"));
    assert!(time < time_end, "{time} {time_end}");
}
