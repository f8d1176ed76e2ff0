//! What many tests need.

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tests::{GitServer, PASSWORD, USER, executable};

/// A source for a repository of a server, with its login.
pub(crate) fn source(server: &GitServer, repository: &str) -> Value {
    source_at(&server.url(repository))
}

/// A source for an address, with the login that servers want.
pub(crate) fn source_at(uri: &str) -> Value {
    json!({ "uri": uri, "branch": "main", "username": USER, "password": PASSWORD })
}

/// `check` with a request, trusting the server.
pub(crate) fn check(server: &GitServer, request: &Value) -> Run {
    Run::check(executable("git")).env("SSL_CERT_FILE", server.ca()).request(request)
}

/// `in` with a request, trusting the server.
pub(crate) fn get(server: &GitServer, request: &Value) -> Run {
    Run::get(executable("git")).env("SSL_CERT_FILE", server.ca()).request(request)
}

/// `out` with a request, trusting the server.
pub(crate) fn put(server: &GitServer, request: &Value) -> Run {
    Run::put(executable("git")).env("SSL_CERT_FILE", server.ca()).request(request)
}

/// The `ref`s of an answer of `check`.
pub(crate) fn refs(answer: &Value) -> Vec<String> {
    let versions = answer.as_array().expect("a list of versions");
    versions.iter().map(|version| version["ref"].as_str().expect("a ref").to_owned()).collect()
}
