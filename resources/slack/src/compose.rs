//! From params and files to the message (CONTRACT 4 and 5).

use std::path::Path;
use std::time::UNIX_EPOCH;

use concourse_resource_sdk::{Context, Error, Result};
use serde_json::Value;

use crate::alert::{Alert, Facts};
use crate::block_limits;
use crate::channels::{Channels, channels};
use crate::config::{Json, PutParams, Spelled};
use crate::env_file::{self, without_quotes};
use crate::files;
use crate::message::Message;
use crate::thread::Thread;
use crate::variables::{TEXT_FILE_CONTENT, Variables};

/// CONTRACT 5.3.
const NO_NOTIFICATION: &str = "_(no notification provided)_";

/// What is to be sent.
#[derive(Debug)]
pub(crate) struct Composed {
    /// None where an empty text file suppresses it (CONTRACT 5.2).
    pub(crate) message: Option<Message>,
    pub(crate) channels: Channels,
    pub(crate) thread: Thread,
    pub(crate) text_file: TextFile,
}

/// `text_file`.
#[derive(Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) exists: bool,
    /// With variables put in, without line breaks at its end: `TEXT_FILE_CONTENT`.
    pub(crate) content: String,
}

/// Reads the files that the params name and puts variables in.
pub(crate) fn compose(
    cx: &Context,
    params: &PutParams,
    variables: Variables,
    sources: &Path,
) -> Result<Composed> {
    let mut composer = Composer {
        cx,
        params,
        variables,
        sources,
    };
    composer.read_env_file()?;
    let mut text_file = composer.text_file()?;
    let channel_file = composer.read("channel_file", &params.channel_file)?;
    let channels = channels(params.channel.get(), channel_file.as_deref(), &composer.variables);
    let thread = Thread::of(params, &composer.variables, sources)?;
    // CONTRACT 5.2, K: whatever else there is to send.
    let message = if text_file.exists && text_file.content.is_empty() && !params.always_notify.0 {
        cx.log().line("the text file is empty: there is nothing to send");
        None
    } else {
        Some(composer.message(&mut text_file, &thread)?)
    };
    Ok(Composed {
        message,
        channels,
        thread,
        text_file,
    })
}

struct Composer<'a> {
    cx: &'a Context,
    params: &'a PutParams,
    variables: Variables,
    sources: &'a Path,
}

impl Composer<'_> {
    /// The text of a file, if it is there; one that is not there is mentioned.
    fn read(&self, field: &str, file: &Spelled) -> Result<Option<String>> {
        let text = files::read(self.sources, field, file.get())?;
        if let (None, Some(file)) = (&text, file.non_empty()) {
            self.cx.log().warn(format!(
                "params.{field}: there is no file \"{file}\"; going on without it"
            ));
        }
        Ok(text)
    }

    fn read_env_file(&mut self) -> Result<()> {
        let text = self.read("env_file", &self.params.env_file)?;
        for line in env_file::read(&text.unwrap_or_default(), &mut self.variables) {
            self.cx.log().warn(format!(
                "params.env_file: line {line} is not NAME=value; going on without it"
            ));
        }
        Ok(())
    }

    fn text_file(&mut self) -> Result<TextFile> {
        let text = self.read("text_file", &self.params.text_file)?;
        let text_file = TextFile {
            path: self.params.text_file.get().unwrap_or_default().to_owned(),
            exists: text.is_some(),
            content: without_trailing_newlines(self.variables.expand(&text.unwrap_or_default())),
        };
        self.variables.set(TEXT_FILE_CONTENT, text_file.content.as_str());
        Ok(text_file)
    }

    fn message(&mut self, text_file: &mut TextFile, thread: &Thread) -> Result<Message> {
        let (cx, params) = (self.cx, self.params);
        let alert = alert(cx, params)?;
        let mut attachments = self.list("attachments", &params.attachments, &params.attachments_file)?;
        let blocks = self.list("blocks", &params.blocks, &params.blocks_file)?;
        check_limits(params, blocks.as_deref())?;
        if attachments.is_none() && blocks.is_none() && alert.is_none() && text_file.content.is_empty() {
            NO_NOTIFICATION.clone_into(&mut text_file.content);
            self.variables.set(TEXT_FILE_CONTENT, NO_NOTIFICATION);
        }
        let template = params.text.get().unwrap_or("${TEXT_FILE_CONTENT}");
        let text = without_trailing_newlines(self.variables.expand(template));
        let mut text = Some(text).filter(|text| !text.is_empty());
        if let Some(alert) = alert {
            let extra = text.take();
            let facts = Facts {
                text: extra.as_deref(),
                took: thread.age(cx.now()),
                now: cx.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            };
            let attachment = alert.attachment(cx.build(), facts);
            attachments.get_or_insert_default().insert(0, attachment);
        }
        Ok(Message {
            // CONTRACT 5.4: with exactly one line break at its end.
            text: text.map(|text| text + "\n"),
            username: self.sender(&params.username),
            icon_url: self.sender(&params.icon_url),
            icon_emoji: self.sender(&params.icon_emoji),
            link_names: params.link_names.0,
            attachments: attachments.map(Value::Array),
            blocks: blocks.map(Value::Array),
        })
    }

    /// CONTRACT F8: as it is, but for the quotes that worked around the reference.
    fn sender(&self, field: &Spelled) -> Option<String> {
        let value = self.variables.expand(without_quotes(field.get()?));
        Some(value).filter(|value| !value.is_empty())
    }

    /// A list as JSON, from params or from a file that is not empty, with variables.
    fn list(&self, field: &str, value: &Json, file: &Spelled) -> Result<Option<Vec<Value>>> {
        let (path, template) = match value.text() {
            Some(text) => (format!("params.{field}"), text.to_owned()),
            None => match self.read(&format!("{field}_file"), file)? {
                Some(text) if !text.is_empty() => (format!("params.{field}_file"), text),
                _ => return Ok(None),
            },
        };
        let wrong = |message: String| Error::config(path.as_str(), message);
        match serde_json::from_str(&self.variables.expand_json(&template)) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::Array(items)) => match items.iter().position(|item| !item.is_object()) {
                Some(index) => Err(wrong(format!("item {index} is not an object"))),
                None => Ok(Some(items)),
            },
            Ok(other) => Err(wrong(format!("expected a list, found {}", kind(&other)))),
            // With its place, but without the text, which may hold the value of a variable.
            Err(error) => Err(wrong(format!(
                "is not valid JSON after variables were put in: {error}"
            ))),
        }
    }
}

/// The ready-made message that is asked for, or that the build's status suggests where nothing says what to send.
fn alert(cx: &Context, params: &PutParams) -> Result<Option<Alert>> {
    let of_build = cx.build().status.map(Alert::of);
    match params.alert.non_empty() {
        Some(Alert::AUTO) if of_build.is_none() => {
            let names = Alert::ALL.map(Alert::name).join(", ");
            Err(Error::config(
                "params.alert",
                "\"auto\" needs the variable BUILD_STATUS, which is not set",
            )
            .hint(format!(
                "Concourse sets it for hooks, from 8.2 on; elsewhere, give params.alert as one of {names}"
            )))
        }
        Some(Alert::AUTO) => Ok(of_build),
        Some(name) => Ok(Alert::named(name)),
        None if params.says_nothing() && of_build.is_none() => {
            cx.log().warn(
                "nothing says what to send: neither params (such as text or alert) nor the variable BUILD_STATUS",
            );
            Ok(None)
        }
        None => Ok(of_build.filter(|_| params.says_nothing())),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn check_limits(params: &PutParams, blocks: Option<&[Value]>) -> Result<()> {
    let field = if params.blocks.text().is_some() {
        "blocks"
    } else {
        "blocks_file"
    };
    let problems = block_limits::problems(blocks.unwrap_or_default(), &format!("params.{field}"));
    Error::all(problems).map_or(Ok(()), Err)
}

fn without_trailing_newlines(mut text: String) -> String {
    text.truncate(text.trim_end_matches('\n').len());
    text
}
