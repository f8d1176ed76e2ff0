//! The grafana-annotation resource: fields beyond the reference, and bad input.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tests::{Annotation, GrafanaServer, executable};

use crate::grafana_support::{inputs, put};

/// The one annotation that a put creates.
#[track_caller]
fn created(change: &Value, params: &Value) -> Annotation {
    let grafana = GrafanaServer::start();
    let mut source = grafana.source();
    for (key, value) in change.as_object().unwrap() {
        source[key] = value.clone();
    }
    put(&source, params).run().ok();
    grafana.annotations().remove(&501).unwrap()
}

#[test]
fn an_annotation_is_on_the_dashboard_that_is_named() {
    let place = |source: Value, params: Value| {
        let annotation = created(&source, &params);
        (annotation.dashboard, annotation.panel)
    };
    let on = |uid: &str, panel: Option<i64>| (Some(uid.to_owned()), panel);
    let source = json!({ "dashboard_uid": "abc", "panel_id": 3 });
    assert_eq!(place(json!({}), json!({})), (None, None));
    assert_eq!(place(source.clone(), json!({})), on("abc", Some(3)));
    assert_eq!(
        place(source.clone(), json!({ "panel_id": 4 })),
        on("abc", Some(4))
    );
    assert_eq!(place(source, json!({ "dashboard_uid": "xyz" })), on("xyz", None));
}

#[test]
fn times_can_be_given() {
    for (time, end, expected) in [
        (
            json!("2023-11-14T23:13:20+01:00"),
            json!(1_700_000_100),
            (1_700_000_000_000, 1_700_000_100_000),
        ),
        (
            json!(1_700_000_000_123_u64),
            json!("1700000000123"),
            (1_700_000_000_123, 1_700_000_000_123),
        ),
        (
            json!("$START"),
            json!("${END}"),
            (1_700_000_000_000, 1_700_000_001_000),
        ),
    ] {
        let env = json!({ "START": "1700000000", "END": "1700000001" });
        let annotation = created(&json!({ "env": env }), &json!({ "time": time, "time_end": end }));
        assert_eq!((annotation.time, annotation.time_end), expected);
    }
    let grafana = GrafanaServer::start();
    grafana.add(
        501,
        Annotation {
            time: 1_600_000_000_000,
            ..Annotation::default()
        },
    );
    let inputs = inputs("501");
    let params = json!({ "path": "ann", "time_end": 1_700_000_000 });
    put(&grafana.source(), &params).work(inputs.path()).run().ok();
    let annotation = grafana.annotations().remove(&501).unwrap();
    assert_eq!(
        (annotation.time, annotation.time_end),
        (1_600_000_000_000, 1_700_000_000_000)
    );
}

#[test]
fn an_empty_template_is_sent_as_it_is() {
    let grafana = GrafanaServer::start();
    let output = put(&grafana.source(), &json!({ "template": "" })).run();
    output.fails(1);
    assert!(
        output
            .first_error_line()
            .starts_with("Expected 200 from Grafana API, 400 received: "),
        "{output}"
    );
    let old = Annotation {
        time: 1_600_000_000_000,
        text: "old".to_owned(),
        ..Annotation::default()
    };
    grafana.add(501, old);
    let inputs = inputs("501");
    let params = json!({ "path": "ann", "template": "", "time_end": 1_500_000_000 });
    put(&grafana.source(), &params).work(inputs.path()).run().ok();
    assert_eq!(grafana.server().requests()[1].json()["text"], "");
    // As Grafana does it: the text stays, and the two times are put into order.
    let annotation = grafana.annotations().remove(&501).unwrap();
    let times = (annotation.time, annotation.time_end);
    assert_eq!(
        (annotation.text.as_str(), times),
        ("old", (1_500_000_000_000, 1_600_000_000_000))
    );
}

#[test]
fn the_text_can_come_from_a_file() {
    let (grafana, inputs) = (GrafanaServer::start(), inputs("1"));
    std::fs::write(inputs.path().join("ann/text"), "build $BUILD_NAME, `id`\n").unwrap();
    put(&grafana.source(), &json!({ "text_file": "ann/text" }))
        .work(inputs.path())
        .run()
        .ok();
    assert_eq!(grafana.annotations()[&501].text, "build 12, `id`\n");
}

#[test]
fn keys_count_whatever_the_case_of_their_letters() {
    let grafana = GrafanaServer::start();
    let request = json!({
        "Source": { "URL": grafana.server().url(""), "Api_Token": "tok", "ENV": { "X": "upper", "x": "lower" } },
        "PARAMS": { "Template": "$X $x", "tAGS": ["a"] },
    });
    let output = Run::put(executable("grafana-annotation")).request(&request).run();
    assert_eq!(output.ok()["metadata"][2]["value"], "upper lower");
    assert!(!output.stderr.contains("warning"), "{output}");
    assert_eq!(grafana.annotations()[&501].tags, ["a"]);
}

#[test]
fn a_secret_under_a_key_in_capitals_is_a_secret_too() {
    let request = json!({ "SOURCE": { "Url": "http://127.0.0.1:9", "API_TOKEN": ["se-cr-et"], "PassWord": 1_234_567 } });
    let output = Run::put(executable("grafana-annotation")).request(&request).run();
    output.fails(1).hides("se-cr-et").hides("1234567");
    assert_eq!(
        output.first_error_line(),
        "source.api_token: expected a string, found a list"
    );
}

#[test]
fn bad_values_are_named_before_anything_is_sent() {
    let (grafana, inputs) = (GrafanaServer::start(), inputs("501"));
    for (file, text) in [
        ("empty", " \n"),
        ("zero", "0"),
        ("climb", "501/../../admin"),
        ("word", "five"),
    ] {
        std::fs::create_dir(inputs.path().join(file)).unwrap();
        std::fs::write(inputs.path().join(file).join("id"), text).unwrap();
    }
    let from = |directory: &str| inputs.path().join(directory).join("id").display().to_string();
    let id = |directory: &str, why: &str| {
        let file = from(directory);
        format!("params.path: failed to read the id of the annotation to update from {file}: {why}")
    };
    for (params, line) in [
        (json!({ "path": "empty" }), id("empty", "it is empty")),
        (json!({ "path": "zero" }), id("zero", "\"0\" is no id")),
        (json!({ "path": "climb" }), id("climb", "\"501/../../admin\" is no id")),
        (json!({ "path": "word" }), id("word", "\"five\" is no id")),
        (json!({ "path": "" }), id("", "there is no such file")),
        (json!({ "text_file": "gone" }), format!(
            "params.text_file: failed to read {}: No such file or directory (os error 2)",
            inputs.path().join("gone").display()
        )),
        (json!({ "text_file": "x", "template": "y" }), "params.text_file: cannot be used together with params.template".to_owned()),
        (json!({ "path": "ann", "panel_id": 3 }), "params.panel_id: cannot be used together with params.path".to_owned()),
        (json!({ "panel_id": 3 }), "params.panel_id: needs dashboard_uid, in params or source".to_owned()),
        (json!({ "panel_id": -3 }), "params.panel_id: expected a whole number from 0 to 4294967295, found number -3".to_owned()),
        (json!({ "time": "yesterday" }), "params.time: expected RFC 3339 such as 2026-11-23T10:00:00Z, or seconds or milliseconds since 1970, found \"yesterday\"".to_owned()),
        (json!({ "time_end": "$NOPE" }), "params.time_end: expected RFC 3339 such as 2026-11-23T10:00:00Z, or seconds or milliseconds since 1970, found \"nil\"".to_owned()),
        (
            json!({ "time": 0 }),
            "params.time: expected RFC 3339 such as 2026-11-23T10:00:00Z, or seconds or milliseconds since 1970, found \"0\"".to_owned(),
        ),
        (json!({ "time": 20, "time_end": 10 }), "params.time_end: 10000 ms since 1970 is before the beginning, params.time, at 20000 ms".to_owned()),
    ] {
        let output = put(&grafana.source(), &params).work(inputs.path()).run();
        output.fails(1);
        assert_eq!(output.first_error_line(), line, "{params}");
    }
    assert_eq!(grafana.server().count(), 0);
}

#[test]
fn addresses_that_are_none_are_named_without_their_login() {
    for url in [
        "grafana.example",
        "ftp://g/",
        "http://",
        "http://g/?x=1",
        "http://g/#x",
        "http://user:hidden-word@g:port/",
    ] {
        let output = put(&json!({ "url": url, "api_token": "tok" }), &json!({})).run();
        output.fails(1).hides("hidden-word");
        assert_eq!(
            output.first_error_line(),
            "source.url: expected an address that begins with https:// or http://, without query and fragment"
        );
    }
}

#[test]
fn without_a_directory_the_usage_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    for (name, step) in [("in", "in"), ("out", "out")] {
        let link = directory.path().join(name);
        std::os::unix::fs::symlink(executable("grafana-annotation"), &link).unwrap();
        let output = std::process::Command::new(&link)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let usage = format!("Usage: {step} /path/to/working/directory ; 0 args given\n");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), usage);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_id_file_that_cannot_be_written_does_not_lose_the_annotation() {
    let (grafana, inputs) = (GrafanaServer::start(), tempfile::tempdir().unwrap());
    std::fs::create_dir(inputs.path().join("id")).unwrap();
    let output = put(&grafana.source(), &json!({})).work(inputs.path()).run();
    assert_eq!(output.ok()["version"]["id"], "501");
    assert!(output.stderr.contains("warning: failed to write"), "{output}");
}

/// By hand there is no build, and the default text has nothing to say: that was sent without a word.
#[test]
fn variables_that_nobody_set_are_told() {
    let grafana = GrafanaServer::start();
    let output = Run::put(executable("grafana-annotation"))
        .request(&json!({ "source": grafana.source(), "params": { "template": "$NOPE ${BUILD_ID} $NOPE" } }))
        .run();
    output.ok();
    output.says("warning: nobody set $BUILD_ID, $NOPE: there is \"nil\" instead");
}
