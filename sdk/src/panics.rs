//! A panic is a defect of the resource, and is told as one: redacted, without a backtrace, with an empty stdout.

use std::panic::{Location, PanicHookInfo};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// What the first panic said, wherever it happened: one in a blocking task comes back as another one.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what a panic says instead of printing it.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| described(info));
    }));
}

/// The failure to report for the panic that was caught.
pub(crate) fn as_error(resource: &str) -> Error {
    let text = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
    Error::internal(format!(
        "the {resource} resource failed unexpectedly: this is a defect in it"
    ))
    .cause(text.unwrap_or_else(|| "a panic without a message".to_owned()))
}

fn described(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    match info.location() {
        Some(location) => format!("{message} ({})", place(location)),
        None => message.to_owned(),
    }
}

/// The last parts of the path: where the source was when it was compiled is nobody's business.
fn place(location: &Location<'_>) -> String {
    let parts: Vec<_> = Path::new(location.file())
        .iter()
        .map(|part| part.to_string_lossy())
        .collect();
    format!(
        "{}:{}",
        parts[parts.len().saturating_sub(3)..].join("/"),
        location.line()
    )
}
