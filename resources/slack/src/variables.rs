//! The variables that templates know.

use std::collections::BTreeMap;

/// The name of the variable that holds the text file.
pub(crate) const TEXT_FILE_CONTENT: &str = "TEXT_FILE_CONTENT";

/// Names and values: of the environment, then of the `env_file`, then the text file (CONTRACT 4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The environment of this process; what is no UTF-8 is left out.
    pub(crate) fn of_environment() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value, empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The text with variables put in.
    pub(crate) fn expand(&self, template: &str) -> String {
        crate::template::expand(template, |name| self.get(name))
    }

    /// JSON text with variables put in.
    pub(crate) fn expand_json(&self, template: &str) -> String {
        crate::template::expand_json(template, |name| self.get(name))
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}
