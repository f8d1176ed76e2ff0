//! `params` of get and put steps.

use std::time::Duration;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::compat::lenient::{AnyNumber, Text};
use concourse_resource_sdk::{Config, Error, Validator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::duration::{self, AboveZero};

/// How a lock is got.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetParams {
    /// How many commits of history to clone. More are fetched where the lock cannot be told otherwise. Default: all.
    #[schemars(with = "AnyNumber")]
    pub depth: Text,
}

impl Config for GetParams {}

impl GetParams {
    /// CONTRACT 4: anything but a positive whole number is ignored.
    pub(crate) fn depth(&self) -> Option<u32> {
        let depth = self.depth.get()?.trim().parse().ok()?;
        (1..=i32::MAX.unsigned_abs()).contains(&depth).then_some(depth)
    }
}

/// What is done with a lock: at least one of the first nine. Of several, all are done, in this order: `acquire`, `release`, `add`,
/// `add_claimed`, `remove`, `claim`, `update`, `check`, `check_unclaimed`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("anyOf" = an_operation()))]
pub struct PutParams {
    /// Claims any free lock, and waits for one.
    pub acquire: Option<bool>,
    /// Name of a lock to claim, and to wait for.
    pub claim: Option<String>,
    /// Directory with the lock to release, as a get step leaves it: the file `name` names it.
    pub release: Option<String>,
    /// Directory with files `name` and `metadata`: adds that lock, free.
    pub add: Option<String>,
    /// Directory with files `name` and `metadata`: adds that lock, claimed.
    pub add_claimed: Option<String>,
    /// Directory with the file `name`: removes that lock, which must be claimed.
    pub remove: Option<String>,
    /// Directory with files `name` and `metadata`: replaces what a free lock holds, or adds it. Waits while it is claimed.
    pub update: Option<String>,
    /// Directory with the file `name`: waits until that lock is not claimed.
    pub check: Option<String>,
    /// Directory with the file `name`: waits until that lock is not free.
    pub check_unclaimed: Option<String>,
    /// How long to wait for a lock, such as `30m`: then the step fails and names who holds it. Default: for ever. (Not in the
    /// reference.)
    #[schemars(with = "AboveZero")]
    pub timeout: Option<String>,
}

/// The fields of which one must be given, besides `acquire`.
const OPERATIONS: [&str; 8] = [
    "claim",
    "release",
    "add",
    "add_claimed",
    "remove",
    "update",
    "check",
    "check_unclaimed",
];

/// The schemas of which one must hold.
fn an_operation() -> Vec<Value> {
    let one = |name: &str, schema: Value| json!({ "required": [name], "properties": { name: schema } });
    let texts = OPERATIONS.map(|name| one(name, json!({ "type": "string", "minLength": 1 })));
    std::iter::once(one("acquire", json!({ "const": true })))
        .chain(texts)
        .collect()
}

impl PutParams {
    /// How long to wait in all.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Error> {
        duration::of_field("params.timeout", self.timeout.as_deref())
    }

    fn names_an_operation(&self) -> bool {
        let texts = [
            &self.claim,
            &self.release,
            &self.add,
            &self.add_claimed,
            &self.remove,
            &self.update,
            &self.check,
            &self.check_unclaimed,
        ];
        self.acquire == Some(true)
            || texts
                .iter()
                .any(|text| text.as_deref().is_some_and(|text| !text.is_empty()))
    }
}

impl Config for PutParams {
    fn validate(&self, v: &mut Validator<'_>) {
        if !self.names_an_operation() {
            let text = "invalid payload (missing acquire, release, remove, claim, add, add_claimed, update, check, or check_unclaimed)";
            v.add([Error::config("params", text).verbatim()]);
        }
        v.add(self.timeout().err());
    }
}
