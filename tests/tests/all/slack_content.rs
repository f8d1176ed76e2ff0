//! The slack resource: what messages are made of, beyond the acceptance cases.

use serde_json::{Value, json};
use tests::SlackServer;

use crate::slack_support::{inputs, put};

fn build() -> [(&'static str, &'static str); 4] {
    [
        ("BUILD_PIPELINE_NAME", "site"),
        ("BUILD_TEAM_NAME", "core"),
        ("ATC_EXTERNAL_URL", "https://ci.test"),
        ("BUILD_ID", "900"),
    ]
}

#[test]
fn a_value_with_quotes_does_not_break_attachments() {
    let (slack, inputs) = (SlackServer::start(), inputs());
    std::fs::write(inputs.path().join("env"), "SUBJECT=say \"hi\" \\o/\n").unwrap();
    std::fs::write(inputs.path().join("log"), "line \"1\"\nline\t2\n").unwrap();
    let params = json!({
        "env_file": "env", "text_file": "log", "text": "t",
        "attachments": "[{\"title\": \"$SUBJECT\", \"text\": \"$TEXT_FILE_CONTENT\", \"fields\": $NONE[]}]"
    });
    put(&slack.source(), &params).work(inputs.path()).run().ok();
    assert_eq!(
        slack.body()["attachments"],
        json!([{ "title": "say \"hi\" \\o/", "text": "line \"1\"\nline\t2", "fields": [] }])
    );
}

#[test]
fn a_ready_made_message_needs_no_configuration() {
    let colours = [
        ("success", "ship #41 succeeded", "#11c560"),
        ("failed", "ship #41 failed", "#ed4b35"),
        ("errored", "ship #41 errored", "#f5a623"),
        ("aborted", "ship #41 was aborted", "#8b572a"),
        ("started", "ship #41 started", "#fad43b"),
        ("fixed", "ship #41 is fixed", "#11c560"),
        ("broke", "ship #41 broke", "#ed4b35"),
    ];
    for (alert, title, colour) in colours {
        for slack in [SlackServer::start(), SlackServer::mattermost()] {
            let mut run = put(
                &slack.source(),
                &json!({ "alert": alert, "text": "see $BUILD_ID" }),
            );
            for (name, value) in build() {
                run = run.env(name, value);
            }
            run.run().ok();
            let mut attachment = slack.body()["attachments"][0].take();
            assert!(attachment["ts"].take().as_u64().is_some());
            let url = "https://ci.test/teams/core/pipelines/site/jobs/ship/builds/41";
            assert_eq!(
                attachment,
                json!({
                    "color": colour, "title": title, "title_link": url, "fallback": format!("{title}: {url}"),
                    "text": "see 900", "footer": "Concourse", "ts": null,
                    "fields": [{ "title": "Pipeline", "value": "core/site", "short": true }],
                })
            );
        }
    }
}

#[test]
fn the_status_of_the_build_chooses_the_message_when_nothing_else_does() {
    for (params, title) in [
        (json!({}), Some("ship #41 failed")),
        (json!({ "channel": "#a" }), Some("ship #41 failed")),
        (json!({ "alert": "auto" }), Some("ship #41 failed")),
        (json!({ "alert": "fixed" }), Some("ship #41 is fixed")),
        (json!({ "text": "x" }), None),
        (json!({ "text_file": "absent" }), None),
    ] {
        let slack = SlackServer::start();
        put(&slack.source(), &params)
            .env("BUILD_STATUS", "failure")
            .run()
            .ok();
        assert_eq!(
            slack.body()["attachments"][0]["title"].as_str(),
            title,
            "{params}"
        );
    }
}

#[test]
fn an_alert_without_a_status_names_both() {
    let slack = SlackServer::start();
    let output = put(&slack.source(), &json!({ "alert": "auto" })).run();
    output.fails(1);
    assert_eq!(
        output.stderr.lines().take(2).collect::<Vec<_>>(),
        [
            "params.alert: \"auto\" needs the variable BUILD_STATUS, which is not set",
            "  hint: Concourse sets it for hooks, from 8.2 on; elsewhere, give params.alert as one of success, failed, errored, aborted, started, fixed, broke",
        ]
    );
    let output = put(&slack.source(), &json!({})).run();
    output.ok();
    output.says("warning: nothing says what to send: neither params (such as text or alert) nor the variable BUILD_STATUS");
    assert_eq!(slack.body()["text"], "_(no notification provided)_\n");
}

#[test]
fn blocks_are_sent_with_variables_or_refused_with_their_place() {
    let (slack, inputs) = (SlackServer::start(), inputs());
    let block = |text: &str| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    std::fs::write(
        inputs.path().join("blocks.json"),
        json!([block("file $BUILD_NAME")]).to_string(),
    )
    .unwrap();
    for (params, text, expected) in [
        (json!({ "blocks": [block("b $BUILD_NAME")] }), Value::Null, "b 41"),
        (
            json!({ "blocks_file": "blocks.json", "text": "T" }),
            json!("T\n"),
            "file 41",
        ),
        (
            json!({ "blocks": json!([block("s")]).to_string(), "blocks_file": "blocks.json" }),
            Value::Null,
            "s",
        ),
    ] {
        put(&slack.source(), &params).work(inputs.path()).run().ok();
        let body = slack.bodies().pop().unwrap();
        assert_eq!(
            (&body["text"], &body["blocks"]),
            (&text, &json!([block(expected)])),
            "{params}"
        );
    }
    slack.server().forget();
    let params = json!({ "blocks": [block("ok"), block(&"x".repeat(3001))], "channel": "#a #b" });
    let output = put(&slack.source(), &params).run();
    output.fails(1);
    assert_eq!(
        output.first_error_line(),
        "params.blocks[1].text.text: has 3001 characters, Slack takes 3000"
    );
    assert_eq!(slack.server().count(), 0);
}

#[test]
fn a_message_that_is_not_sent_has_metadata_all_the_same() {
    let (slack, inputs) = (SlackServer::start(), inputs());
    let params = json!({ "text_file": "empty.txt", "text": "x", "metadata": true, "channel_file": "rooms" });
    let answer = put(&slack.source(), &params).work(inputs.path()).run().ok();
    assert_eq!(slack.server().count(), 0);
    let values: Vec<_> = answer["metadata"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["value"].clone())
        .collect();
    assert_eq!(
        values[1..],
        [
            json!("#ops @eve"),
            Value::Null,
            Value::Null,
            json!("empty.txt"),
            json!("Yes"),
            json!("\n")
        ]
    );
}

#[test]
fn every_secret_is_hidden_in_the_payload() {
    let slack = SlackServer::start();
    let mut source = slack.source();
    source["ca_certs"] = json!([{ "domain": "x", "cert": slack.server().ca_pem() }]);
    source["proxy"] = json!(format!("http://user:hunter22@{}", slack.server().address()));
    let params =
        json!({ "text": "x", "metadata": true, "payload_in_metadata": true, "debug": false, "channel": "" });
    let output = put(&source, &params).run();
    let answer = output.ok();
    let payload: Value = serde_json::from_str(answer["metadata"][7]["value"].as_str().unwrap()).unwrap();
    assert_eq!(payload["source"]["proxy"], "***REDACTED***");
    output.hides("hunter22").hides("abcdefghijkl");
}

#[test]
fn files_that_are_missing_are_named_and_what_is_none_counts_as_missing() {
    let slack = SlackServer::start();
    let params = json!({ "text": "x", "env_file": "e", "channel_file": "c", "attachments_file": "a", "text_file": "." });
    let output = put(&slack.source(), &params).run();
    output.ok();
    for field in ["env_file", "channel_file", "attachments_file", "text_file"] {
        assert!(
            output
                .stderr
                .contains(&format!("params.{field}: there is no file")),
            "{output}"
        );
    }
    assert_eq!(slack.body()["text"], "x\n");
}

#[test]
fn values_of_every_kind_are_spelled() {
    let slack = SlackServer::start();
    put(
        &slack.source(),
        &json!({ "text": 1.5, "username": true, "icon_emoji": false }),
    )
    .run()
    .ok();
    put(&slack.source(), &json!({ "text": { "a": [1, null] } }))
        .run()
        .ok();
    let bodies = slack.bodies();
    assert_eq!(
        (
            &bodies[0]["text"],
            &bodies[0]["username"],
            &bodies[0]["icon_emoji"]
        ),
        (&json!("1.5\n"), &json!("true"), &Value::Null)
    );
    assert_eq!(bodies[1]["text"], "{\"a\":[1,null]}\n");
}
