//! The rows that a build page shows below a step.

use serde::Serialize;

/// Rows of name and value, in the order in which they are shown. Secrets are hidden in names and values as they are in the log: everyone who sees
/// a pipeline sees its metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Metadata(Vec<MetadataRow>);

/// One row. A pair of name and value is one, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetadataRow {
    name: String,
    value: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip)]
    is_revealed: bool,
}

impl<N: Into<String>, V: Into<String>> From<(N, V)> for MetadataRow {
    fn from((name, value): (N, V)) -> Self {
        Self::new(name, value)
    }
}

impl MetadataRow {
    /// A row.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
            kind: None,
            is_revealed: false,
        }
    }

    /// An address, which people may follow.
    pub fn url(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self::new(name, address).typed("url")
    }

    /// A text in Markdown.
    pub fn markdown(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, text).typed("markdown")
    }

    /// The same with a type, which says how the value is shown, such as `time` or `message`; few clients look at it.
    #[must_use]
    pub fn typed(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The same, whose value is shown as it is, where a contract wants a value that may hold a secret.
    #[must_use]
    pub fn revealed(mut self) -> Self {
        self.is_revealed = true;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value; `None` is JSON's `null`, which the build page shows as empty.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

impl<R: Into<MetadataRow>> FromIterator<R> for Metadata {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        Self(rows.into_iter().map(Into::into).collect())
    }
}

impl Metadata {
    /// Adds a row.
    pub fn push(&mut self, row: impl Into<MetadataRow>) {
        self.0.push(row.into());
    }

    /// Adds a row whose value may be `null`, where a contract has such rows.
    pub fn push_optional(&mut self, name: impl Into<String>, value: Option<impl Into<String>>) {
        let mut row = MetadataRow::new(name, "");
        row.value = value.map(Into::into);
        self.push(row);
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
        self.0.iter().find(|row| row.name == name)?.value()
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[MetadataRow] {
        &self.0
    }
}
