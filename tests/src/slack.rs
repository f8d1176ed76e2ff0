//! A server that answers as Slack's webhooks and Web API, and Mattermost's webhooks, are documented to, and that holds each
//! request against that documentation, field by field:
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://docs.slack.dev/reference/methods/chat.postMessage>, <https://docs.slack.dev/reference/methods/chat.update>,
//! <https://developers.mattermost.com/integrate/webhooks/incoming>.

use std::sync::{Arc, Mutex};

use concourse_resource_sdk::testing::{Identity, Request, Response, Server};
use serde_json::{Map, Value, json};

/// The path of the webhook.
pub const HOOK: &str = "/services/TABCDEFGH/BZYXWVUTS/abcdefghijkl";
/// The token of the bot.
pub const TOKEN: &str = "xoxb-2413-secret-token";

/// A recording server, on loopback.
pub struct SlackServer {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What was sent, accepted or not, with the path that it was sent to.
    sent: Vec<(String, Value)>,
    /// What the documentation does not have.
    violations: Vec<String>,
    /// The messages of the bot: channel, timestamp, body.
    messages: Vec<(String, String, Value)>,
}

/// Whose webhooks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Slack,
    Mattermost,
}

impl SlackServer {
    /// Slack. There are all channels but `#gone`; `#old` is archived, `#closed` takes no posts.
    pub fn start() -> Self {
        Self::over(Server::start(), Kind::Slack)
    }

    /// Slack with TLS.
    pub fn start_tls() -> Self {
        Self::over(
            Server::start_tls(Identity::new(&["localhost", "127.0.0.1"])),
            Kind::Slack,
        )
    }

    /// Mattermost, which is strict about what it does not know.
    pub fn mattermost() -> Self {
        Self::over(Server::start(), Kind::Mattermost)
    }

    fn over(server: Server, kind: Kind) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let hook = Arc::clone(&state);
        server.on_fn("POST", HOOK, move |request| {
            webhook(request, kind, &mut hook.lock().unwrap())
        });
        for method in ["chat.postMessage", "chat.update"] {
            let api = Arc::clone(&state);
            server.on_fn("POST", &format!("/api/{method}"), move |request| {
                method_of_api(request, method, &mut api.lock().unwrap())
            });
        }
        Self { server, state }
    }

    /// The server below, to answer otherwise.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The address of the webhook.
    pub fn hook(&self) -> String {
        self.server.url(HOOK)
    }

    /// A source for the webhook.
    pub fn source(&self) -> Value {
        json!({ "url": self.hook() })
    }

    /// A source for the bot.
    pub fn bot(&self) -> Value {
        json!({ "token": TOKEN, "api_url": self.server.url("/api") })
    }

    /// The bodies of all messages that arrived, in their order.
    ///
    /// # Panics
    /// If one of them is not what the documentation allows.
    #[track_caller]
    pub fn bodies(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        assert_eq!(
            state.violations,
            Vec::<String>::new(),
            "what the documentation does not have"
        );
        state.sent.iter().map(|(_, body)| body.clone()).collect()
    }

    /// The one message that arrived.
    #[track_caller]
    pub fn body(&self) -> Value {
        let bodies = self.bodies();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        bodies.into_iter().next().unwrap()
    }

    /// What channels the bot's messages are in, and what they say now.
    pub fn messages(&self) -> Vec<(String, String, Value)> {
        self.state.lock().unwrap().messages.clone()
    }
}

fn webhook(request: &Request, kind: Kind, state: &mut State) -> Response {
    let mut violations = Vec::new();
    let body = json_body(request, &mut violations);
    if request.header("authorization").is_some() {
        violations.push("a webhook has no login".to_owned());
    }
    if !request.query.is_empty() {
        violations.push(format!("a webhook has no query: {}", request.query));
    }
    if let Some(fields) = body.as_object() {
        let known = match kind {
            Kind::Slack => &[
                "text",
                "username",
                "link_names",
                "icon_url",
                "icon_emoji",
                "channel",
                "attachments",
                "blocks",
            ][..],
            Kind::Mattermost => &[
                "text",
                "username",
                "icon_url",
                "icon_emoji",
                "channel",
                "attachments",
            ],
        };
        message(fields, known, &mut violations);
    }
    state.sent.push((request.path.clone(), body.clone()));
    if !violations.is_empty() {
        state.violations.extend(violations);
        return plain(400, "invalid_payload");
    }
    match body["channel"].as_str() {
        Some("#gone") => plain(404, "channel_not_found"),
        Some("#old") => plain(410, "channel_is_archived"),
        Some("#closed") => plain(403, "action_prohibited"),
        _ if is_empty(&body) => plain(400, "no_text"),
        _ => plain(200, "ok"),
    }
}

fn method_of_api(request: &Request, method: &str, state: &mut State) -> Response {
    let mut violations = Vec::new();
    let body = json_body(request, &mut violations);
    let known: &[&str] = if method == "chat.update" {
        &["channel", "ts", "text", "blocks", "attachments", "link_names"]
    } else {
        &[
            "channel",
            "thread_ts",
            "text",
            "blocks",
            "attachments",
            "username",
            "icon_url",
            "icon_emoji",
            "link_names",
        ]
    };
    if let Some(fields) = body.as_object() {
        message(fields, known, &mut violations);
        if fields.values().any(Value::is_null) {
            violations.push("a null for the Web API".to_owned());
        }
    }
    state.sent.push((request.path.clone(), body.clone()));
    state.violations.extend(violations);
    let refuse = |error: &str| Response::json(&json!({ "ok": false, "error": error }));
    match request
        .header("authorization")
        .map(|login| login.strip_prefix("Bearer "))
    {
        None => return refuse("not_authed"),
        Some(token) if token != Some(TOKEN) => return refuse("invalid_auth"),
        Some(_) => {}
    }
    let Some(channel) = body["channel"]
        .as_str()
        .and_then(|channel| channel_id(channel, method))
    else {
        return refuse("channel_not_found");
    };
    if is_empty(&body) {
        return refuse("no_text");
    }
    let find = |messages: &[(String, String, Value)], ts: &Value| {
        messages
            .iter()
            .position(|(at, own, _)| *at == channel && *own == *ts)
    };
    if method == "chat.update" {
        let Some(index) = find(&state.messages, &body["ts"]) else {
            return refuse("message_not_found");
        };
        state.messages[index].2 = body.clone();
        return Response::json(
            &json!({ "ok": true, "channel": channel, "ts": body["ts"], "text": body["text"] }),
        );
    }
    if !body["thread_ts"].is_null() && find(&state.messages, &body["thread_ts"]).is_none() {
        return refuse("thread_not_found");
    }
    let ts = format!("17123456{:02}.000200", state.messages.len());
    state.messages.push((channel.clone(), ts.clone(), body.clone()));
    Response::json(&json!({ "ok": true, "channel": channel, "ts": ts, "message": { "text": body["text"] } }))
}

/// Channels have ids, and `chat.update` knows them by nothing else.
fn channel_id(channel: &str, method: &str) -> Option<String> {
    match channel.strip_prefix('#') {
        None => channel.starts_with('C').then(|| channel.to_owned()),
        Some("gone") => None,
        Some(_) if method == "chat.update" => None,
        Some(name) => Some(format!("C{}", name.to_uppercase())),
    }
}

fn json_body(request: &Request, violations: &mut Vec<String>) -> Value {
    let kind = request.header("content-type").unwrap_or_default();
    if !matches!(kind, "application/json" | "application/json; charset=utf-8") {
        violations.push(format!("the body is labelled {kind:?}"));
    }
    if request.header("user-agent").is_none_or(str::is_empty) {
        violations.push("there is no User-Agent".to_owned());
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if !body.is_object() {
        violations.push("the body is no JSON object".to_owned());
    }
    body
}

fn is_empty(body: &Value) -> bool {
    let is_text = body["text"].as_str().is_some_and(|text| !text.is_empty());
    let has = |key: &str| body[key].as_array().is_some_and(|items| !items.is_empty());
    !(is_text || has("attachments") || has("blocks"))
}

/// Holds a message against the documentation.
fn message(fields: &Map<String, Value>, known: &[&str], violations: &mut Vec<String>) {
    for (key, value) in fields {
        let fits = known.contains(&key.as_str())
            && match key.as_str() {
                "link_names" => value.is_boolean(),
                "attachments" => value.is_null() || all(value, 100, |item| attachment(item, violations)),
                "blocks" => all(value, 50, |block| block["type"].is_string()),
                _ => value.is_null() || value.is_string(),
            };
        if !fits {
            violations.push(format!("{key}: {value}"));
        }
    }
}

/// <https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments>
fn attachment(item: &Value, violations: &mut Vec<String>) -> bool {
    for (key, value) in item.as_object().into_iter().flatten() {
        let fits = match key.as_str() {
            "fallback" | "pretext" | "author_name" | "author_link" | "author_icon" | "title"
            | "title_link" | "text" | "image_url" | "thumb_url" | "footer" | "footer_icon" => {
                value.is_string()
            }
            "color" => value.as_str().is_some_and(|colour| {
                ["good", "warning", "danger"].contains(&colour)
                    || colour.len() == 7
                        && colour.starts_with('#')
                        && colour[1..].bytes().all(|b| b.is_ascii_hexdigit())
            }),
            "ts" => value.is_u64(),
            "mrkdwn_in" => value.is_array(),
            "fields" => all(value, 100, |field| {
                field["title"].is_string() && field["value"].is_string() && field["short"].is_boolean()
            }),
            _ => false,
        };
        if !fits {
            violations.push(format!("attachment: {key}: {value}"));
        }
    }
    item.is_object()
}

fn all(value: &Value, most: usize, mut fits: impl FnMut(&Value) -> bool) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.len() <= most && items.iter().all(&mut fits))
}

fn plain(status: u16, body: &str) -> Response {
    Response::status(status)
        .header("content-type", "text/html")
        .body(body)
}
