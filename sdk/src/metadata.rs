//! The rows that a build page shows below a step.

use serde::Serialize;

/// Rows of name and value, in the order in which they are shown. Secrets are hidden in names and values as they are in the log: everyone who sees
/// a pipeline sees its metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Metadata(Vec<MetadataRow>);

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetadataRow {
    /// The name.
    pub name: String,
    /// The value; `None` is JSON's `null`, which the build page shows as empty.
    pub value: Option<String>,
    /// How the value is shown, such as `time` or `message`; few clients look at it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Whether the value is shown as it is, though it may hold a secret.
    #[serde(skip)]
    is_revealed: bool,
}

impl Metadata {
    /// Adds a row.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(MetadataRow {
            name: name.into(),
            value: Some(value.into()),
            kind: None,
            is_revealed: false,
        });
    }

    /// Adds a row whose value may be `null`, where a contract has such rows.
    pub fn push_optional(&mut self, name: impl Into<String>, value: Option<impl Into<String>>) {
        self.0.push(MetadataRow {
            name: name.into(),
            value: value.map(Into::into),
            kind: None,
            is_revealed: false,
        });
    }

    /// Adds a row with a `type`.
    pub fn push_typed(&mut self, name: impl Into<String>, kind: &'static str, value: impl Into<String>) {
        self.0.push(MetadataRow {
            name: name.into(),
            value: Some(value.into()),
            kind: Some(kind),
            is_revealed: false,
        });
    }

    /// Adds a row whose value is shown as it is, where a contract wants a value that may hold a secret.
    pub fn push_revealed(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.push(name, value);
        if let Some(row) = self.0.last_mut() {
            row.is_revealed = true;
        }
    }

    pub(crate) fn redacted(mut self, redact: impl Fn(&str) -> String) -> Self {
        for row in self.0.iter_mut().filter(|row| !row.is_revealed) {
            row.name = redact(&row.name);
            row.value = row.value.as_deref().map(&redact);
        }
        self
    }

    /// The value of the first row of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|row| row.name == name)
            .and_then(|row| row.value.as_deref())
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[MetadataRow] {
        &self.0
    }
}
