//! `source`.

use std::time::Duration;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::compat::lenient::{Flag, SecretText, Text};
use concourse_resource_sdk::{Config, Error, Result, Secret, Step, Validator};
use git_source::{Access, GitConfigEntry, HttpsTunnel};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::duration::{self, AboveZero, Nanoseconds};

/// A path whose parts are no special ones.
const POOL: &str = r"^/*(?!(\.|\.\.|\.git)?(/|$))[^/]+(/(?!(\.|\.\.|\.git)?(/|$))[^/]+)*/*$";

/// Which repository holds the locks, and which pool of it is meant.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["uri", "branch", "pool"]))]
pub struct Source {
    /// Address of the repository: `https://`, `http://`, `ssh://`, the scp form `user@host:path`, `git://`, `file://` or a plain
    /// path. Required.
    #[schemars(length(min = 1))]
    pub uri: Option<String>,
    /// Branch that holds the locks. It must exist. Required.
    #[schemars(length(min = 1))]
    pub branch: Option<String>,
    /// Directory of the pool in the repository, such as `aws` or `team/aws`. Required.
    #[schemars(regex(pattern = POOL))]
    pub pool: Option<String>,
    /// Login name for HTTP(S), used when `password` is set too.
    pub username: Text,
    /// Password or token for HTTP(S), used when `username` is set too.
    pub password: SecretText,
    /// SSH key: RSA, ECDSA or Ed25519, in the format of OpenSSH, `PuTTY` or PEM.
    pub private_key: Option<Secret>,
    /// Passphrase of the SSH key, if it has one.
    pub private_key_passphrase: SecretText,
    /// SSH user, where the address names none. Default: the user who runs the step, `root` in an image.
    pub private_key_user: Text,
    /// Lets the SSH server log in elsewhere with `private_key`, by agent forwarding; the key stays here.
    pub forward_agent: Flag,
    /// Lines of a `known_hosts` file: SSH servers must have one of these host keys. Default: any key is accepted, with a warning.
    /// (Not in the reference.)
    pub known_hosts: Text,
    /// HTTP proxy through which SSH connections go, by `CONNECT`.
    pub https_tunnel: Option<HttpsTunnel>,
    /// Git configuration. `user.name` and `user.email` are who makes the commits; `http.*` and `url.*` count for connections.
    pub git_config: GitConfig,
    /// Accepts any TLS certificate.
    pub skip_ssl_verification: Flag,
    /// How long `put` waits before it looks at a lock again, such as `30s` or `1m30s`; a number counts nanoseconds. Default: `10s`.
    pub retry_delay: RetryDelay,
    /// Who claims, written into the commit of a claim, such as the name of a team. (Not in the reference.)
    #[schemars(regex(pattern = r"^\s*\S?[^\n\r]*\s*$"))]
    pub owner: Option<String>,
    /// Age from which a claim may be taken over by the next one who waits for the lock, such as `6h`. With it, a release or removal
    /// is refused unless the claim is still the one that the lock was got with. Default: claims never expire. (Not in the reference.)
    #[schemars(with = "AboveZero")]
    pub expire_after: Option<String>,
}

impl Source {
    /// How the repository is reached.
    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            uri: self.uri.as_deref(),
            branch: self.branch.as_deref(),
            username: self.username.non_empty(),
            password: self.password.non_empty(),
            private_key: self.private_key.as_ref().filter(|key| !key.is_empty()),
            private_key_passphrase: self.private_key_passphrase.non_empty(),
            private_key_user: self.private_key_user.non_empty(),
            forward_agent: self.forward_agent.0,
            known_hosts: self.known_hosts.non_empty(),
            https_tunnel: self.https_tunnel.as_ref(),
            git_config: &self.git_config.0,
            skip_ssl_verification: self.skip_ssl_verification.0,
        }
    }

    /// Who claims.
    pub(crate) fn owner(&self) -> Result<Option<&str>, Error> {
        let owner = self
            .owner
            .as_deref()
            .map(str::trim)
            .filter(|owner| !owner.is_empty());
        match owner.filter(|owner| owner.contains(['\n', '\r'])) {
            Some(owner) => Err(Error::config(
                "source.owner",
                format!("{owner:?} has more than one line"),
            )),
            None => Ok(owner),
        }
    }

    /// From which age on a claim may be taken over.
    pub(crate) fn expire_after(&self) -> Result<Option<Duration>, Error> {
        duration::of_field("source.expire_after", self.expire_after.as_deref())
    }

    /// The pool's directory, without slashes around it.
    pub(crate) fn pool(&self) -> &str {
        self.pool.as_deref().unwrap_or_default().trim_matches('/')
    }
}

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        let [uri, branch, pool] = [("uri", &self.uri), ("branch", &self.branch), ("pool", &self.pool)];
        let order = match v.step() {
            Step::Put => [uri, pool, branch],
            Step::Check | Step::Get => [uri, branch, pool],
        };
        for (name, value) in order {
            if value.as_deref().is_none_or(str::is_empty) {
                let missing = Error::config(
                    format!("source.{name}"),
                    format!("invalid payload (missing {name})"),
                );
                v.add([missing.verbatim().hint(format!("source.{name} is required"))]);
            }
        }
        if let Some(pool) = self.pool.as_deref().filter(|pool| !pool.is_empty())
            && self
                .pool()
                .split('/')
                .any(|part| matches!(part, "" | "." | ".." | ".git"))
        {
            v.at("pool")
                .refuse(format!("\"{pool}\" is not a directory of a repository"));
        }
        if v.step() == Step::Put {
            v.add(self.owner().err());
            v.add(self.retry_delay.read().err());
            v.add(self.expire_after().err());
        }
    }
}

/// A list of entries; what is no such list is none (CONTRACT 3, kept).
#[derive(Debug, Clone, Default)]
pub struct GitConfig(pub Vec<GitConfigEntry>);

impl<'de> Deserialize<'de> for GitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Value::Array(items) = Value::deserialize(deserializer)? else {
            return Ok(Self::default());
        };
        let entries = items.into_iter().filter(|item| item.get("name").is_some());
        Ok(Self(
            entries
                .filter_map(|item| serde_json::from_value(item).ok())
                .collect(),
        ))
    }
}

impl JsonSchema for GitConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GitConfig".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let entry = generator.subschema_for::<GitConfigEntry>();
        // What is no such entry, or no list, is none.
        json_schema!({
            "type": ["array", "object", "string", "number", "boolean", "null"], "items": { "anyOf": [entry, {}] },
        })
    }
}

/// A pause as it was written; only `put` reads it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct RetryDelay(pub Value);

impl RetryDelay {
    /// CONTRACT 3: the pause, which may be below zero, and whether it has a unit.
    pub(crate) fn read(&self) -> Result<(Nanoseconds, bool), Error> {
        let wrong = |text: String| {
            Error::config(
                "source.retry_delay",
                format!("error reading request: source.retry_delay: {text}"),
            )
            .verbatim()
            .hint("write a duration with a unit, such as 10s or 1m30s")
        };
        match &self.0 {
            Value::Null => Ok((0, true)),
            Value::String(text) => Ok((duration::parse(text).map_err(wrong)?, true)),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Ok((number.into(), false)),
                None => Err(wrong(format!("{number} is no whole number of nanoseconds"))),
            },
            other => Err(wrong(format!("{other} is no duration"))),
        }
    }
}

impl JsonSchema for RetryDelay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RetryDelay".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer", "null"],
            "pattern": format!("^[+-]?(0|({}{})+)$", duration::NUMBER, duration::UNIT),
        })
    }
}
