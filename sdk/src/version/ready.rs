//! Ready-made versions.

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::context::Context;

/// When something was put: the version of a resource that has none of its own, such as one that sends messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PutTime {
    /// Milliseconds since 1970.
    pub put_at: u64,
}

impl PutTime {
    /// Now.
    #[must_use]
    pub fn now(cx: &Context) -> Self {
        let since = cx.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            put_at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Everything that a listing holds, as one version: a new one when an item comes or goes. Items are sorted, each is there once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Listing(Vec<String>);

/// How a listing is stored.
#[derive(Serialize, Deserialize)]
struct Listed {
    items: String,
}

impl<I: Into<String>> FromIterator<I> for Listing {
    fn from_iter<T: IntoIterator<Item = I>>(items: T) -> Self {
        let mut items: Vec<String> = items.into_iter().map(Into::into).collect();
        items.sort_unstable();
        items.dedup();
        Self(items)
    }
}

impl Listing {
    /// The items.
    #[must_use]
    pub fn items(&self) -> &[String] {
        &self.0
    }
}

impl From<Listing> for Listed {
    fn from(listing: Listing) -> Self {
        Self {
            items: serde_json::Value::from(listing.0).to_string(),
        }
    }
}

impl From<Listed> for Listing {
    fn from(listed: Listed) -> Self {
        let items: Vec<String> = serde_json::from_str(&listed.items).unwrap_or_default();
        items.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version as _;

    #[test]
    fn a_listing_is_one_version_whatever_its_order() {
        let listing: Listing = ["b", "a\"", "b"].into_iter().collect();
        let map = listing.write().unwrap();
        assert_eq!(map.get("items"), Some(r#"["a\"","b"]"#));
        let fields = serde_json::to_value(&map).unwrap();
        assert_eq!(Listing::read(fields.as_object().unwrap()).unwrap(), Some(listing));
    }
}
