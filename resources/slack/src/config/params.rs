//! `params` of a put.

use std::borrow::Cow;

use concourse_resource_sdk::compat::lenient::Flag;
use concourse_resource_sdk::schema::given;
use concourse_resource_sdk::{Config, Validator};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Json, Redact, Spelled};
use crate::alert::Alert;

/// What is sent, to whom.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("not" = two_for_bots()))]
pub struct PutParams {
    /// The message. Variables are put in: `$NAME` and `${NAME}`. Default: `${TEXT_FILE_CONTENT}`.
    pub text: Spelled,
    /// File with the message, with variables. If it is not there, it counts as not given; if it is empty, nothing is sent
    /// unless `always_notify` is on.
    pub text_file: Spelled,
    /// List of attachments, or a string that holds one as JSON; with variables.
    pub attachments: Json,
    /// File with the list of attachments as JSON, with variables; used without `attachments` only.
    pub attachments_file: Spelled,
    /// List of Block Kit blocks, or a string that holds one as JSON; with variables. Slack's limits are checked before anything
    /// is sent.
    pub blocks: Json,
    /// File with the list of blocks as JSON, with variables; used without `blocks` only.
    pub blocks_file: Spelled,
    /// Sends a ready-made message: `success`, `failed`, `errored`, `aborted`, `started`, `fixed` or `broke`; `auto` takes it from
    /// the variable `BUILD_STATUS`, which Concourse 8.2 and later set for hooks. A `text` is added to it. Default: `auto` if
    /// nothing else says what to send and there is a `BUILD_STATUS`.
    #[schemars(with = "AlertName")]
    pub alert: Spelled,
    /// Channels or users, separated by blanks: each gets a message. With variables. Default: the webhook's own channel.
    pub channel: Spelled,
    /// File with more channels.
    pub channel_file: Spelled,
    /// File of lines `NAME=value`: more variables.
    pub env_file: Spelled,
    /// Name of the sender, with variables.
    pub username: Spelled,
    /// Address of the sender's picture, with variables.
    pub icon_url: Spelled,
    /// Emoji as the sender's picture, such as `:rocket:`, with variables.
    pub icon_emoji: Spelled,
    /// Makes links of `@user` and `#channel` in the text.
    pub link_names: Flag,
    /// Sends even if the text file is empty.
    pub always_notify: Flag,
    /// Answers in the thread of the message with this timestamp, with variables. Needs a bot's `token`.
    pub thread_ts: Spelled,
    /// Answers in the thread of an earlier message: the directory of a get of this resource. Needs a bot's `token`.
    pub thread_from: Spelled,
    /// Replaces the message with this timestamp, with variables; `channel` is the id of its channel. Needs a bot's `token`.
    pub update_ts: Spelled,
    /// Replaces an earlier message: the directory of a get of this resource. Needs a bot's `token`.
    pub update_from: Spelled,
    /// Logs errors and Slack's answers only.
    pub silent: Flag,
    /// Hides the path of the webhook in the log. Default: `true`.
    pub redact_hook_url: Redact,
    /// Sends nothing, and adds `webhook_url`, unredacted, and `body` of the last message to the answer.
    pub debug: Flag,
    /// Shows the message on the build's page, and the webhook's address with little of its path: of each part the first two characters, and
    /// of those of nine or more the last two.
    pub metadata: Flag,
    /// With `metadata`, shows the whole request too, without its secrets.
    pub payload_in_metadata: Flag,
}

impl PutParams {
    /// Whether nothing says what to send.
    pub(crate) fn says_nothing(&self) -> bool {
        let texts = [
            &self.text,
            &self.text_file,
            &self.attachments_file,
            &self.blocks_file,
            &self.alert,
        ];
        texts.iter().all(|text| text.get().is_none())
            && self.attachments.text().is_none()
            && self.blocks.text().is_none()
    }

    /// The names of the fields that only a bot can honour, as far as they are given.
    pub(crate) fn bot_fields(&self) -> impl Iterator<Item = &'static str> {
        [
            ("thread_ts", &self.thread_ts),
            ("thread_from", &self.thread_from),
            ("update_ts", &self.update_ts),
            ("update_from", &self.update_from),
        ]
        .into_iter()
        .filter(|(_, field)| field.non_empty().is_some())
        .map(|(name, _)| name)
    }
}

/// The schema of `alert`.
struct AlertName;

impl JsonSchema for AlertName {
    fn schema_name() -> Cow<'static, str> {
        "AlertName".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Alert::ALL.map(|alert| Value::from(alert.name()));
        let words: Vec<Value> = names
            .into_iter()
            .chain([Alert::AUTO.into(), "".into(), false.into(), Value::Null])
            .collect();
        json_schema!({ "enum": words })
    }
}

/// The fields of which at most one is given.
const BOT_FIELDS: [&str; 4] = ["thread_ts", "thread_from", "update_ts", "update_from"];

/// The schemas of which none may hold.
fn two_for_bots() -> Value {
    let pairs = BOT_FIELDS.iter().enumerate().flat_map(|(index, one)| {
        let others = BOT_FIELDS[index + 1..].iter();
        others.map(move |other| given(&[one, other]))
    });
    json!({ "anyOf": pairs.collect::<Vec<_>>() })
}

impl Config for PutParams {
    fn validate(&self, v: &mut Validator<'_>) {
        if let Some(alert) = self.alert.non_empty()
            && alert != Alert::AUTO
            && Alert::named(alert).is_none()
        {
            let known = Alert::ALL.map(Alert::name).join(", ");
            v.at("alert").refuse(format!(
                "expected one of {known}, {}, found \"{alert}\"",
                Alert::AUTO
            ));
        }
        let mut given = self.bot_fields();
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            v.at(first)
                .refuse(format!("cannot be used together with params.{second}"));
        }
    }
}
