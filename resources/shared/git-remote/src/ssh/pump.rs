//! What the remote command says: its output for the protocol, its errors for people.

use std::sync::{Arc, Mutex, PoisonError};

use concourse_resource_sdk::console::Console;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::runtime::Handle;

use crate::byte_channel::{self, ByteReader};

/// The number of the error stream (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// How much of the remote's errors is kept.
const MOST_ERRORS: usize = 16 * 1024;

/// What is known at the end.
#[derive(Default)]
struct End {
    errors: String,
    status: Option<u32>,
    refused: bool,
}

type LastWords = Box<dyn FnMut() -> Option<String> + Send>;

/// Reads a channel until its end. Errors go to the log as they come.
pub(super) fn start(runtime: &Handle, mut channel: ChannelReadHalf, log: Console) -> (ByteReader, LastWords) {
    let (sender, pieces) = byte_channel::channel();
    let end: Arc<Mutex<End>> = Arc::default();
    let shared = Arc::clone(&end);
    runtime.spawn(async move {
        let mut lines = log.writer();
        while let Some(message) = channel.wait().await {
            match message {
                // When nobody reads any more, the rest is dropped.
                ChannelMsg::Data { data } => drop(sender.send(Ok(data)).await),
                ChannelMsg::ExtendedData { data, ext: STDERR } => {
                    let text = String::from_utf8_lossy(&data);
                    // A log that nobody reads is no failure.
                    let _ = std::io::Write::write_all(&mut lines, text.as_bytes());
                    let mut end = lock(&shared);
                    if end.errors.len() < MOST_ERRORS {
                        end.errors.push_str(&text);
                    }
                }
                ChannelMsg::ExitStatus { exit_status } => lock(&shared).status = Some(exit_status),
                ChannelMsg::Failure => {
                    lock(&shared).refused = true;
                    return;
                }
                _ => {}
            }
        }
    });
    let last_words = Box::new(move || words(&lock(&end)));
    (pieces, last_words)
}

fn words(end: &End) -> Option<String> {
    let errors = end.errors.trim();
    if !errors.is_empty() {
        return Some(
            errors
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
        );
    }
    if end.refused {
        return Some("it does not run commands".to_owned());
    }
    end.status
        .filter(|status| *status != 0)
        .map(|status| format!("the command ended with status {status}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
