//! Requests and responses as a resource writes them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{client, options};
use crate::Secret;
use crate::http::Retries;
use crate::testing::{Response, Server};

#[tokio::test]
async fn a_request_is_one_line() {
    let server = Server::start();
    server.on("POST", "/things", Response::json(&json!({ "id": 7 })));
    let http = client();
    let answer: Value = http
        .post(server.url("/things?a=1"))
        .query(&[("b", "x y&z")])
        .bearer(&Secret::new(" token\n"))
        .header("X-Thing", "yes")
        .json(&json!({ "name": "n" }))
        .send()
        .await
        .unwrap()
        .success()
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer, json!({ "id": 7 }));
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer token"));
    assert_eq!(request.header("x-thing"), Some("yes"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.json(), json!({ "name": "n" }));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(request.query_pairs(), [pair("a", "1"), pair("b", "x y&z")]);
}

/// It was called "failed to reach".
#[tokio::test]
async fn a_status_says_what_was_asked_for_and_what_came_back() {
    let server = Server::start();
    let long = "x".repeat(300);
    for (path, response, expected) in [
        ("/a", Response::status(403), "403 Forbidden".to_owned()),
        (
            "/b",
            Response::text("\n  no entry \u{7}here\nmore").with_status(403),
            "403 Forbidden: no entry  here".to_owned(),
        ),
        (
            "/c",
            Response::text("<html><body>Forbidden").with_status(502),
            "502 Bad Gateway".to_owned(),
        ),
        (
            "/d",
            Response::text(long.clone()).with_status(404),
            format!("404 Not Found: {}…", &long[..200]),
        ),
        (
            "/e",
            Response::status(500).body(vec![0xff, 0xfe]),
            "500 Internal Server Error".to_owned(),
        ),
        ("/f", Response::status(301), "301 Moved Permanently".to_owned()),
    ] {
        server.on("*", path, response);
        let http = options().retries(Retries::none()).build().unwrap();
        let url = server.url(&format!("{path}?secret=1")).replace("//", "//me:pw@");
        let response = http.get(url).send().await.unwrap();
        let error = response.success().map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("GET {} was answered with {expected}", server.url(path))
        );
        // The same of the client beneath.
        let request = http
            .client()
            .get(server.url(&format!("{path}?secret=1")))
            .send()
            .await
            .unwrap();
        if let Err(error) = request.error_for_status() {
            let status = expected.split(':').next().unwrap();
            let said = http.explain(&error).to_string();
            assert_eq!(said, format!("{} was answered with {status}", server.url(path)));
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_when_it_is_sent() {
    let http = client();
    for (url, expected) in [
        ("no address", "url: is no address: relative URL without a base"),
        ("http://me:pw@:x/", "url: is no address: empty host"),
    ] {
        let error = http.get(url).send().await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let server = Server::start();
    server.on("*", "/", Response::text("{\"a\": \"x\"}"));
    let wrong = http.get(server.url("/")).send().await.unwrap();
    let error = wrong
        .json::<std::collections::BTreeMap<String, u8>>()
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("GET http://127.0.0.1:") && said.contains("cause: a: invalid type"),
        "{said}"
    );
}

#[tokio::test]
async fn whoever_sets_retries_is_told_of_them_all_the_same() {
    let server = Server::start();
    server.on_each("*", "/", [Response::status(429), Response::text("there")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&told);
    let quick = Retries::default().waits(std::time::Duration::ZERO, std::time::Duration::ZERO);
    let http = options()
        .retries(
            quick
                .clone()
                .notice(move |line| to.lock().unwrap().push(line.to_owned())),
        )
        .retries(quick.attempts(2))
        .build()
        .unwrap();
    assert_eq!(
        http.get(server.url("/"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "there"
    );
    assert_eq!(told.lock().unwrap().len(), 1);
}
