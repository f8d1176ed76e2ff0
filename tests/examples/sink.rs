//! A server that takes messages and annotations and prints what arrives, for the demo and the tests of the images:
//!
//!     sink [tls]
//!
//! Its first line is `{"url": …, "ca": …}`: where it listens, and with `tls` the file that holds the certificate of its
//! authority. Then it prints a line of JSON for each request, until its stdin ends.

use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};

use concourse_resource_sdk::testing::{Identity, Request, Response, Server};
use serde_json::json;

fn main() {
    let server = match std::env::args().nth(1).as_deref() {
        Some("tls") => Server::start_tls(Identity::new(&["localhost", "127.0.0.1"])),
        _ => Server::start(),
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, server.ca_pem()).expect("the certificate");
    let annotations = AtomicU64::new(0);
    server.fallback(move |request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        println!(
            "{}",
            json!({ "method": request.method, "path": request.path, "body": body })
        );
        answer(request, &annotations)
    });
    println!("{}", json!({ "url": server.url(""), "ca": ca }));
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

/// As Grafana answers below `/api/annotations`, and as Slack's webhooks do elsewhere.
fn answer(request: &Request, annotations: &AtomicU64) -> Response {
    match (request.method.as_str(), request.path.contains("/api/annotations")) {
        ("POST", true) => {
            let id = annotations.fetch_add(1, Ordering::SeqCst) + 1;
            Response::json(&json!({ "message": "Annotation added", "id": id }))
        }
        (_, true) => Response::json(&json!({ "message": "Annotation patched" })),
        _ => Response::text("ok"),
    }
}
