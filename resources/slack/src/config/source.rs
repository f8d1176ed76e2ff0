//! `source`.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::compat::lenient::{Flag, List, SecretText, Text};
use concourse_resource_sdk::http::ProxyRules;
use concourse_resource_sdk::schema::PROXY;
use concourse_resource_sdk::{Config, Error, Step, Validator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// Where messages go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("anyOf" = usable()))]
pub struct Source {
    /// Address of the incoming webhook, of Slack or Mattermost. Required, unless `token` or `disable` is given. Its path never
    /// appears in a log.
    pub url: SecretText,
    /// Accepts any TLS certificate.
    pub insecure: Flag,
    /// Proxy for the requests, such as `http://proxy.example:8888`; it may hold a login. Default: the proxy variables of the
    /// worker.
    pub proxy: Text,
    /// Always goes through a `CONNECT` tunnel of the proxy, to an `http://` address too.
    pub proxy_https_tunnel: Flag,
    /// Makes every put succeed at once: nothing is read or sent.
    pub disable: Flag,
    /// CA certificates that are trusted too.
    pub ca_certs: List<CaCert>,
    /// Token of a bot (`xoxb-…`) with the scope `chat:write`: messages are sent by `chat.postMessage`, and can be answered and
    /// updated. Instead of `url`.
    pub token: SecretText,
    /// Address of Slack's Web API, for `token`. Default: `https://slack.com/api`.
    pub api_url: Text,
}

/// The schemas of which one must hold.
fn usable() -> Value {
    let address = json!({ "type": "string", "pattern": HTTP });
    let absent = json!({ "enum": [null, false, ""] });
    json!([
        // CONTRACT 2: nothing matters then.
        { "required": ["disable"], "properties": { "disable": { "enum": [true, "true"] } } },
        {
            "required": ["url"],
            "properties": { "url": address, "token": absent, "proxy": { "pattern": PROXY } },
        },
        {
            "required": ["token"],
            "properties": {
                "token": { "not": absent }, "url": absent, "api_url": { "anyOf": [address, absent] }, "proxy": { "pattern": PROXY },
            },
        },
    ])
}

/// What an address looks like.
const HTTP: &str = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[^/?#\s]";

/// A CA certificate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CaCert {
    /// A label; certificates are trusted for every host.
    pub domain: Text,
    /// The certificate in PEM; several may follow each other.
    pub cert: SecretText,
}

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        // CONTRACT 1, 2: check and get do not look at the source, nor does a put that is disabled.
        if v.step() != Step::Put || self.disable.0 {
            return;
        }
        let expected = "expected an address that begins with https:// or http://";
        match (self.url.non_empty(), self.token.non_empty()) {
            (None, None) => v.add([Error::config("source.url", "source.url is required")
                .verbatim()
                .hint("it is the address of an incoming webhook; or give source.token, a bot's token")]),
            (Some(_), Some(_)) => v
                .at("token")
                .refuse("cannot be used together with source.url")
                .hint("url is for a webhook, token for a bot: keep one of them"),
            (Some(url), None) if !is_http(url.expose()) => drop(v.at("url").refuse(expected)),
            (None, Some(_)) => {
                if let Some(url) = self.api_url.non_empty().filter(|url| !is_http(url)) {
                    v.at("api_url").refuse(format!("{expected}, found \"{url}\""));
                }
            }
            _ => {}
        }
        if let Some(proxy) = self.proxy.non_empty() {
            // The value may hold a login.
            v.at("proxy").made(ProxyRules::all(proxy, ""));
        }
    }
}

fn is_http(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
