//! `version`.

use serde::{Deserialize, Deserializer, Serialize};

/// A commit that changed the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockVersion {
    /// The id of the commit; blank for none (CONTRACT 3).
    #[serde(rename = "ref", default, deserialize_with = "trimmed")]
    pub reference: String,
}

fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.trim().to_owned())
}
