//! The slack resource as a bot: messages that follow a build.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tests::{SlackServer, TOKEN, executable};

use crate::slack_support::put;

/// The step of a build that sends, then the get after it: into a directory of the inputs.
fn put_and_get(slack: &SlackServer, params: &Value, inputs: &std::path::Path, name: &str) -> Value {
    let output = put(&slack.bot(), params).work(inputs).run();
    output.hides(TOKEN);
    let version = output.ok()["version"].clone();
    let request = json!({ "source": slack.bot(), "version": version });
    let got = Run::get(executable("slack"))
        .request(&request)
        .work(inputs.join(name))
        .run()
        .ok();
    assert_eq!(got, json!({ "version": version }));
    version
}

#[test]
fn a_message_is_sent_answered_and_replaced() {
    let (slack, inputs) = (SlackServer::start(), tempfile::tempdir().unwrap());
    let inputs = inputs.path();
    let version = put_and_get(
        &slack,
        &json!({ "alert": "started", "channel": "#ops", "username": "u" }),
        inputs,
        "status",
    );
    assert_eq!(
        (&version["channel"], &version["ts"]),
        (&json!("COPS"), &json!("1712345600.000200"))
    );
    for (file, text) in [("status/ts", "1712345600.000200"), ("status/channel", "COPS")] {
        assert_eq!(std::fs::read_to_string(inputs.join(file)).unwrap(), text);
    }
    let reply = put_and_get(
        &slack,
        &json!({ "text": "step 1", "thread_from": "status" }),
        inputs,
        "reply",
    );
    assert_eq!(reply["ts"], "1712345601.000200");
    let update = put_and_get(
        &slack,
        &json!({ "alert": "success", "update_from": "status", "username": "u" }),
        inputs,
        "end",
    );
    assert_eq!(
        (&update["channel"], &update["ts"]),
        (&version["channel"], &version["ts"])
    );
    let messages = slack.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].2["attachments"][0]["title"], "ship #41 succeeded");
    assert_eq!(messages[0].2["attachments"][0]["fields"][0]["title"], "Duration");
    assert_eq!(messages[1].2["thread_ts"], "1712345600.000200");
    assert_eq!(slack.bodies().len(), 3);
}

#[test]
fn timestamps_and_channels_can_be_given() {
    let (slack, inputs) = (SlackServer::start(), tempfile::tempdir().unwrap());
    put(&slack.bot(), &json!({ "text": "a", "channel": "#ops" }))
        .run()
        .ok();
    std::fs::write(inputs.path().join("env"), "TS=1712345600.000200\n").unwrap();
    let follow = |params: &Value| put(&slack.bot(), params).work(inputs.path()).run().ok();
    follow(&json!({ "text": "b", "channel": "COPS", "update_ts": "$TS", "env_file": "env" }));
    follow(&json!({ "text": "c", "channel": "#ops", "thread_ts": "1712345600.000200", "link_names": true }));
    let texts: Vec<_> = slack
        .messages()
        .into_iter()
        .map(|message| message.2["text"].clone())
        .collect();
    assert_eq!(texts, ["b\n", "c\n"]);
    assert_eq!(
        slack.bodies()[2],
        json!({ "channel": "#ops", "thread_ts": "1712345600.000200", "text": "c\n", "link_names": true })
    );
}

#[test]
fn several_channels_each_get_a_message_and_the_version_is_of_the_last() {
    let slack = SlackServer::start();
    let output = put(
        &slack.bot(),
        &json!({ "text": "x", "channel": "#a #gone #b #gone" }),
    )
    .answers_and_fails()
    .run();
    assert_eq!(output.answer_of_failure(1)["version"]["channel"], "CB");
    output.says("ERROR: sending the message to Slack has failed");
    output.says("  cause: 2 of 4 messages were not sent: #gone, #gone");
    assert!(
        output
            .stderr
            .contains("channel_not_found: there is no such channel"),
        "{output}"
    );
}

#[test]
fn what_a_bot_cannot_do_is_said_before_anything_is_sent() {
    let (slack, inputs) = (SlackServer::start(), tempfile::tempdir().unwrap());
    std::fs::create_dir(inputs.path().join("hook")).unwrap();
    let bot = slack.bot();
    let mut both = slack.bot();
    both["url"] = json!(slack.hook());
    for (source, params, line) in [
        (
            &bot,
            json!({ "text": "x" }),
            "params.channel: is required with source.token",
        ),
        (
            &bot,
            json!({ "text": "x", "channel": "#a null" }),
            "params.channel: is required with source.token",
        ),
        (
            &bot,
            json!({ "text": "x", "channel": "#a", "update_ts": "17" }),
            "params.update_ts: expected the timestamp of a message, such as 1712345678.123456, found \"17\"",
        ),
        (
            &bot,
            json!({ "text": "x", "thread_from": "hook" }),
            "params.thread_from: \"hook\" has no message to follow: its files ts and channel are missing or damaged",
        ),
        (
            &bot,
            json!({ "text": "x", "update_from": "absent" }),
            "params.update_from: \"absent\" has no message to follow: its files ts and channel are missing or damaged",
        ),
        (
            &bot,
            json!({ "text": "x", "thread_ts": "1.2", "update_ts": "1.2", "channel": "#a" }),
            "params.thread_ts: cannot be used together with params.update_ts",
        ),
        (
            &bot,
            json!({ "text": "x", "thread_ts": "1.2", "channel": "#a #b" }),
            "params.channel: expected one channel: the message to follow is in one",
        ),
        (
            &bot,
            json!({ "alert": "great", "channel": "#a" }),
            "params.alert: expected one of success, failed, errored, aborted, started, fixed, broke, auto, found \"great\"",
        ),
        (
            &both,
            json!({ "text": "x", "channel": "#a" }),
            "source.token: cannot be used together with source.url",
        ),
        (
            &slack.source(),
            json!({ "text": "x", "thread_ts": "1.2" }),
            "params.thread_ts: needs a bot: a webhook cannot follow a message",
        ),
    ] {
        let output = put(source, &params).work(inputs.path()).run();
        output.fails(1).hides(TOKEN);
        assert_eq!(output.first_error_line(), line, "{params}");
    }
    assert_eq!(slack.server().count(), 0);
}

#[test]
fn slacks_refusals_are_explained() {
    let slack = SlackServer::start();
    let mut wrong = slack.bot();
    wrong["token"] = json!("xoxb-wrong-token");
    for (source, params, words) in [
        (
            &wrong,
            json!({ "text": "x", "channel": "#a" }),
            "invalid_auth: Slack does not accept the token",
        ),
        (
            &slack.bot(),
            json!({ "text": "x", "channel": "C1", "update_ts": "1.2" }),
            "message_not_found: there is no such message",
        ),
        (
            &slack.bot(),
            json!({ "text": "x", "channel": "C1", "thread_ts": "1.2" }),
            "thread_not_found: there is no such message to answer",
        ),
        (
            &slack.bot(),
            json!({ "text": "", "channel": "C1" }),
            "no_text: the message has no text",
        ),
    ] {
        let output = put(source, &params).answers_and_fails().run();
        assert_eq!(
            output.answer_of_failure(1)["version"].as_object().unwrap().len(),
            1
        );
        assert!(output.stderr.contains(words), "{output}");
        output.hides("xoxb-wrong-token");
    }
}
