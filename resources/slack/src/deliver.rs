//! Sending the message to each channel, and saying what became of it.

use concourse_resource_sdk::console::Console;
use concourse_resource_sdk::http::{Reply, origin};
use concourse_resource_sdk::{Error, Result, Secret};
use serde_json::Value;

use crate::compose::Composed;
use crate::destination::Destination;
use crate::explain::explain;
use crate::message::{Message, Relation};
use crate::sender::Sender;
use crate::thread::Thread;

/// A message that a bot sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The id of its channel.
    pub(crate) channel: String,
    /// Its timestamp.
    pub(crate) ts: String,
}

/// One request to be made: to which channel, with which body.
#[derive(Debug)]
pub(crate) struct Request {
    /// For messages.
    channel: String,
    pub(crate) body: Value,
    method: &'static str,
}

/// The requests for all channels.
///
/// # Errors
/// What a bot cannot do without.
pub(crate) fn requests(destination: &Destination, composed: &Composed) -> Result<Vec<Request>> {
    let Some(message) = &composed.message else {
        return Ok(Vec::new());
    };
    match destination {
        Destination::Webhook { .. } => Ok(composed
            .channels
            .iter()
            .map(|channel| for_webhook(message, channel.as_deref()))
            .collect()),
        Destination::Bot { .. } => bot_channels(composed)?
            .into_iter()
            .map(|channel| Ok(for_bot(message, channel, composed.thread.relation())))
            .collect(),
    }
}

fn for_webhook(message: &Message, channel: Option<&str>) -> Request {
    Request {
        channel: channel.unwrap_or("the webhook's own channel").to_owned(),
        body: message.for_webhook(channel, false),
        method: "",
    }
}

fn for_bot(message: &Message, channel: &str, relation: Relation<'_>) -> Request {
    Request {
        channel: channel.to_owned(),
        body: message.for_bot(channel, relation),
        method: match relation {
            Relation::New | Relation::Reply(_) => "chat.postMessage",
            Relation::Update(_) => "chat.update",
        },
    }
}

fn bot_channels(composed: &Composed) -> Result<Vec<&str>> {
    let named: Vec<_> = composed.channels.iter().map(Option::as_deref).collect();
    if let (&[None], Some(channel)) = (&named[..], composed.thread.channel()) {
        return Ok(vec![channel]);
    }
    if let (Thread::Update(_), Some(channel)) = (&composed.thread, composed.thread.channel()) {
        let text = format!("cannot be used together with params.update_from, whose message is in {channel}");
        return Err(Error::config("params.channel", text));
    }
    if !matches!(composed.thread, Thread::None) && named.len() > 1 {
        let text = "expected one channel: the message to follow is in one";
        return Err(Error::config("params.channel", text));
    }
    named
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| Error::config("params.channel", "is required with source.token"))
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    Normal,
    /// Errors and Slack's answers.
    Silent,
}

/// What became of all messages.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// The last message that a bot sent.
    pub(crate) last: Option<Sent>,
    /// The channels whose message was not sent.
    pub(crate) failed: Vec<String>,
}

/// Makes the requests in their order; after a failure (CONTRACT 6) the others are made all the same.
pub(crate) async fn deliver(
    log: &Console,
    sender: &Sender,
    destination: &Destination,
    requests: &[Request],
    verbosity: Verbosity,
) -> Result<Delivered> {
    let mut delivered = Delivered::default();
    for request in requests {
        match one(sender, destination, request).await? {
            Ok(outcome) => {
                match verbosity {
                    Verbosity::Normal => log.line(format!("sent to {}: {}", request.channel, outcome.answer)),
                    Verbosity::Silent => log.line(&outcome.answer),
                }
                delivered.last = outcome.sent.or(delivered.last);
            }
            Err(error) => {
                log.warn(format!("not sent to {}: {error}", request.channel));
                delivered.failed.push(request.channel.clone());
            }
        }
    }
    Ok(delivered)
}

/// A message that was sent.
struct Success {
    /// What the server said.
    answer: String,
    sent: Option<Sent>,
}

/// The outer error is that no request can be made at all.
async fn one(sender: &Sender, destination: &Destination, request: &Request) -> Result<Result<Success>> {
    let (url, token): (_, Option<&Secret>) = match destination {
        Destination::Webhook { url, .. } => (url.clone(), None),
        Destination::Bot { api, token } => (Destination::method(api, request.method)?, Some(token)),
    };
    let reply = match sender.post(&url, token, &request.body).await {
        Ok(reply) => reply,
        Err(silence) if silence.may_have_arrived => {
            let hint = "the message may have arrived: it is not sent again, so that nobody gets it twice";
            return Ok(Err(silence.error.hint(hint)));
        }
        Err(silence) => return Ok(Err(silence.error)),
    };
    Ok(match destination {
        Destination::Webhook { .. } => by_webhook(&reply, &origin(&url)),
        Destination::Bot { .. } => by_bot(&reply, &origin(&url)),
    })
}

/// CONTRACT 6: any status from 400 on is a failure; the body does not matter otherwise.
fn by_webhook(reply: &Reply, origin: &str) -> Result<Success> {
    if reply.status.is_success() {
        return Ok(Success {
            answer: short(&reply.body, reply.status.as_str()),
            sent: None,
        });
    }
    Err(refused(reply, origin, reply.body.trim(), None))
}

/// The Web API answers `{"ok": true, "channel": "C…", "ts": "…"}`, or `{"ok": false, "error": "…"}` with status 200.
fn by_bot(reply: &Reply, origin: &str) -> Result<Success> {
    let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |key: &str| answer[key].as_str();
    match (answer["ok"].as_bool(), text("channel"), text("ts")) {
        (Some(true), Some(channel), Some(ts)) => Ok(Success {
            answer: format!("ok, message {ts} in {channel}"),
            sent: Some(Sent {
                channel: channel.to_owned(),
                ts: ts.to_owned(),
            }),
        }),
        (Some(false), ..) => Err(refused(
            reply,
            origin,
            text("error").unwrap_or_default(),
            text("needed"),
        )),
        _ if reply.status.is_success() => {
            let text = format!(
                "{origin} does not answer as Slack's Web API does: {}",
                short(&reply.body, "nothing")
            );
            Err(Error::remote(text).hint("the message may have arrived; is source.api_url right?"))
        }
        _ => Err(refused(reply, origin, "", None)),
    }
}

/// A refusal in words. `code` is what Slack calls it.
fn refused(reply: &Reply, origin: &str, code: &str, needed: Option<&str>) -> Error {
    let said = if code.is_empty() {
        String::new()
    } else {
        format!(": {}", short(code, ""))
    };
    let limited = reply.status == reqwest::StatusCode::TOO_MANY_REQUESTS;
    let explained = explain(code).or_else(|| if limited { explain("ratelimited") } else { None });
    let Some((meaning, hint)) = explained else {
        return Error::remote(format!("{origin} answers {}{said}", reply.status));
    };
    let needed = needed.map(|scope| format!(" ({scope})")).unwrap_or_default();
    let after = reply
        .headers
        .get(reqwest::header::RETRY_AFTER)
        .filter(|_| limited)
        .and_then(|seconds| seconds.to_str().ok())
        .map(|seconds| format!("; it wants to be left alone for {seconds} s, which is too long to wait"))
        .unwrap_or_default();
    Error::remote(format!(
        "{origin} answers {}{said}: {meaning}{needed}{after}",
        reply.status
    ))
    .hint(hint)
}

/// The first line of a server's answer, as much as a log needs.
fn short(body: &str, if_empty: &str) -> String {
    let line = body.trim().lines().next().unwrap_or_default();
    if line.is_empty() {
        return if_empty.to_owned();
    }
    let mut text: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}
