//! Bodies that are sent as they are made.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use reqwest::{Body, Client, Request, Response, ResponseBuilderExt as _};
use tokio::time::Instant;

/// How many idle times the answer to a whole body may take: buffers empty slowly, and what was sent is worked on.
const ANSWER: u32 = 5;

/// Why there is no response.
pub(super) enum Stopped {
    Failed(reqwest::Error),
    /// The server did nothing for too long.
    Idle,
}

/// Sends `request` with `body` once; the server may be idle for so long at most.
pub(super) async fn send<S>(
    client: &Client,
    mut request: Request,
    body: S,
    idle: Duration,
) -> Result<Response, Stopped>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let pulse = Arc::new(Pulse::new());
    let watched = Watched {
        body: Box::pin(body),
        pulse: Arc::clone(&pulse),
    };
    *request.body_mut() = Some(Body::wrap_stream(watched));
    let sending = client.execute(request);
    tokio::pin!(sending);
    loop {
        let left = pulse.left(idle);
        if left.is_zero() {
            return Err(Stopped::Idle);
        }
        tokio::select! {
            sent = &mut sending => return sent.map(|response| guarded(response, idle)).map_err(Stopped::Failed),
            () = tokio::time::sleep(left) => {}
        }
    }
}

/// When the server last took something.
struct Pulse(Mutex<(Instant, Awaited)>);

/// Who is to act.
#[derive(Clone, Copy)]
enum Awaited {
    /// The body is to be made.
    Body,
    /// The server is to take more.
    Taking,
    /// The server has it all, but for what is still in buffers along the way, and is to answer.
    Answer,
}

impl Pulse {
    fn new() -> Self {
        Self(Mutex::new((Instant::now(), Awaited::Taking)))
    }

    fn beat(&self, awaited: Awaited) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), awaited);
    }

    /// How long the server may go on doing nothing.
    fn left(&self, idle: Duration) -> Duration {
        let (last, awaited) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match awaited {
            Awaited::Body => idle,
            Awaited::Taking => idle.saturating_sub(last.elapsed()),
            Awaited::Answer => idle.saturating_mul(ANSWER).saturating_sub(last.elapsed()),
        }
    }
}

/// A body that notes when it is asked for more.
struct Watched<S> {
    body: Pin<Box<S>>,
    pulse: Arc<Pulse>,
}

impl<S: Stream<Item = io::Result<Bytes>>> Stream for Watched<S> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.body.as_mut().poll_next(cx);
        self.pulse.beat(match next {
            Poll::Pending => Awaited::Body,
            Poll::Ready(Some(_)) => Awaited::Taking,
            Poll::Ready(None) => Awaited::Answer,
        });
        next
    }
}

/// The response, whose body fails when nothing of it arrives for too long.
fn guarded(response: Response, idle: Duration) -> Response {
    let url = response.url().clone();
    let (mut parts, body) = http::Response::<Body>::from(response).into_parts();
    // The one way to tell the new response its address.
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(with_url.into_parts().0.extensions);
    }
    let pieces = Response::from(http::Response::new(body)).bytes_stream().boxed();
    let body = stream::unfold(Some(pieces), move |pieces| async move {
        let mut pieces = pieces?;
        match tokio::time::timeout(idle, pieces.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error.without_url())), None)),
            Err(_) => Some((
                Err(io::Error::new(io::ErrorKind::TimedOut, "no data for too long")),
                None,
            )),
        }
    });
    // Whoever reads it may ask again after its end.
    http::Response::from_parts(parts, Body::wrap_stream(body.fuse())).into()
}
