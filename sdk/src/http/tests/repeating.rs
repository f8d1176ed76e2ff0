//! Requests that are sent again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{client, failure, nowhere, options};
use crate::http::Retries;
use crate::testing::{Fault, FaultProxy, Response, Server};

#[tokio::test]
async fn what_may_be_better_in_a_moment_is_asked_again() {
    let server = Server::start();
    let bad = [429, 502, 503, 504].map(Response::status);
    let client = options()
        .retries(
            Retries::default()
                .attempts(5)
                .waits(Duration::ZERO, Duration::ZERO),
        )
        .build()
        .unwrap();
    server.on_each("*", "/", bad.into_iter().chain([Response::text("better")]));
    let response = client
        .send_retrying(client.client().get(server.url("/")))
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "better");
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn the_last_bad_answer_is_given_back() {
    let server = Server::start();
    server.on("*", "/", Response::status(503).body("down for repair"));
    let client = client();
    let response = client
        .send_retrying(client.client().get(server.url("/")))
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "down for repair");
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn other_statuses_are_answers() {
    let server = Server::start();
    server.on("*", "/", Response::status(500));
    let client = client();
    assert_eq!(
        client
            .send_retrying(client.client().get(server.url("/")))
            .await
            .unwrap()
            .status(),
        500
    );
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_post_that_may_have_acted_is_not_repeated_unless_the_caller_vouches_for_it() {
    let server = Server::start();
    server
        .on("*", "/busy", Response::status(503))
        .on("*", "/gone", Response::nothing());
    server.on_each("*", "/limited", [Response::status(429), Response::status(200)]);
    let client = client();
    let post = |path: &str| client.client().post(server.url(path)).body("x");
    assert_eq!(client.send_retrying(post("/busy")).await.unwrap().status(), 503);
    assert_eq!(server.count_of("POST", "/busy"), 1);
    client.send_retrying(post("/gone")).await.unwrap_err();
    assert_eq!(server.count_of("POST", "/gone"), 1);
    assert_eq!(
        client.send_retrying(post("/limited")).await.unwrap().status(),
        200
    );
    assert_eq!(client.send_repeatable(post("/busy")).await.unwrap().status(), 503);
    assert_eq!(server.count_of("POST", "/busy"), 5);
}

#[tokio::test]
async fn a_body_that_is_a_stream_is_sent_once() {
    let server = Server::start();
    server.on("*", "/", Response::status(503));
    let client = client();
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("piece")]);
    let request = client
        .client()
        .put(server.url("/"))
        .body(reqwest::Body::wrap_stream(stream));
    assert_eq!(client.send_retrying(request).await.unwrap().status(), 503);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let server = Server::start();
    server.on_each("GET", "/", [Response::nothing(), Response::text("better")]);
    let client = client();
    let response = client
        .send_retrying(client.client().get(server.url("/")))
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "better");

    let proxy = FaultProxy::start(server.address());
    proxy.set(Fault::ResetAfter(crate::testing::Direction::ToServer, 10));
    let (text, _) = failure(&client, &format!("http://{}/", proxy.address())).await;
    assert_eq!(
        text,
        format!(
            "failed to reach http://{}: the connection broke off",
            proxy.address()
        )
    );
    assert_eq!(proxy.connections(), 4);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found() {
    let server = Server::start();
    server.on("GET", "/", Response::text("back"));
    let proxy = Arc::new(FaultProxy::start(server.address()));
    proxy.set(Fault::Refuse);
    let back = Arc::clone(&proxy);
    let notices = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&notices);
    let retries = Retries::default()
        .waits(Duration::from_millis(10), Duration::from_millis(10))
        .notice(move |text| {
            noted.lock().unwrap().push(text.to_owned());
            back.set(Fault::Pass);
        });
    let client = options().retries(retries).build().unwrap();
    let url = format!("http://{}/", proxy.address());
    let response = client.send_retrying(client.client().get(url)).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "back");
    let expected = format!(
        "failed to reach http://{}: connection refused; trying again in 0.0 s",
        proxy.address()
    );
    assert_eq!(*notices.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn a_refused_connection_is_tried_so_often_only() {
    let started = Instant::now();
    let (text, _) = failure(&client(), &format!("http://{}/", nowhere())).await;
    assert!(text.ends_with("connection refused"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn retry_after_is_obeyed_within_the_bound() {
    let server = Server::start();
    server.on_each(
        "GET",
        "/",
        [
            Response::status(429).header("Retry-After", "1"),
            Response::status(200),
        ],
    );
    server.on(
        "GET",
        "/tomorrow",
        Response::status(429).header("Retry-After", "86400"),
    );
    let client = client();
    let started = Instant::now();
    assert_eq!(
        client
            .send_retrying(client.client().get(server.url("/")))
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    let started = Instant::now();
    assert_eq!(
        client
            .send_retrying(client.client().get(server.url("/tomorrow")))
            .await
            .unwrap()
            .status(),
        429
    );
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(server.count_of("GET", "/tomorrow"), 1);
}

#[tokio::test]
async fn dropping_the_future_ends_the_waiting() {
    let server = Server::start();
    server.on("GET", "/", Response::status(503).header("Retry-After", "30"));
    let client = client();
    let request = client.send_retrying(client.client().get(server.url("/")));
    assert!(
        tokio::time::timeout(Duration::from_millis(300), request)
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.count(), 1);
}
