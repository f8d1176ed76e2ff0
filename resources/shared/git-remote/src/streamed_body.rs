//! The body of a request that is sent as it is written.

use std::io::{self, Write};

use bytes::Bytes;
use concourse_resource_sdk::http::HttpClient;
use futures_util::stream;
use reqwest::{RequestBuilder, Response};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// What is sent in one piece, with its length in the head, as `git` does: not every server takes a body without one.
const IN_ONE_PIECE: usize = 1 << 20;

/// How much is gathered before it is handed on.
const PIECE: usize = 64 * 1024;

/// Pieces that are under way at most.
const PIECES: usize = 16;

/// Sends what `write` writes.
pub(crate) fn send(
    client: HttpClient,
    request: RequestBuilder,
    runtime: &Handle,
    write: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
) -> Result<Response> {
    let mut out = StreamedBody {
        client,
        request: Some(request),
        runtime,
        gathered: Vec::new(),
        streaming: None,
    };
    let written = write(&mut out);
    out.finish(written)
}

struct StreamedBody<'a> {
    client: HttpClient,
    /// Taken when the body turns out to be large.
    request: Option<RequestBuilder>,
    runtime: &'a Handle,
    gathered: Vec<u8>,
    streaming: Option<Streaming>,
}

struct Streaming {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    sending: JoinHandle<concourse_resource_sdk::Result<Response>>,
}

impl StreamedBody<'_> {
    fn finish(mut self, written: Result<()>) -> Result<Response> {
        let Some(request) = self.request.take() else {
            return self.finish_streaming(written);
        };
        written?;
        // Not an idempotent method: only what failed to connect is tried again.
        Ok(self
            .runtime
            .block_on(self.client.send_retrying(request.body(self.gathered)))?)
    }

    fn finish_streaming(mut self, written: Result<()>) -> Result<Response> {
        let written = written.and_then(|()| self.hand_on().map_err(|error| Error::Broken(error.to_string())));
        let Some(Streaming { pieces, sending }) = self.streaming else {
            return Err(Error::Interrupted);
        };
        if written.is_err() {
            // Without this the server would take what was sent for all of it. A closed channel has the same end.
            let _ = pieces.blocking_send(Err(io::Error::other("the request was given up")));
        }
        drop(pieces);
        let sent = self.runtime.block_on(sending).map_err(|_| Error::Interrupted)?;
        match (sent, written) {
            // A server that answers early, such as with 401 or 413, closes the channel that is written to.
            (Ok(response), Ok(()) | Err(Error::Broken(_))) => Ok(response),
            (Err(error), Ok(()) | Err(Error::Broken(_))) => Err(error.into()),
            (_, Err(error)) => Err(error),
        }
    }

    fn start(&mut self, request: RequestBuilder) -> Streaming {
        let (pieces, receiver) = mpsc::channel(PIECES);
        let body = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let client = self.client.clone();
        let sending = self
            .runtime
            .spawn(async move { client.send_streaming(request, body).await });
        Streaming { pieces, sending }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let Some(streaming) = &self.streaming else {
            return Ok(());
        };
        if self.gathered.is_empty() {
            return Ok(());
        }
        streaming
            .pieces
            .blocking_send(Ok(Bytes::from(std::mem::take(&mut self.gathered))))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the server stopped reading"))
    }
}

impl Write for StreamedBody<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(data);
        if self.gathered.len() > IN_ONE_PIECE
            && let Some(request) = self.request.take()
        {
            self.streaming = Some(self.start(request));
        }
        if self.streaming.is_some() && self.gathered.len() >= PIECE {
            self.hand_on()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()
    }
}
