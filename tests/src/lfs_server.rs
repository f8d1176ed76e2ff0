//! A server of LFS objects that speaks the published batch API, and holds requests to its schema.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use concourse_resource_sdk::testing::{Identity, Request, Response, Server};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{PASSWORD, USER};

const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";
/// What lets in to objects: a header that only the batch API tells.
const TOKEN: &str = "RemoteAuth t0ken-of-the-batch";

/// Objects by their ids.
pub type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A server, with TLS and a login, whose endpoint is `/team/r.git/info/lfs`.
pub struct LfsServer {
    server: Server,
    objects: Objects,
}

impl Default for LfsServer {
    fn default() -> Self {
        Self::start()
    }
}

impl LfsServer {
    /// Starts one without objects.
    pub fn start() -> Self {
        Self::on(Server::start_tls(Identity::new(&["127.0.0.1"])))
    }

    /// The same without TLS.
    pub fn start_open() -> Self {
        Self::on(Server::start())
    }

    fn on(server: Server) -> Self {
        let objects = Objects::default();
        let (base, known) = (server.url(""), Arc::clone(&objects));
        server.fallback(move |request| answer(&base, &known, request));
        Self { server, objects }
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        self.server.url("/team/r.git/info/lfs")
    }

    /// Its endpoint with the login in it, for stock clients.
    pub fn url_with_login(&self) -> String {
        let password = PASSWORD
            .replace('%', "%25")
            .replace('/', "%2F")
            .replace('+', "%2B");
        self.url().replacen("://", &format!("://{USER}:{password}@"), 1)
    }

    /// The server itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What it holds.
    pub fn objects(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests to the batch API.
    pub fn batches(&self) -> Vec<Value> {
        let requests = self.server.requests();
        let batches = requests
            .iter()
            .filter(|request| request.path.ends_with("/objects/batch"));
        batches.map(Request::json).collect()
    }
}

/// The id of an object.
fn id(content: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(content)
        .iter()
        .fold(String::new(), |mut id, byte| {
            write!(id, "{byte:02x}").expect("a text");
            id
        })
}

fn refusal(status: u16, message: &str) -> Response {
    Response::json(&json!({ "message": message })).with_status(status)
}

fn answer(base: &str, objects: &Objects, request: &Request) -> Response {
    let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
    let object = request.path.strip_prefix("/objects/");
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/team/r.git/info/lfs/objects/batch") => {
            // A client of the schema's never sees it; stock git-lfs would repeat what breaks off.
            batch(base, &objects, request).unwrap_or_else(|wrong| refusal(422, &wrong))
        }
        _ if request.header("authorization") != Some(TOKEN) => refusal(403, "no token"),
        ("GET", _) if object.is_some_and(|id| objects.contains_key(id)) => {
            Response::status(200).body(objects[object.unwrap_or_default()].clone())
        }
        ("PUT", _) if request.header("content-length") != Some(&request.body.len().to_string()) => {
            refusal(411, "the length is not told")
        }
        ("PUT", _) if request.header("content-type").is_none() => refusal(415, "the type is not told"),
        ("PUT", _) if object == Some(&id(&request.body)) => {
            objects.insert(id(&request.body), request.body.clone());
            Response::status(200)
        }
        ("POST", "/verify") => {
            let asked = request.json();
            let found = objects.get(asked["oid"].as_str().expect("an id"));
            match found {
                Some(content) if asked["size"] == content.len() => Response::status(200),
                _ => refusal(404, "not there"),
            }
        }
        _ => refusal(404, "no such object"),
    }
}

fn batch(base: &str, objects: &BTreeMap<String, Vec<u8>>, request: &Request) -> Result<Response, String> {
    if request.basic_auth() != Some((USER.to_owned(), PASSWORD.to_owned())) {
        let refusal = refusal(401, "Credentials needed");
        return Ok(refusal.header("LFS-Authenticate", "Basic realm=\"lfs\""));
    }
    for name in ["accept", "content-type"] {
        let value = request.header(name).unwrap_or_default();
        hold(value.starts_with(MEDIA_TYPE), name)?;
    }
    let asked = request.json();
    let operation = asked["operation"].as_str().unwrap_or_default();
    hold(matches!(operation, "download" | "upload"), "operation")?;
    let transfers = asked["transfers"].as_array();
    hold(
        transfers.is_none_or(|names| names.contains(&json!("basic"))),
        "transfers",
    )?;
    hold(
        matches!(asked["hash_algo"].as_str(), None | Some("sha256")),
        "hash_algo",
    )?;
    let reference = &asked["ref"];
    hold(
        reference.is_null()
            || reference["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("refs/")),
        "ref",
    )?;
    let wanted = asked["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
    hold((1..=100).contains(&wanted.len()), "objects")?;
    let told: Result<Vec<Value>, String> = wanted
        .iter()
        .map(|wanted| object(base, objects, operation, wanted))
        .collect();
    let answer = json!({ "transfer": "basic", "objects": told?, "hash_algo": "sha256" });
    Ok(Response::json(&answer).header("Content-Type", MEDIA_TYPE))
}

fn hold(holds: bool, field: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("{field} is not as the schema has it"))
    }
}

fn object(
    base: &str,
    objects: &BTreeMap<String, Vec<u8>>,
    operation: &str,
    wanted: &Value,
) -> Result<Value, String> {
    let id = wanted["oid"].as_str().unwrap_or_default();
    hold(id.len() == 64, "oid")?;
    hold(wanted["size"].is_u64(), "size")?;
    let action = |path: &str| json!({ "href": format!("{base}{path}"), "header": { "Authorization": TOKEN }, "expires_in": 600 });
    let mut told = json!({ "oid": id, "size": wanted["size"] });
    match (operation, objects.contains_key(id)) {
        ("download", true) => told["actions"] = json!({ "download": action(&format!("/objects/{id}")) }),
        ("download", false) => told["error"] = json!({ "code": 404, "message": "Object does not exist" }),
        (_, false) => {
            told["actions"] =
                json!({ "upload": action(&format!("/objects/{id}")), "verify": action("/verify") });
        }
        (_, true) => {}
    }
    Ok(told)
}
