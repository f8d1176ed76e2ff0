//! The schema of the batch API: <https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md>.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub(super) operation: &'static str,
    pub(super) transfers: [&'static str; 1],
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<Reference<'a>>,
    pub(super) objects: Vec<Wanted<'a>>,
    pub(super) hash_algo: &'static str,
}

/// The branch that is asked for, by which some servers decide who may.
#[derive(Debug, Serialize)]
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
}

/// An object that is asked for.
#[derive(Debug, Serialize)]
pub(super) struct Wanted<'a> {
    pub(super) oid: &'a str,
    pub(super) size: u64,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) transfer: Option<String>,
    #[serde(default)]
    pub(super) objects: Vec<Object>,
}

/// What the server says of an object.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    pub(super) oid: String,
    #[serde(default)]
    pub(super) authenticated: bool,
    pub(super) actions: Option<Actions>,
    pub(super) error: Option<ObjectError>,
}

/// What is to be done with an object.
#[derive(Debug, Deserialize)]
pub(super) struct Actions {
    pub(super) download: Option<Action>,
    pub(super) upload: Option<Action>,
    pub(super) verify: Option<Action>,
}

/// A request that is to be made.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Action {
    pub(super) href: String,
    pub(super) header: Option<HashMap<String, String>>,
}

/// Why there is nothing to be done with an object.
#[derive(Debug, Deserialize)]
pub(super) struct ObjectError {
    #[serde(default)]
    pub(super) code: u16,
    #[serde(default)]
    pub(super) message: String,
}

/// What a server says that refuses all.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) message: String,
}

/// What `git-lfs-authenticate` prints.
#[derive(Debug, Deserialize)]
pub(super) struct Authenticated {
    #[serde(default)]
    pub(super) href: String,
    pub(super) header: Option<HashMap<String, String>>,
}
