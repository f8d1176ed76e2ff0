//! The slack resource: the acceptance cases of its contract, by number.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tests::{HOOK, SlackServer, executable};

use crate::slack_support::{assert_version_only, inputs, put};

/// Puts, and answers the bodies that arrived; the put has to succeed, with nothing but a version.
#[track_caller]
fn sent(params: &Value) -> Vec<Value> {
    let (slack, inputs) = (SlackServer::start(), inputs());
    let answer = put(&slack.source(), params).work(inputs.path()).run().ok();
    assert_version_only(&answer);
    slack.bodies()
}

/// The body of a message with these keys; what is not listed is null.
fn body(keys: &Value) -> Value {
    let mut body = json!({
        "text": null, "username": null, "icon_url": null, "icon_emoji": null, "channel": null, "attachments": null
    });
    for (key, value) in keys.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn text(text: &str) -> Vec<Value> {
    vec![body(&json!({ "text": text }))]
}

fn channels(bodies: &[Value]) -> Vec<&str> {
    bodies
        .iter()
        .map(|body| body["channel"].as_str().unwrap())
        .collect()
}

#[test]
fn slack_case_01_variables_are_put_in() {
    assert_eq!(
        sent(&json!({ "text": "done $BUILD_NAME ${BUILD_JOB_NAME} [$NOPE]" })),
        text("done 41 ship []\n")
    );
}

#[test]
fn slack_case_02_nothing_else_is_evaluated() {
    assert_eq!(
        sent(&json!({ "text": "a $$ ${X:-d} $(id)" })),
        text("a $$ ${X:-d} $(id)\n")
    );
}

#[test]
fn slack_case_03_the_text_file_is_the_message() {
    assert_eq!(sent(&json!({ "text_file": "note.txt" })), text("build 41\nok\n"));
}

#[test]
fn slack_case_04_the_text_has_the_text_file_in_it() {
    assert_eq!(
        sent(&json!({ "text_file": "note.txt", "text": "R: $TEXT_FILE_CONTENT." })),
        text("R: build 41\nok.\n")
    );
}

#[test]
fn slack_case_05_the_text_alone() {
    assert_eq!(
        sent(&json!({ "text_file": "note.txt", "text": "only" })),
        text("only\n")
    );
}

#[test]
fn slack_case_06_without_a_message_there_is_a_placeholder() {
    for params in [json!({ "text_file": "absent.txt" }), json!({})] {
        assert_eq!(sent(&params), text("_(no notification provided)_\n"), "{params}");
    }
}

#[test]
fn slack_case_07_an_empty_text_file_sends_nothing() {
    for params in [
        json!({ "text_file": "empty.txt" }),
        json!({ "text_file": "empty.txt", "text": "hi" }),
    ] {
        assert_eq!(sent(&params), Vec::<Value>::new(), "{params}");
    }
}

#[test]
fn slack_case_08_an_empty_text_file_is_sent_on_request() {
    assert_eq!(
        sent(&json!({ "text_file": "empty.txt", "always_notify": "true" })),
        text("_(no notification provided)_\n")
    );
}

#[test]
fn slack_case_09_an_empty_text_is_null_and_slack_refuses_it() {
    let slack = SlackServer::start();
    let output = put(&slack.source(), &json!({ "text": "" }))
        .answers_and_fails()
        .run();
    assert_version_only(&output.answer_of_failure(1));
    assert_eq!(slack.bodies(), [body(&json!({}))]);
    output.says("ERROR: sending the message to the Slack webhook has failed");
    assert!(
        output.stderr.contains("no_text: the message has no text"),
        "{output}"
    );
}

#[test]
fn slack_case_10_attachments_have_variables() {
    assert_eq!(
        sent(&json!({ "attachments": [{ "text": "b $BUILD_NAME" }] })),
        [body(&json!({ "attachments": [{ "text": "b 41" }] }))]
    );
}

#[test]
fn slack_case_11_attachments_from_a_file() {
    assert_eq!(
        sent(&json!({ "attachments_file": "att.json", "text": "T" })),
        [body(
            &json!({ "text": "T\n", "attachments": [{ "color": "good", "text": "#41" }] })
        )]
    );
}

#[test]
fn slack_case_12_attachments_win_over_their_file() {
    assert_eq!(
        sent(&json!({ "attachments": [{ "text": "p" }], "attachments_file": "att.json" })),
        [body(&json!({ "attachments": [{ "text": "p" }] }))]
    );
}

#[test]
fn slack_case_13_invalid_attachments_send_nothing() {
    let (slack, inputs) = (SlackServer::start(), inputs());
    for wrong in ["[{\"text\": \"x\"", "", " ", "{\"text\": \"x\"}", "[7]"] {
        std::fs::write(inputs.path().join("wrong.json"), wrong).unwrap();
        let params = json!({ "attachments_file": "wrong.json", "channel": "#a #b", "text": "x" });
        let output = put(&slack.source(), &params).work(inputs.path());
        if wrong.is_empty() {
            // CONTRACT 3: an empty file counts as none.
            output.run().ok();
            assert_eq!(slack.bodies().len(), 2);
            slack.server().forget();
        } else {
            let output = output.run();
            output.fails(1);
            assert!(
                output.first_error_line().starts_with("params.attachments_file: "),
                "{output}"
            );
            assert_eq!(slack.server().count(), 0, "{wrong}");
        }
    }
}

#[test]
fn slack_case_14_each_channel_gets_a_message() {
    assert_eq!(
        channels(&sent(&json!({ "text": "x", "channel": "#a  @b" }))),
        ["#a", "@b"]
    );
    assert_eq!(
        channels(&sent(
            &json!({ "text": "x", "channel": "#a  @b", "channel_file": "rooms" })
        )),
        ["#a", "@b", "#ops", "@eve"]
    );
}

#[test]
fn slack_case_15_channels_from_a_file_alone() {
    assert_eq!(
        channels(&sent(&json!({ "text": "x", "channel_file": "rooms" }))),
        ["#ops", "@eve"]
    );
}

#[test]
fn slack_case_16_an_empty_channel_sends_nothing() {
    assert_eq!(sent(&json!({ "text": "x", "channel": "" })), Vec::<Value>::new());
}

#[test]
fn slack_case_17_sender_and_icon_are_sent_in_full() {
    assert_eq!(
        sent(&json!({ "text": "x", "username": "Concourse CI", "icon_url": "https://x/y?a=1&b=2" })),
        [body(
            &json!({ "text": "x\n", "username": "Concourse CI", "icon_url": "https://x/y?a=1&b=2" })
        )]
    );
    // F8: the pair of quotes that worked around the reference.
    assert_eq!(
        sent(&json!({ "text": "x", "username": "\"Concourse %s; $BUILD_JOB_NAME\"", "icon_emoji": ":x:" })),
        [body(
            &json!({ "text": "x\n", "username": "Concourse %s; ship", "icon_emoji": ":x:" })
        )]
    );
}

#[test]
fn slack_case_18_link_names_is_there_only_if_it_is_on() {
    assert_eq!(
        sent(&json!({ "text": "x", "link_names": true })),
        [body(&json!({ "text": "x\n", "link_names": true }))]
    );
    for off in [json!({ "text": "x" }), json!({ "text": "x", "link_names": "no" })] {
        assert_eq!(sent(&off)[0].get("link_names"), None);
    }
}

#[test]
fn slack_case_19_a_refusal_does_not_keep_the_other_channels_from_theirs() {
    for silent in [false, true] {
        let slack = SlackServer::start();
        slack.server().on(
            "POST",
            HOOK,
            concourse_resource_sdk::testing::Response::status(404).body(format!("no {HOOK}")),
        );
        let params = json!({ "text": "x", "channel": "a b", "silent": silent });
        let output = put(&slack.source(), &params).answers_and_fails().run();
        assert_version_only(&output.answer_of_failure(1));
        assert_eq!(slack.server().count(), 2);
        output.says("ERROR: sending the message to the Slack webhook has failed");
        output.hides(HOOK).hides("abcdefghijkl");
    }
}

#[test]
fn slack_case_20_disabled_nothing_is_needed() {
    let output = put(
        &json!({ "disable": true }),
        &json!({ "text": "x", "attachments": "{" }),
    )
    .run();
    assert_version_only(&output.ok());
}

#[test]
fn slack_case_21_metadata() {
    let slack = SlackServer::start();
    let answer = put(&slack.source(), &metadata_params()).run().ok();
    assert_eq!(answer["metadata"], metadata_rows(&slack));
    assert_eq!(slack.bodies().len(), 2);
}

fn metadata_params() -> Value {
    json!({ "metadata": true, "username": "u", "channel": "#a #b" })
}

fn metadata_rows(slack: &SlackServer) -> Value {
    let host = slack.server().address();
    json!([
        { "name": "url", "value": format!("http://{host}/services/TA…GH/BZ…TS/ab…kl") },
        { "name": "channel", "value": "#a #b" },
        { "name": "username", "value": "u" },
        { "name": "text", "value": "_(no notification provided)_\n" },
        { "name": "text_file", "value": "" },
        { "name": "text_file_exists", "value": "No" },
        { "name": "text_file_content", "value": "_(no notification provided)_\n" },
    ])
}

#[test]
fn slack_case_22_metadata_with_the_payload() {
    let slack = SlackServer::start();
    let mut params = metadata_params();
    params["payload_in_metadata"] = json!(true);
    let output = put(&slack.source(), &params).run();
    let mut expected = metadata_rows(&slack);
    let payload = json!({ "source": { "url": "***REDACTED***" }, "params": params });
    expected
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "payload", "value": payload.to_string() }));
    assert_eq!(output.ok()["metadata"], expected);
    output.hides("abcdefghijkl");
}

#[test]
fn slack_case_23_debug_sends_nothing_and_shows_the_last_message() {
    let slack = SlackServer::start();
    let params = json!({ "debug": true, "silent": true, "channel": "#a #b", "text": "x" });
    let answer = put(&slack.source(), &params).run().ok();
    assert_eq!(slack.server().count(), 0);
    assert_eq!(answer["webhook_url"], slack.hook());
    assert_eq!(
        answer["body"],
        body(&json!({ "text": "x\n", "channel": "#b", "link_names": false }))
    );
    assert_eq!(answer.get("metadata"), None);
}

#[test]
fn slack_case_24_variables_from_a_file() {
    let (slack, inputs) = (SlackServer::start(), inputs());
    std::fs::write(inputs.path().join("env"), "VER=1.4\nMSG=two words\nG=B (x)\n").unwrap();
    let params = json!({ "env_file": "env", "text": "$VER $MSG $G" });
    put(&slack.source(), &params).work(inputs.path()).run().ok();
    assert_eq!(slack.bodies(), text("1.4 two words B (x)\n"));
}

#[test]
fn slack_case_25_redaction_can_be_turned_off() {
    let slack = SlackServer::start();
    for off in [json!("false"), json!(false)] {
        let output = put(&slack.source(), &json!({ "text": "x", "redact_hook_url": off })).run();
        assert_version_only(&output.ok());
        assert!(output.stderr.contains(&slack.hook()), "{output}");
    }
    for on in [json!("true"), json!(true), Value::Null] {
        let output = put(&slack.source(), &json!({ "text": "x", "redact_hook_url": on })).run();
        assert_version_only(&output.ok());
        output.hides(HOOK);
    }
    assert_eq!(slack.bodies().len(), 5);
}

#[test]
fn slack_case_26_check_echoes_and_get_has_a_version() {
    let check = |version: Value| {
        let request = json!({ "source": { "url": "not looked at" }, "version": version });
        Run::check(executable("slack")).request(&request).run().ok()
    };
    assert_eq!(
        check(json!({ "timestamp": "17" })),
        json!([{ "timestamp": "17" }])
    );
    assert_eq!(check(json!({ "timestamp": 17 })), json!([{ "timestamp": "17" }]));
    assert_eq!(
        check(json!({ "timestamp": "17", "ts": "1.2", "channel": "C1" })),
        json!([{ "timestamp": "17", "ts": "1.2", "channel": "C1" }])
    );
    for none in [
        Value::Null,
        json!({}),
        json!({ "timestamp": null }),
        json!({ "timestamp": false }),
    ] {
        assert_eq!(check(none.clone()), json!([]), "{none}");
    }
    let get = |request: Value| {
        let output = Run::get(executable("slack")).request(&request).run();
        assert_eq!(std::fs::read_dir(output.work()).unwrap().count(), 0);
        output.ok()
    };
    assert_eq!(get(json!({})), json!({ "version": { "timestamp": "none" } }));
    assert_eq!(
        get(json!({ "version": { "timestamp": "17" } })),
        json!({ "version": { "timestamp": "17" } })
    );
}
