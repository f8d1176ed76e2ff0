//! Lenient scalars, for resources whose contract coerces JSON types. Others use plain `String`, `bool` and `Vec`.
//!
//! The rules are those of `jq -r '.field // empty'`, which shell-script resources read their configuration with: a string
//! is taken literally, a number or `true` by its JSON spelling, `null` and `false` mean "not given".

// SKELETON: types that the resources rely on; the SDK helper writes the visitors, schemas and tests.

use crate::secret::Secret;

/// A text: a string, a number or `true` by its spelling; `null`, `false` and absence are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Option<String>);
impl Text {
    /// The text, if one was given. An empty string counts as given.
    #[must_use]
    pub fn get(&self) -> Option<&str> { self.0.as_deref() }
    /// The text, if one was given and is not empty.
    #[must_use]
    pub fn non_empty(&self) -> Option<&str> { self.get().filter(|text| !text.is_empty()) }
}

/// A secret text, read as [`Text`] is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretText(Option<Secret>);
impl SecretText {
    /// The secret, if one was given and is not empty.
    #[must_use]
    pub fn non_empty(&self) -> Option<&Secret> { self.0.as_ref().filter(|secret| !secret.is_empty()) }
}

/// A flag: on for `true` and `"true"`, off for everything else that is a scalar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

/// A list of `T`; `null`, `false` and absence are `None`; a bare string or number is a type error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Option<Vec<T>>);
