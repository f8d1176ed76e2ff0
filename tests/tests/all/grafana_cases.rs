//! The grafana-annotation resource: the acceptance cases of its contract, by number.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tests::{Annotation, GrafanaServer, executable};

use crate::grafana_support::{DEFAULT_TEXT, inputs, now, put};

/// Puts with success, and answers the one request: method and path, authorization, body.
#[track_caller]
fn request(grafana: &GrafanaServer, source: &Value, params: &Value) -> (String, String, Value) {
    put(source, params).run().ok();
    let requests = grafana.server().requests();
    let last = requests.last().unwrap();
    let login = last.header("authorization").unwrap_or_default().to_owned();
    (format!("{} {}", last.method, last.path), login, last.json())
}

fn text_of(params: &Value, env: &Value) -> Value {
    let grafana = GrafanaServer::start();
    let mut source = grafana.source();
    source["env"] = env.clone();
    request(&grafana, &source, params).2["text"].clone()
}

#[test]
fn grafana_case_01_check_echoes() {
    let check = |request: &Value| {
        Run::check(executable("grafana-annotation"))
            .request(request)
            .run()
            .ok()
    };
    assert_eq!(check(&json!({ "source": {} })), json!([]));
    assert_eq!(check(&json!({ "source": {}, "version": null })), json!([]));
    assert_eq!(
        check(&json!({ "source": {}, "version": { "id": "77" } })),
        json!([{ "id": "77" }])
    );
    assert_eq!(
        check(&json!({ "version": { "ID": "77" } })),
        json!([{ "id": "77" }])
    );
    assert_eq!(check(&json!({ "version": {} })), json!([{ "id": "" }]));
    assert_eq!(
        check(&json!({ "version": { "other": "x" } })),
        json!([{ "id": "" }])
    );
}

#[test]
fn grafana_case_02_get_writes_the_id() {
    for (request, id) in [
        (json!({ "version": { "id": "77" } }), "77"),
        (json!({ "source": {} }), ""),
    ] {
        let output = Run::get(executable("grafana-annotation")).request(&request).run();
        assert_eq!(output.ok(), json!({ "version": { "id": id }, "metadata": null }));
        assert_eq!(std::fs::read(output.work().join("id")).unwrap(), id.as_bytes());
    }
}

#[test]
fn grafana_case_03_a_point_is_created() {
    let grafana = GrafanaServer::start();
    let before = now();
    let output = put(&grafana.source(), &json!({})).run();
    assert_eq!(
        output.ok(),
        json!({ "version": { "id": "501" }, "metadata": [
            { "name": "id", "value": "501" }, { "name": "tags", "value": "" }, { "name": "text", "value": DEFAULT_TEXT },
        ] })
    );
    assert_eq!(std::fs::read_to_string(output.work().join("id")).unwrap(), "501");
    let requests = grafana.server().requests();
    assert_eq!(
        (requests[0].method.as_str(), requests[0].target.as_str()),
        ("POST", "/api/annotations")
    );
    assert_eq!(requests[0].header("authorization"), Some("Basic Ym90OnB3"));
    let body = requests[0].json();
    let time = body["time"].as_i64().unwrap();
    assert!(
        time % 1000 == 0 && before - 1000 <= time && time <= now(),
        "{time}"
    );
    assert_eq!(body, json!({ "time": time, "tags": [], "text": DEFAULT_TEXT }));
    assert_eq!(
        grafana.annotations()[&501],
        Annotation {
            time,
            time_end: time,
            text: DEFAULT_TEXT.to_owned(),
            ..Annotation::default()
        }
    );
}

#[test]
fn grafana_case_04_tags_are_united() {
    let grafana = GrafanaServer::start();
    let mut source = grafana.source();
    source["tags"] = json!(["z", "a"]);
    let answer = put(&source, &json!({ "tags": ["m", "a"] })).run().ok();
    assert_eq!(answer["metadata"][1]["value"], "a, m, z");
    assert_eq!(
        grafana.server().requests()[0].json()["tags"],
        json!(["a", "m", "z"])
    );
    grafana.annotations();
}

#[test]
fn grafana_case_05_variables_have_their_order() {
    let params = json!({ "template": "$A/${B}/${C}/$D.", "env": { "A": "1" } });
    assert_eq!(
        text_of(&params, &json!({ "A": "2", "B": "3", "C": "" })),
        "1/3//nil."
    );
}

#[test]
fn grafana_case_06_dollar_signs() {
    for (template, text) in [("cost $5, $$, ${}x ${y", "cost nil, nil, x y"), ("100$", "100$")] {
        assert_eq!(text_of(&json!({ "template": template }), &json!({})), text);
    }
}

#[test]
fn grafana_case_07_a_point_becomes_a_region() {
    update("501", "");
}

/// The put of case 7; `url_end` follows the address of the server.
fn update(id_file: &str, url_end: &str) {
    let grafana = GrafanaServer::start();
    let point = Annotation {
        time: 1_700_000_000_000,
        time_end: 1_700_000_000_000,
        tags: vec!["started".to_owned()],
        text: "deploying".to_owned(),
        ..Annotation::default()
    };
    grafana.add(501, point.clone());
    let mut source = grafana.source();
    source["url"] = json!(grafana.server().url(url_end));
    let inputs = inputs(id_file);
    let params = json!({ "path": "ann", "tags": ["done"] });
    let answer = put(&source, &params).work(inputs.path()).run().ok();
    assert_eq!(
        answer,
        json!({ "version": { "id": "501" }, "metadata": [
            { "name": "id", "value": "501" }, { "name": "tags", "value": "done" }, { "name": "text", "value": DEFAULT_TEXT },
        ] })
    );
    let requests = grafana.server().requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method.as_str(), requests[0].target.as_str()),
        ("PATCH", "/api/annotations/501")
    );
    let body = requests[0].json();
    let end = body["timeEnd"].as_i64().unwrap();
    assert!(end % 1000 == 0 && now() - end < 60_000);
    assert_eq!(
        body,
        json!({ "timeEnd": end, "tags": ["done"], "text": DEFAULT_TEXT })
    );
    assert_eq!(
        grafana.annotations()[&501],
        Annotation {
            time_end: end,
            tags: vec!["done".to_owned()],
            text: DEFAULT_TEXT.to_owned(),
            ..point
        }
    );
    assert!(!inputs.path().join("id").exists());
}

#[test]
fn grafana_case_08_without_an_id_there_is_nothing_to_update() {
    let grafana = GrafanaServer::start();
    let output = put(&grafana.source(), &json!({ "path": "gone" })).run();
    output.fails(1);
    let file = output.work().join("gone/id");
    assert_eq!(
        output.first_error_line(),
        format!(
            "params.path: failed to read the id of the annotation to update from {}: there is no such file",
            file.display()
        )
    );
    assert!(
        output
            .stderr
            .contains("if that put failed, there is no annotation to update"),
        "{output}"
    );
    assert_eq!(grafana.server().count(), 0);
}

#[test]
fn grafana_case_09_a_token_wins() {
    let grafana = GrafanaServer::start();
    for source in [
        json!({ "url": grafana.server().url(""), "api_token": "tok" }),
        json!({ "url": grafana.server().url(""), "api_token": "tok", "username": "bot", "password": "pw" }),
    ] {
        assert_eq!(request(&grafana, &source, &json!({})).1, "Bearer tok");
    }
    assert_eq!(grafana.annotations().len(), 2);
}

#[test]
fn grafana_case_10_what_is_required() {
    let grafana = GrafanaServer::start();
    let url = grafana.server().url("");
    for (source, line) in [
        (
            json!({ "username": "bot" }),
            "'url' is required in the source definition",
        ),
        (
            json!({ "url": url }),
            "'username' or 'api_token' are required in the source definition",
        ),
        (
            json!({ "url": url, "username": "bot", "api_token": "tok" }),
            "'password' is required in the source definition when 'username' is present",
        ),
    ] {
        let output = put(&source, &json!({})).run();
        output.fails(1);
        assert_eq!(output.stderr, format!("{line}\n"));
    }
    assert_eq!(grafana.server().count(), 0);
}

#[test]
fn grafana_case_13_blanks_in_the_id_file_and_slashes_after_the_address() {
    update("501\n", "/");
    update(" 501 \n", "///");
}
