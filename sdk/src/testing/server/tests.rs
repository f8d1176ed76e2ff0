use std::io::{Read, Write};

use super::*;
use serde_json::json;

/// Sends bytes and reads until the server closes the connection.
fn exchange(server: &Server, sent: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_is_recorded_whole() {
    let server = Server::start();
    server.on("POST", "/a/b", Response::json(&json!({"c": 1})).with_status(201));
    let answer = exchange(
        &server,
        "POST /a/b?c=d%20e&f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dXNlcjpwOnc=\r\nContent-Length: 9\r\n\
         Connection: close\r\n\r\n{\"g\": 2}\n",
    );
    let expected =
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"c\":1}";
    assert_eq!(answer, expected);
    let requests = server.requests();
    let [request] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/a/b?c=d%20e&f")
    );
    assert_eq!(
        (request.path.as_str(), request.query.as_str()),
        ("/a/b", "c=d%20e&f")
    );
    assert_eq!(
        request.query_pairs(),
        [("c".into(), "d e".into()), ("f".into(), String::new())]
    );
    assert_eq!(request.basic_auth(), Some(("user".into(), "p:w".into())));
    assert_eq!(request.header("HOST"), Some("x"));
    assert_eq!(request.json(), json!({"g": 2}));
}

#[test]
fn chunks_are_put_together_and_leave_to_send_is_given() {
    let server = Server::start();
    server.on_fn("PUT", "/", |request| Response::text(request.text()));
    let answer = exchange(
        &server,
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n\
         4\r\none \r\n3;x=y\r\ntwo\r\n0\r\nTrailer: z\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
}

#[test]
fn the_last_route_wins_and_what_has_none_is_not_found() {
    let server = Server::start();
    server
        .on("*", "/", Response::text("any"))
        .on("GET", "/", Response::text("get"));
    let ask = |method: &str, path: &str| {
        exchange(
            &server,
            &format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n\r\n"),
        )
    };
    assert!(ask("GET", "/").ends_with("\r\n\r\nget"));
    assert!(ask("POST", "/").ends_with("\r\n\r\nany"));
    assert!(ask("GET", "/other").starts_with("HTTP/1.1 404 "));
    server.fallback(|request| Response::text(format!("fell back from {}", request.path)));
    assert!(ask("GET", "/other").ends_with("fell back from /other"));
    assert_eq!(
        (
            server.count(),
            server.count_of("GET", "/other"),
            server.connections()
        ),
        (4, 2, 4)
    );
    server.forget();
    assert_eq!(server.count(), 0);
}

#[test]
fn responses_come_in_turn_over_one_connection_and_the_last_stays() {
    let server = Server::start();
    server.on_each("GET", "/", ["one", "two"].map(Response::text));
    let get = "GET / HTTP/1.1\r\n\r\n";
    let answer = exchange(
        &server,
        &format!("{get}{get}GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
    );
    let bodies: Vec<_> = answer.split("\r\n\r\n").skip(1).map(|text| &text[..3]).collect();
    assert_eq!(bodies, ["one", "two", "two"]);
}

#[test]
fn a_response_may_be_bad() {
    let server = Server::start();
    server.on("GET", "/cut", Response::text("12345678").cut_after(3));
    server.on("GET", "/lies", Response::text("1234").declared_length(9));
    server.on("GET", "/nothing", Response::nothing());
    let get = |path: &str| exchange(&server, &format!("GET {path} HTTP/1.1\r\n\r\n"));
    let cut = get("/cut");
    assert!(
        cut.contains("Content-Length: 8\r\n") && cut.ends_with("\r\n\r\n123"),
        "{cut}"
    );
    let lies = get("/lies");
    assert!(
        lies.contains("Content-Length: 9\r\n") && lies.ends_with("\r\n\r\n1234"),
        "{lies}"
    );
    assert_eq!(get("/nothing"), "");
    assert!(exchange(&server, "\u{16}\u{3}\u{1}").starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_head_request_has_no_body() {
    let server = Server::start();
    server.on("HEAD", "/", Response::text("1234"));
    let answer = exchange(&server, "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(
        answer.contains("Content-Length: 4\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn waiting_ends_when_the_requests_are_there_or_the_time_is_over() {
    let server = Server::start();
    assert!(!server.wait_for(1, Duration::from_millis(20)));
    let other = server.clone();
    let asking = std::thread::spawn(move || exchange(&other, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
    assert!(server.wait_for(1, Duration::from_secs(10)));
    asking.join().unwrap();
}

#[test]
fn dropping_the_last_handle_ends_everything_at_once() {
    let server = Server::start();
    server.on("GET", "/", Response::text("12345678").stall_after(4));
    server.on("GET", "/late", Response::text("").delay(Duration::from_secs(600)));
    let address = server.address();
    let mut open: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    open[0].write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    open[1].write_all(b"GET /late HTTP/1.1\r\n\r\n").unwrap();
    assert!(server.wait_for(2, Duration::from_secs(10)));
    let copy = server.clone();
    drop(server);
    TcpStream::connect(address).unwrap();
    let started = Instant::now();
    drop(copy);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    TcpStream::connect(address).unwrap_err();
}
