//! Servers that fall silent, and bodies that take their time.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;

use super::{failure, options};
use crate::http::HttpClient;
use crate::testing::{Direction, Fault, FaultProxy, Request, Response, Server};

const IDLE: Duration = Duration::from_millis(300);

fn impatient() -> HttpClient {
    options().idle_timeout(IDLE).build().unwrap()
}

/// So many pieces, each after `pause`.
fn pieces(
    count: usize,
    size: usize,
    pause: Duration,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(0, move |made| async move {
        if made == count {
            return None;
        }
        tokio::time::sleep(pause).await;
        Some((Ok(Bytes::from(vec![b'x'; size])), made + 1))
    })
}

fn length(request: &Request) -> Response {
    Response::text(request.body.len().to_string())
}

#[tokio::test]
async fn an_answer_that_does_not_begin_is_given_up() {
    let server = Server::start();
    server.on("GET", "/", Response::text("late").delay(IDLE * 20));
    let started = Instant::now();
    let (text, hint) = failure(&impatient(), &server.url("/")).await;
    assert_eq!(
        text,
        format!("failed to reach {}: no data for too long", server.url(""))
    );
    assert_eq!(hint, "the server or the network hangs; try again later");
    assert!(started.elapsed() < IDLE * 10);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_but_a_slow_one_is_not() {
    let server = Server::start();
    server.on("GET", "/stops", Response::text("12345678").stall_after(4));
    server.on("GET", "/slow", Response::text("x".repeat(2000)));
    let client = impatient();
    let response = client
        .send_retrying(client.client().get(server.url("/stops")))
        .await
        .unwrap();
    let error = response.text().await.unwrap_err();
    let text = client.explain(&error).to_string();
    let expected = format!(
        "failed to read the answer of {}: no data for too long",
        server.url("")
    );
    assert_eq!(text.lines().next().unwrap(), expected);

    let proxy = FaultProxy::start(server.address());
    proxy.set(Fault::Slow(2000));
    let started = Instant::now();
    let request = client.client().get(format!("http://{}/slow", proxy.address()));
    let response = client.send_retrying(request).await.unwrap();
    assert_eq!(response.text().await.unwrap().len(), 2000);
    assert!(started.elapsed() > IDLE * 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_body_that_is_cut_is_an_error() {
    let server = Server::start();
    server.on("GET", "/cut", Response::text("12345678").cut_after(4));
    server.on("GET", "/lies", Response::text("1234").declared_length(8));
    let client = impatient();
    for path in ["/cut", "/lies"] {
        let response = client
            .send_retrying(client.client().get(server.url(path)))
            .await
            .unwrap();
        let text = client.explain(&response.text().await.unwrap_err()).to_string();
        let expected = format!(
            "failed to read the answer of {}: the connection broke off",
            server.url("")
        );
        assert_eq!(text.lines().next().unwrap(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_streamed_body_may_take_longer_than_the_timeout() {
    let server = Server::start();
    server.on_fn("PUT", "/", length);
    let client = impatient();
    let slowly_made = pieces(3, 1000, IDLE * 2);
    let response = client
        .send_streaming(client.client().put(server.url("/")), slowly_made)
        .await
        .unwrap();
    assert_eq!(response.url().as_str(), server.url("/"));
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.text().await.unwrap(), "3000");

    let proxy = FaultProxy::start(server.address());
    proxy.set(Fault::Slow(800_000));
    let request = client
        .client()
        .put(format!("http://{}/", proxy.address()))
        .header("Content-Length", 800_000);
    let slowly_taken = pieces(800, 1000, Duration::ZERO);
    let response = client.send_streaming(request, slowly_taken).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "800000");
    assert_eq!(server.requests()[1].header("content-length"), Some("800000"));
}

#[tokio::test]
async fn a_server_that_takes_no_more_is_given_up() {
    let server = Server::start();
    let proxy = FaultProxy::start(server.address());
    proxy.set(Fault::StallAfter(Direction::ToServer, 10_000));
    let client = impatient();
    let request = client.client().put(format!("http://{}/", proxy.address()));
    let started = Instant::now();
    let error = client
        .send_streaming(request, pieces(100_000, 10_000, Duration::ZERO))
        .await
        .unwrap_err();
    let expected = format!(
        "failed to send to http://{}: no data for too long",
        proxy.address()
    );
    assert_eq!(error.to_string().lines().next().unwrap(), expected);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_answer_to_a_streamed_body_must_come_in_time_and_whole() {
    let server = Server::start();
    server.on("PUT", "/late", Response::text("late").delay(IDLE * 20));
    server.on("PUT", "/stops", Response::text("12345678").stall_after(4));
    let client = impatient();
    let put = |path: &str| client.client().put(server.url(path));
    let error = client
        .send_streaming(put("/late"), pieces(1, 10, Duration::ZERO))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no data for too long"), "{error}");
    let response = client
        .send_streaming(put("/stops"), pieces(1, 10, Duration::ZERO))
        .await
        .unwrap();
    let error = client.explain(&response.text().await.unwrap_err());
    assert!(error.to_string().contains("no data for too long"), "{error}");
}

#[tokio::test]
async fn a_body_that_fails_is_never_taken_for_a_whole_one() {
    let server = Server::start();
    server.on_fn("PUT", "/", length);
    let broken = stream::iter([
        Ok(Bytes::from_static(b"some")),
        Err(io::Error::other("the disk failed")),
    ]);
    let client = impatient();
    let error = client
        .send_streaming(client.client().put(server.url("/")), broken)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the disk failed"), "{error}");
    assert_eq!(server.count(), 0);
}
