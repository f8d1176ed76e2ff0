//! `params` of get and put steps.

use concourse_resource_sdk::lenient::Text;
use concourse_resource_sdk::{Config, Problem, Step};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a lock is got.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetParams {
    /// How many commits of history to clone. More are fetched where the lock cannot be told otherwise. Default: all.
    #[schemars(with = "u32")]
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
    pub timeout: Option<String>,
}

impl PutParams {
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
    fn problems(&self, _: Step) -> Vec<Problem> {
        if self.names_an_operation() {
            return Vec::new();
        }
        vec![Problem::verbatim(
            "params",
            "invalid payload (missing acquire, release, remove, claim, add, add_claimed, update, check, or check_unclaimed)",
        )]
    }
}
