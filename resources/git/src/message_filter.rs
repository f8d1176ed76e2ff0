//! Selecting commits by their message: `commit_filter` (CONTRACT 4.5.2 and 4.5.3).

use concourse_resource_sdk::{Problem, Result};
use serde_json::Value;

use crate::basic_regex::BasicRegex;
use crate::config::CommitFilter;

/// Which messages pass.
#[derive(Debug, Default)]
pub(crate) struct MessageFilter {
    include: Patterns,
    exclude: Patterns,
}

#[derive(Debug, Default)]
struct Patterns {
    patterns: Vec<BasicRegex>,
    /// Whether all of them have to match, each some line; else one suffices.
    all: bool,
}

impl MessageFilter {
    pub(crate) fn new(filter: &CommitFilter) -> Result<Self> {
        Ok(Self {
            include: Patterns::new("include", &filter.include.0, filter.include_all_match.0)?,
            exclude: Patterns::new("exclude", &filter.exclude.0, filter.exclude_all_match.0)?,
        })
    }

    /// Whether every message passes.
    pub(crate) fn is_everything(&self) -> bool {
        self.include.patterns.is_empty() && self.exclude.patterns.is_empty()
    }

    pub(crate) fn passes(&self, message: &[u8]) -> bool {
        if self.is_everything() {
            return true;
        }
        let message = String::from_utf8_lossy(message);
        let included = self.include.patterns.is_empty() || self.include.match_in(&message);
        included && (self.exclude.patterns.is_empty() || !self.exclude.match_in(&message))
    }
}

impl Patterns {
    fn new(field: &str, given: &Value, all: bool) -> Result<Self> {
        let items = match given {
            Value::Null => &Vec::new(),
            Value::Array(items) => items,
            other => {
                let text = format!("invalid commit filter (expected array of strings): {other}");
                return Err(Problem::verbatim(format!("source.commit_filter.{field}"), text).into());
            }
        };
        let mut patterns = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let text = match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let text = with_fewer_backslashes(&text);
            // A line break separates patterns.
            for pattern in text.split('\n') {
                patterns.push(BasicRegex::new(pattern).map_err(|error| {
                    Problem::new(
                        format!("source.commit_filter.{field}[{index}]"),
                        format!("\"{pattern}\" is not a valid basic regular expression: {error}"),
                    )
                })?);
            }
        }
        Ok(Self { patterns, all })
    }

    fn match_in(&self, message: &str) -> bool {
        let some_line = |pattern: &BasicRegex| lines(message).any(|line| pattern.matches(line));
        if self.all {
            self.patterns.iter().all(some_line)
        } else {
            self.patterns.iter().any(some_line)
        }
    }
}

/// The lines of a message; an empty one has one.
fn lines(message: &str) -> impl Iterator<Item = &str> {
    message.strip_suffix('\n').unwrap_or(message).split('\n')
}

/// CONTRACT 4.5.3, K: one backslash is lost before a backslash, a double quote, a dollar sign and a backquote.
fn with_fewer_backslashes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some(&next @ ('\\' | '"' | '$' | '`'))) => {
                clean.push(next);
                rest.next();
            }
            _ => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(filter: &Value, message: &str) -> bool {
        let filter: CommitFilter = serde_json::from_value(filter.clone()).unwrap();
        MessageFilter::new(&filter).unwrap().passes(message.as_bytes())
    }

    #[test]
    fn messages_are_included_and_excluded_by_line() {
        let message = "feat: x\n\nbody of $5\ncloses #7\n";
        for (filter, passed) in [
            (json!({}), true),
            (json!({ "include": [], "exclude": null }), true),
            (json!({ "include": ["^feat"] }), true),
            (json!({ "include": ["^fix", "^closes"] }), true),
            (
                json!({ "include": ["^fix", "^closes"], "include_all_match": true }),
                false,
            ),
            (
                json!({ "include": ["^feat", "#7$"], "include_all_match": "true" }),
                true,
            ),
            (json!({ "include": ["^fix\n^body"] }), true),
            (json!({ "include": [""] }), true),
            (json!({ "include": [7] }), true),
            (json!({ "exclude": ["^closes"] }), false),
            (json!({ "exclude": ["^closes", "^fix"] }), false),
            (
                json!({ "exclude": ["^closes", "^fix"], "exclude_all_match": true }),
                true,
            ),
            (json!({ "include": ["feat"], "exclude": ["x"] }), false),
            (json!({ "include": ["x.*body"] }), false),
            (json!({ "include": ["of \\\\$5"] }), true),
            (json!({ "include": ["fea\\\\(t\\\\)"] }), true),
        ] {
            assert_eq!(passes(&filter, message), passed, "{filter}");
        }
        assert!(passes(&json!({ "include": ["^$"] }), ""));
    }

    #[test]
    fn a_backslash_is_lost_before_four_characters() {
        for (text, clean) in [
            (r"a\\b", r"a\b"),
            (r#"\"x\$y\`"#, "\"x$y`"),
            (r"\(a\)", r"\(a\)"),
            (r"\\\(", r"\\("),
            ("\\", "\\"),
        ] {
            assert_eq!(with_fewer_backslashes(text), clean);
        }
    }
}
