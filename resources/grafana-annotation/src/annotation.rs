//! What is written into Grafana (CONTRACT 4.3 and 4.4).

use serde_json::{Map, Value};

/// An annotation, as Grafana's API wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Annotation<'a> {
    /// Milliseconds since 1970. None in an update that leaves it as it is.
    pub(crate) time: Option<i64>,
    /// Milliseconds since 1970. None for a point.
    pub(crate) time_end: Option<i64>,
    pub(crate) tags: Vec<&'a str>,
    pub(crate) text: String,
    /// Uid, empty if it is on none.
    pub(crate) dashboard: &'a str,
    pub(crate) panel: Option<u32>,
}

impl Annotation<'_> {
    /// The body of a request: tags and text always, even if they are empty.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        let mut set = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
        if !self.dashboard.is_empty() {
            set("dashboardUID", self.dashboard.into());
        }
        if let Some(panel) = self.panel {
            set("panelId", panel.into());
        }
        if let Some(time) = self.time {
            set("time", time.into());
        }
        if let Some(end) = self.time_end {
            set("timeEnd", end.into());
        }
        set("tags", self.tags.clone().into());
        set("text", self.text.as_str().into());
        Value::Object(body)
    }
}
