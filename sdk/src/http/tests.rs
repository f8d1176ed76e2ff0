//! The client against servers that behave well and badly.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests fail as tests do"
)]

mod proxies;
mod repeating;
mod requests;
mod silence;
mod trust;

use std::time::Duration;

use super::{HttpClient, HttpOptions, ProxyRules, Redirects, Retries};
use crate::testing::{Response, Server};

/// Options that the environment of the tests has no say in, and that wait for nothing.
fn options() -> HttpOptions {
    let quick = Retries::default().waits(Duration::from_millis(1), Duration::from_millis(4));
    HttpOptions::new("concourse-test-resource/1.2.3")
        .proxies(ProxyRules::none())
        .retries(quick)
}

fn client() -> HttpClient {
    options().build().unwrap()
}

/// The text and the hint of why a GET fails.
async fn failure(client: &HttpClient, url: &str) -> (String, String) {
    let error = client
        .send_retrying(client.client().get(url))
        .await
        .expect_err("the request succeeded");
    assert_eq!(error.kind(), crate::ErrorKind::Remote, "{error}");
    (
        error.text().to_owned(),
        error.hint_text().unwrap_or_default().to_owned(),
    )
}

/// An address on which nothing listens, and no other test will.
fn nowhere() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 1).into()
}

#[tokio::test]
async fn a_request_names_the_resource_and_no_referer() {
    let server = Server::start();
    server
        .on("GET", "/from", Response::redirect("/to"))
        .on("GET", "/to", Response::text("there"));
    let client = client();
    let response = client
        .send_retrying(client.client().get(server.url("/from")))
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "there");
    let request = &server.requests()[1];
    assert_eq!(
        request.header("user-agent"),
        Some("concourse-test-resource/1.2.3")
    );
    assert_eq!(request.header("referer"), None);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let (here, there) = (Server::start(), Server::start());
    here.on("GET", "/within", Response::redirect("/end"))
        .on("GET", "/end", Response::text(""));
    here.on("GET", "/away", Response::redirect(there.url("/end")));
    there.on("GET", "/end", Response::text(""));
    let client = client();
    for path in ["/within", "/away"] {
        let request = client
            .client()
            .get(here.url(path))
            .basic_auth("user", Some("password"))
            .header("Cookie", "a=b");
        client.send_retrying(request).await.unwrap();
    }
    assert_eq!(
        here.requests()[1].basic_auth(),
        Some(("user".to_owned(), "password".to_owned()))
    );
    let away = &there.requests()[0];
    assert_eq!(
        (away.header("authorization"), away.header("cookie")),
        (None, None)
    );
}

#[tokio::test]
async fn redirects_go_as_far_as_they_may() {
    let (here, there) = (Server::start(), Server::start());
    here.on("GET", "/loop", Response::redirect("/loop"));
    here.on(
        "GET",
        "/away",
        Response::redirect(there.url("/secret/path?token=hunter22")),
    );
    there.fallback(|_| Response::text("there"));

    let (text, _) = failure(&client(), &here.url("/loop")).await;
    assert_eq!(
        text,
        format!("failed to reach {}: too many redirects", here.url(""))
    );
    assert_eq!(here.count(), 11);

    let bound = options().redirects(Redirects::SameOrigin(5)).build().unwrap();
    let (text, _) = failure(&bound, &here.url("/away")).await;
    let why = format!("a redirect leads to another server, {}", there.url(""));
    assert_eq!(text, format!("failed to reach {}: {why}", here.url("")));
    assert_eq!(there.count(), 0);

    let still = options().redirects(Redirects::None).build().unwrap();
    let response = still
        .send_retrying(still.client().get(here.url("/away")))
        .await
        .unwrap();
    assert_eq!(response.status(), 302);
}

#[tokio::test]
async fn failures_are_in_words_without_secrets() {
    let nowhere = nowhere();
    let once = options().retries(Retries::none()).build().unwrap();
    let (text, hint) = failure(
        &once,
        &format!("http://user:hunter22@{nowhere}/hunter23?token=hunter24"),
    )
    .await;
    assert_eq!(
        text,
        format!("failed to reach http://{nowhere}: connection refused")
    );
    assert_eq!(hint, "check host and port; does the worker need a proxy?");

    let (text, _) = failure(&once, "http://no-such-host.invalid/").await;
    let reasons = ["unknown host", "the name could not be looked up"];
    let expected = reasons.map(|why| format!("failed to reach http://no-such-host.invalid: {why}"));
    assert!(expected.contains(&text), "{text}");

    let error = once.client().get("http://").build().unwrap_err();
    assert!(
        once.error(&error)
            .to_string()
            .contains("the address or a header cannot be used"),
        "{error}"
    );
}

#[tokio::test]
async fn what_does_not_speak_http_is_called_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap();
    });
    let (text, _) = failure(&client(), &format!("http://{address}/")).await;
    assert_eq!(
        text,
        format!("failed to reach http://{address}: the port does not speak HTTP")
    );
    served.join().unwrap();
}
