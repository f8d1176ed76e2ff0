//! The grafana-annotation resource: the acceptance cases of its contract about refusals, types, redirects and answers.

use concourse_resource_sdk::testing::{Response, Run};
use serde_json::json;
use tests::{Annotation, GrafanaServer, executable};

use crate::grafana_support::{DEFAULT_TEXT, inputs, put};

#[test]
fn grafana_case_11_a_refusal_is_shown() {
    let grafana = GrafanaServer::start();
    for (user, password, line) in [
        (
            "bot",
            "wr0ng",
            r#"Expected 200 from Grafana API, 401 received: {"message":"Unauthorized"}"#,
        ),
        (
            "viewer",
            "pw",
            r#"Expected 200 from Grafana API, 403 received: {"message":"You'll need additional permissions to perform this action. Permissions needed: annotations:create"}"#,
        ),
    ] {
        let source = json!({ "url": grafana.server().url(""), "username": user, "password": password });
        let output = put(&source, &json!({})).run();
        output.fails(1).hides("wr0ng");
        assert_eq!(output.first_error_line(), line);
    }
    assert_eq!(grafana.annotations().len(), 0);
}

#[test]
fn grafana_case_12_values_of_another_type_are_errors() {
    let grafana = GrafanaServer::start();
    for (key, value, line) in [
        (
            "tags",
            json!("x"),
            "source.tags: expected a list, found string \"x\"",
        ),
        (
            "tags",
            json!([7]),
            "source.tags[0]: expected a string, found number 7",
        ),
        (
            "env",
            json!({ "N": 3 }),
            "source.env.N: expected a string, found number 3",
        ),
        (
            "password",
            json!(1234),
            "source.password: expected a string, found number",
        ),
        ("url", json!(["x"]), "source.url: expected a string, found a list"),
    ] {
        let mut source = grafana.source();
        source[key] = value;
        let request = json!({ "source": source });
        let executable = executable("grafana-annotation");
        for output in [
            put(&source, &json!({})).run(),
            Run::check(&executable).request(&request).run(),
            Run::get(&executable).request(&request).run(),
        ] {
            output.fails(1);
            assert_eq!(output.first_error_line(), line);
        }
    }
    for (params, line) in [
        (
            json!({ "tags": "x" }),
            "params.tags: expected a list, found string \"x\"",
        ),
        (
            json!({ "env": { "N": 3 } }),
            "params.env.N: expected a string, found number 3",
        ),
        (
            json!({ "template": 3 }),
            "params.template: expected a string, found number 3",
        ),
    ] {
        let output = put(&grafana.source(), &params).run();
        output.fails(1);
        assert_eq!(output.first_error_line(), line);
    }
    assert_eq!(grafana.server().count(), 0);
}

#[test]
fn grafana_case_14_a_redirect_takes_the_update_along_or_is_an_error() {
    let inputs = inputs("501");
    for status in [301, 302, 307, 308] {
        let grafana = GrafanaServer::below("/new");
        grafana.add(501, Annotation::default());
        let target = grafana.server().url("/new/api/annotations/501");
        grafana.server().on(
            "PATCH",
            "/api/annotations/501",
            Response::redirect(target).with_status(status),
        );
        let output = put(&grafana.source(), &json!({ "path": "ann" }))
            .work(inputs.path())
            .run();
        output.ok();
        assert_eq!(grafana.annotations()[&501].text, DEFAULT_TEXT);

        // Elsewhere, neither login nor annotation go.
        let elsewhere = GrafanaServer::start();
        elsewhere.add(501, Annotation::default());
        let target = elsewhere.server().url("/api/annotations/501");
        grafana.server().on(
            "PATCH",
            "/api/annotations/501",
            Response::redirect(target).with_status(status),
        );
        let output = put(&grafana.source(), &json!({ "path": "ann" }))
            .work(inputs.path())
            .run();
        output.fails(1);
        assert!(
            output.first_error_line().contains(&elsewhere.server().url("")),
            "{output}"
        );
        assert_eq!(elsewhere.server().count(), 0);
    }
    let grafana = GrafanaServer::start();
    grafana.server().on(
        "PATCH",
        "/api/annotations/501",
        Response::redirect("/x").with_status(303),
    );
    put(&grafana.source(), &json!({ "path": "ann" }))
        .work(inputs.path())
        .run()
        .fails(1);
}

#[test]
fn grafana_case_15_success_is_200_with_an_id() {
    let grafana = GrafanaServer::start();
    for (response, line) in [
        (
            Response::json(&json!({})),
            "the answer of the Grafana API has no usable id: it should be a whole number above 0: {}",
        ),
        (
            Response::json(&json!({ "id": 0 })),
            "the answer of the Grafana API has no usable id: it should be a whole number above 0: {\"id\":0}",
        ),
        (
            Response::text("<html>"),
            "the answer of the Grafana API has no usable id: it is no JSON object: <html>",
        ),
        (
            Response::json(&json!({ "id": 7 })).with_status(201),
            "Expected 200 from Grafana API, 201 received: {\"id\":7}",
        ),
        (
            Response::status(204),
            "Expected 200 from Grafana API, 204 received: ",
        ),
    ] {
        grafana.server().on("POST", "/api/annotations", response);
        let output = put(&grafana.source(), &json!({})).run();
        output.fails(1);
        assert_eq!(output.first_error_line(), line);
        assert!(!output.work().join("id").exists());
    }
}
