//! What is sent (CONTRACT 5).

use serde_json::{Map, Value};

/// A message, the same for each channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) text: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) icon_url: Option<String>,
    pub(crate) icon_emoji: Option<String>,
    pub(crate) link_names: bool,
    pub(crate) attachments: Option<Value>,
    pub(crate) blocks: Option<Value>,
}

/// What a bot's message has to do with an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation<'a> {
    New,
    /// It answers the one with this timestamp.
    Reply(&'a str),
    /// It replaces the one with this timestamp.
    Update(&'a str),
}

impl Message {
    /// The body for a webhook. CONTRACT 3: `link_names` is there only if it is on, because some servers refuse it; CONTRACT 7:
    /// or for `debug`. `blocks`, which only Slack knows, are there only if they are given.
    pub(crate) fn for_webhook(&self, channel: Option<&str>, with_link_names: bool) -> Value {
        let mut body = Map::new();
        let mut set = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
        set("text", self.text.clone().into());
        set("username", self.username.clone().into());
        if self.link_names || with_link_names {
            set("link_names", self.link_names.into());
        }
        set("icon_url", self.icon_url.clone().into());
        set("icon_emoji", self.icon_emoji.clone().into());
        set("channel", channel.into());
        set("attachments", self.attachments.clone().into());
        if let Some(blocks) = &self.blocks {
            set("blocks", blocks.clone());
        }
        Value::Object(body)
    }

    /// The body for `chat.postMessage` or `chat.update`, which knows no sender.
    pub(crate) fn for_bot(&self, channel: &str, relation: Relation<'_>) -> Value {
        let mut body = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::String);
        set("channel", Some(channel.into()));
        match relation {
            Relation::New => {}
            Relation::Reply(ts) => set("thread_ts", Some(ts.into())),
            Relation::Update(ts) => set("ts", Some(ts.into())),
        }
        set("text", text(&self.text));
        set("blocks", self.blocks.clone());
        set("attachments", self.attachments.clone());
        if !matches!(relation, Relation::Update(_)) {
            set("username", text(&self.username));
            set("icon_url", text(&self.icon_url));
            set("icon_emoji", text(&self.icon_emoji));
        }
        set("link_names", self.link_names.then_some(Value::Bool(true)));
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message() -> Message {
        Message {
            text: Some("hi\n".to_owned()),
            username: Some("u".to_owned()),
            ..Message::default()
        }
    }

    #[test]
    fn a_webhook_gets_every_key_in_order() {
        assert_eq!(
            message().for_webhook(None, false).to_string(),
            r#"{"text":"hi\n","username":"u","icon_url":null,"icon_emoji":null,"channel":null,"attachments":null}"#
        );
        let with_blocks = Message {
            link_names: true,
            blocks: Some(json!([])),
            ..Message::default()
        };
        assert_eq!(
            with_blocks.for_webhook(Some("#a"), false).to_string(),
            r##"{"text":null,"username":null,"link_names":true,"icon_url":null,"icon_emoji":null,"channel":"#a","attachments":null,"blocks":[]}"##
        );
        assert_eq!(message().for_webhook(None, true)["link_names"], false);
    }

    #[test]
    fn a_bot_sends_what_is_there() {
        for (relation, expected) in [
            (
                Relation::New,
                json!({ "channel": "C1", "text": "hi\n", "username": "u" }),
            ),
            (
                Relation::Reply("1.2"),
                json!({ "channel": "C1", "thread_ts": "1.2", "text": "hi\n", "username": "u" }),
            ),
            (
                Relation::Update("1.2"),
                json!({ "channel": "C1", "ts": "1.2", "text": "hi\n" }),
            ),
        ] {
            assert_eq!(message().for_bot("C1", relation), expected);
        }
    }
}
