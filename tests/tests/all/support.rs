//! What many tests need.

use concourse_resource_sdk::testing::{Output, Run};
use serde_json::{Value, json};
use tests::{Access, GitRepo, GitServer, PASSWORD, USER, executable};

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
    Run::check(executable("git"))
        .env("SSL_CERT_FILE", server.ca())
        .request(request)
}

/// `in` with a request, trusting the server.
pub(crate) fn get(server: &GitServer, request: &Value) -> Run {
    Run::get(executable("git"))
        .env("SSL_CERT_FILE", server.ca())
        .request(request)
}

/// `out` with a request, trusting the server.
pub(crate) fn put(server: &GitServer, request: &Value) -> Run {
    Run::put(executable("git"))
        .env("SSL_CERT_FILE", server.ca())
        .request(request)
}

/// The `ref`s of an answer of `check`.
pub(crate) fn refs(answer: &Value) -> Vec<String> {
    let versions = answer.as_array().expect("a list of versions");
    versions
        .iter()
        .map(|version| version["ref"].as_str().expect("a ref").to_owned())
        .collect()
}

/// A repository, served over HTTPS with a login and reachable by `file://` too.
pub(crate) struct Served {
    pub(crate) server: GitServer,
    pub(crate) repo: GitRepo,
}

impl Served {
    pub(crate) fn new(repo: GitRepo) -> Self {
        let server = GitServer::start(Access::Login);
        server.publish(&repo, "r.git");
        Self { server, repo }
    }

    /// The source over each transport.
    pub(crate) fn sources(&self) -> [Value; 2] {
        let path = self.server.path("r.git");
        [
            source(&self.server, "r.git"),
            source_at(&format!("file://{}", path.display())),
        ]
    }

    /// `check` over each transport answers the commits of these names.
    pub(crate) fn checks(&self, fields: &Value, cursor: Option<&str>, expected: &[&str]) {
        let cursor = cursor.map(|name| json!({ "ref": self.repo.id(name) }));
        for mut source in self.sources() {
            merge(&mut source, fields);
            let request = json!({ "source": source, "version": cursor });
            let answer = refs(&check(&self.server, &request).run().ok());
            let names: Vec<&str> = answer.iter().map(|id| self.repo.name(id)).collect();
            assert_eq!(names, expected, "{request}");
        }
    }
}

/// Adds fields to an object.
pub(crate) fn merge(object: &mut Value, fields: &Value) {
    let fields = fields.as_object().expect("an object").clone();
    object.as_object_mut().expect("an object").extend(fields);
}

/// A password that no test server takes.
pub(crate) const WRONG: &str = "wr0ng/p+ssword";

/// Fails where a password is in the log, in any of its forms.
pub(crate) fn hides_passwords(output: &Output) {
    for secret in [
        PASSWORD,
        WRONG,
        "wr0ng%2Fp%2Bssword",
        "corr3ct-h0rse%25%2F%2Bbattery",
    ] {
        output.hides(secret);
    }
}
