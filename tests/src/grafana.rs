//! A server that keeps annotations as Grafana's annotation HTTP API is documented to, and that holds each request against
//! that documentation, field by field: <https://grafana.com/docs/grafana/latest/developers/http_api/annotations/>.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use concourse_resource_sdk::testing::{Identity, Request, Response, Server};
use serde_json::{Value, json};

/// An annotation, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotation {
    /// Milliseconds since 1970.
    pub time: i64,
    /// Milliseconds since 1970; as `time` for a point.
    pub time_end: i64,
    /// In the order in which they were sent.
    pub tags: Vec<String>,
    pub text: String,
    pub dashboard: Option<String>,
    pub panel: Option<i64>,
}

/// A recording server with state. `bot` with `pw` and the token `tok` may read and write annotations, `viewer` with `pw` may
/// only read them.
pub struct GrafanaServer {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    annotations: BTreeMap<u64, Annotation>,
    violations: Vec<String>,
}

impl GrafanaServer {
    /// At the root of a server. The next annotation has the id 501.
    pub fn start() -> Self {
        Self::over(Server::start(), "")
    }

    /// With TLS.
    pub fn start_tls() -> Self {
        Self::over(Server::start_tls(Identity::new(&["localhost", "127.0.0.1"])), "")
    }

    /// Below a path.
    pub fn below(path: &'static str) -> Self {
        Self::over(Server::start(), path)
    }

    fn over(server: Server, below: &'static str) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let answering = Arc::clone(&state);
        server.fallback(move |request| answer(request, below, &mut answering.lock().unwrap()));
        Self { server, state }
    }

    /// The server below, to answer otherwise.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The common source of the acceptance cases.
    pub fn source(&self) -> Value {
        json!({ "url": self.server.url(""), "username": "bot", "password": "pw" })
    }

    /// The annotations that are kept, by id.
    ///
    /// # Panics
    /// If a request was not what the documentation allows.
    #[track_caller]
    pub fn annotations(&self) -> BTreeMap<u64, Annotation> {
        let state = self.state.lock().unwrap();
        assert_eq!(
            state.violations,
            Vec::<String>::new(),
            "what the documentation does not have"
        );
        state.annotations.clone()
    }

    /// Puts an annotation there.
    pub fn add(&self, id: u64, annotation: Annotation) {
        self.state.lock().unwrap().annotations.insert(id, annotation);
    }
}

/// What a login may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Nobody,
    Viewer,
    Editor,
}

fn answer(request: &Request, below: &str, state: &mut State) -> Response {
    let Some(path) = request
        .path
        .strip_prefix(below)
        .and_then(|path| path.strip_prefix("/api/annotations"))
    else {
        return message(404, "Not found");
    };
    match role(request) {
        Role::Nobody => return message(401, "Unauthorized"),
        Role::Viewer if request.method != "GET" => {
            return message(
                403,
                "You'll need additional permissions to perform this action. Permissions needed: annotations:create",
            );
        }
        Role::Viewer | Role::Editor => {}
    }
    let id = match path {
        "" => None,
        path => match path.strip_prefix('/').and_then(|id| id.parse().ok()) {
            Some(id) => Some(id),
            None => return message(400, "annotationId is invalid"),
        },
    };
    match (request.method.as_str(), id) {
        ("POST", None) => create(request, state),
        ("PATCH" | "PUT", Some(id)) => change(request, id, state),
        ("GET", Some(id)) => match state.annotations.get(&id) {
            Some(annotation) => {
                Response::json(&json!({ "id": id, "text": annotation.text, "tags": annotation.tags }))
            }
            None => message(404, "Could not find annotation to update"),
        },
        _ => message(404, "Not found"),
    }
}

fn role(request: &Request) -> Role {
    match (request.header("authorization"), request.basic_auth()) {
        (Some("Bearer tok"), _) => Role::Editor,
        (_, Some((user, password))) if password == "pw" => match user.as_str() {
            "bot" => Role::Editor,
            "viewer" => Role::Viewer,
            _ => Role::Nobody,
        },
        _ => Role::Nobody,
    }
}

fn create(request: &Request, state: &mut State) -> Response {
    let known = ["dashboardUID", "panelId", "time", "timeEnd", "tags", "text"];
    let body = body(request, &known, &mut state.violations);
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    if text.is_empty() {
        return message(400, "Failed to save annotation");
    }
    let time = given(&body, "time").unwrap_or_default();
    let annotation = Annotation {
        time,
        time_end: given(&body, "timeEnd").unwrap_or(time),
        tags: tags(&body),
        text,
        dashboard: body["dashboardUID"].as_str().map(str::to_owned),
        panel: body["panelId"].as_i64(),
    };
    let id = state.annotations.keys().next_back().map_or(501, |last| last + 1);
    state.annotations.insert(id, annotation);
    Response::json(&json!({ "message": "Annotation added", "id": id }))
}

/// PATCH changes what it names, PUT everything.
fn change(request: &Request, id: u64, state: &mut State) -> Response {
    let body = body(
        request,
        &["time", "timeEnd", "tags", "text"],
        &mut state.violations,
    );
    let Some(annotation) = state.annotations.get_mut(&id) else {
        return message(404, "Could not find annotation to update");
    };
    let replaces = request.method == "PUT";
    if let Some(time) = given(&body, "time") {
        annotation.time = time;
    }
    if let Some(end) = given(&body, "timeEnd") {
        annotation.time_end = end;
    }
    if annotation.time_end < annotation.time {
        std::mem::swap(&mut annotation.time, &mut annotation.time_end);
    }
    // A PATCH does not tell an empty text from none.
    if replaces || body["text"].as_str().is_some_and(|text| !text.is_empty()) {
        body["text"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut annotation.text);
    }
    if replaces || body["tags"].is_array() {
        annotation.tags = tags(&body);
    }
    message(200, "Annotation patched")
}

/// A time, unless it is 0, which Grafana takes for none.
fn given(body: &Value, key: &str) -> Option<i64> {
    body[key].as_i64().filter(|time| *time != 0)
}

fn tags(body: &Value) -> Vec<String> {
    let tags = body["tags"].as_array().into_iter().flatten();
    tags.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The body, held against the documentation.
fn body(request: &Request, known: &[&str], violations: &mut Vec<String>) -> Value {
    if request.header("content-type") != Some("application/json") {
        violations.push(format!(
            "the body is labelled {:?}",
            request.header("content-type")
        ));
    }
    if !request.query.is_empty() {
        violations.push(format!("there is a query: {}", request.query));
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(fields) = body.as_object() else {
        violations.push("the body is no JSON object".to_owned());
        return Value::Null;
    };
    for (key, value) in fields {
        let fits = known.contains(&key.as_str())
            && match key.as_str() {
                "dashboardUID" | "text" => value.is_string(),
                "tags" => value
                    .as_array()
                    .is_some_and(|tags| tags.iter().all(Value::is_string)),
                // An epoch with milliseconds: 13 digits today.
                "time" | "timeEnd" => value.as_i64().is_some_and(|time| time.to_string().len() == 13),
                _ => value.is_i64(),
            };
        if !fits {
            violations.push(format!("{key}: {value}"));
        }
    }
    body
}

fn message(status: u16, text: &str) -> Response {
    Response::json(&json!({ "message": text })).with_status(status)
}
