//! The public contract: what people write, and what a version is.

use std::collections::BTreeMap;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::http::ProxyRules;
use concourse_resource_sdk::schema::{PROXY, given};
use concourse_resource_sdk::{Config, Error, Result, Secret, Step, Validator, Version, VersionMap};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::id::AnnotationId;

pub use crate::tags::Tag;
pub use crate::time::Time;

/// Where Grafana is, and what all annotations have in common.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["url"], "allOf" = rules_of_source()))]
pub struct Source {
    /// Address of Grafana, such as `https://grafana.example`; a path below the host works too. Required.
    #[schemars(regex(pattern = BASE_ADDRESS))]
    pub url: String,
    /// Token of a service account, or an API key; it may write annotations. Wins over `username`.
    pub api_token: Secret,
    /// Login name, used without `api_token`. One of the two is required.
    pub username: String,
    /// Password; required with `username`.
    pub password: Secret,
    /// Tags of every annotation.
    pub tags: Vec<Tag>,
    /// Variables for templates.
    pub env: BTreeMap<String, String>,
    /// Uid of the dashboard on which annotations are put. Default: none, they can be shown on every dashboard.
    pub dashboard_uid: String,
    /// Id of the panel of that dashboard.
    pub panel_id: Option<u32>,
    /// CA certificates that are trusted too, in PEM.
    pub ca_certs: Secret,
    /// Accepts any TLS certificate.
    pub skip_ssl_verification: bool,
    /// Proxy for the requests, such as `http://proxy.example:8888`; it may hold a login. Default: the proxy variables of the
    /// worker.
    #[schemars(regex(pattern = PROXY))]
    pub proxy: String,
}

/// What the address looks like.
const BASE_ADDRESS: &str = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[^/?#\s][^?#]*$";

/// The schemas that must hold, besides.
fn rules_of_source() -> Value {
    json!([
        { "anyOf": [given(&["username"]), given(&["api_token"])] },
        { "anyOf": [{ "not": given(&["username"]) }, given(&["password"])] },
        { "anyOf": [{ "not": a_panel() }, given(&["dashboard_uid"])] },
    ])
}

/// The schema of an object with the id of a panel.
fn a_panel() -> Value {
    json!({ "required": ["panel_id"], "properties": { "panel_id": { "type": "integer" } } })
}

/// The schemas of params of which none may hold.
fn conflicts() -> Value {
    let text = |name: &str| json!({ "required": [name], "properties": { name: { "type": "string" } } });
    let both = |one: Value, other: Value| json!({ "allOf": [one, other] });
    json!({
        "anyOf": [
            both(text("template"), given(&["text_file"])),
            both(text("path"), given(&["dashboard_uid"])),
            both(text("path"), a_panel()),
        ],
    })
}

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        // CONTRACT 2: in `out` only, and the first failure alone.
        if v.step() == Step::Put {
            v.add(self.problem());
        }
    }
}

impl Source {
    fn problem(&self) -> Option<Error> {
        let needed = |path: &str, text: &str| Some(Error::config(path, text).verbatim());
        if self.url.is_empty() {
            return needed("source.url", "'url' is required in the source definition");
        }
        if self.username.is_empty() && self.api_token.is_empty() {
            return needed(
                "source.username",
                "'username' or 'api_token' are required in the source definition",
            );
        }
        // CONTRACT 2, K: with a token, too.
        if !self.username.is_empty() && self.password.is_empty() {
            return needed(
                "source.password",
                "'password' is required in the source definition when 'username' is present",
            );
        }
        if !is_base_address(&self.url) {
            // Its login, if any, is not shown.
            let text = "expected an address that begins with https:// or http://, without query and fragment";
            return Some(Error::config("source.url", text));
        }
        if self.panel_id.is_some() && self.dashboard_uid.is_empty() {
            return Some(Error::config("source.panel_id", "needs source.dashboard_uid"));
        }
        let wrong = ProxyRules::all(&self.proxy, "").err()?;
        Some(Error::config("source.proxy", wrong.to_string()))
    }
}

fn is_base_address(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// The annotation to write.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("not" = conflicts()))]
pub struct PutParams {
    /// Directory that holds the id of an earlier annotation, usually the name of an earlier put of this resource: that
    /// annotation is updated, and lasts until now. Default: a new annotation is created.
    pub path: Option<String>,
    /// Text of the annotation, with variables: `$NAME` and `${NAME}`. Default: id and address of the build.
    pub template: Option<String>,
    /// File with the text, below the build's working directory, with variables. Instead of `template`.
    pub text_file: String,
    /// Tags of this annotation, besides those of the source.
    pub tags: Vec<Tag>,
    /// Variables for the template; they win over those of the source.
    pub env: BTreeMap<String, String>,
    /// When it begins: RFC 3339 (`2026-11-23T10:00:00Z`), or seconds or milliseconds since 1970; with variables. Default: now; an
    /// update leaves it as it is.
    pub time: Time,
    /// When it ends, written likewise. Default: it is a point; with `path`: now.
    pub time_end: Time,
    /// Uid of the dashboard; wins over the source's. An update cannot change it.
    pub dashboard_uid: String,
    /// Id of the panel of that dashboard.
    pub panel_id: Option<u32>,
}

impl Config for PutParams {
    fn validate(&self, v: &mut Validator<'_>) {
        if self.template.is_some() && !self.text_file.is_empty() {
            v.at("text_file")
                .refuse("cannot be used together with params.template");
        }
        let place = [
            ("dashboard_uid", !self.dashboard_uid.is_empty()),
            ("panel_id", self.panel_id.is_some()),
        ];
        for (field, _) in place.iter().filter(|(_, given)| *given && self.path.is_some()) {
            v.at(field)
                .refuse("cannot be used together with params.path")
                .hint("an annotation stays on the dashboard where it was created");
        }
    }
}

/// The id of an annotation, which may be empty in what Concourse hands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnnotationVersion(String);

impl AnnotationVersion {
    /// The version of an annotation.
    #[must_use]
    pub(crate) fn of(id: AnnotationId) -> Self {
        Self(id.to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl Version for AnnotationVersion {
    /// CONTRACT 4.1: a version without `id` has an empty one.
    fn read(fields: &Map<String, Value>) -> Result<Option<Self>> {
        let ids = fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case("id"));
        match ids.map(|(_, value)| value).next_back() {
            None | Some(Value::Null) => Ok(Some(Self::default())),
            Some(Value::String(id)) => Ok(Some(Self(id.clone()))),
            Some(_) => Err(Error::config("version.id", "expected a string")),
        }
    }

    fn write(&self) -> Result<VersionMap> {
        Ok(VersionMap::new("id", &self.0))
    }
}
