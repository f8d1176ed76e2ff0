//! Versions with and without zeros in front of their numbers, at one place: people lose days over their order.

use std::collections::BTreeMap;

use crate::{Component, LooseVersion, is_digits};

/// Looks at versions as they pass, for numbers that begin with a zero beside numbers that do not.
#[derive(Debug, Clone, Default)]
pub struct Mixture {
    seen: BTreeMap<(usize, usize), Seen>,
    found: Option<(String, String)>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    padded: Option<String>,
    plain: Option<String>,
}

impl Mixture {
    /// Looks at one more version.
    pub fn see(&mut self, version: &LooseVersion) {
        if self.found.is_some() {
            return;
        }
        for (place, part) in version.parts() {
            for (index, component) in part.iter().enumerate() {
                let padded = match component {
                    Component::Number(_) => false,
                    Component::Text(text) if is_digits(text) => true,
                    Component::Text(_) => continue,
                };
                let seen = self.seen.entry((place, index)).or_default();
                let example = if padded { &mut seen.padded } else { &mut seen.plain };
                example.get_or_insert_with(|| version.to_string());
                if let (Some(padded), Some(plain)) = (&seen.padded, &seen.plain) {
                    self.found = Some((padded.clone(), plain.clone()));
                    return;
                }
            }
        }
    }

    /// A version with zeros in front at a place where another has none, and that other one.
    #[must_use]
    pub fn found(&self) -> Option<(&str, &str)> {
        let (padded, plain) = self.found.as_ref()?;
        Some((padded, plain))
    }
}
