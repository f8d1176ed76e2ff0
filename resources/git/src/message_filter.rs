//! Selecting commits by their message: `commit_filter` (CONTRACT 4.5.2 and 4.5.3).

use concourse_resource_sdk::{Error, Result};
use serde_json::Value;

use crate::config::CommitFilter;
use crate::gnu_regex::{GnuRegex, TooHard};
use crate::unescape::with_fewer_backslashes;

/// Which messages pass.
#[derive(Debug, Default)]
pub(crate) struct MessageFilter {
    include: Patterns,
    exclude: Patterns,
}

#[derive(Debug, Default)]
struct Patterns {
    patterns: Vec<Pattern>,
    /// Whether all of them have to match, each some line; else one suffices.
    all: bool,
}

#[derive(Debug)]
struct Pattern {
    /// Where it was written.
    path: String,
    regex: GnuRegex,
}

impl MessageFilter {
    pub(crate) fn new(filter: &CommitFilter) -> Result<Self> {
        Ok(Self {
            include: Patterns::new("include", &filter.include, filter.include_all_match.0)?,
            exclude: Patterns::new("exclude", &filter.exclude, filter.exclude_all_match.0)?,
        })
    }

    /// Whether every message passes.
    pub(crate) fn is_everything(&self) -> bool {
        self.include.patterns.is_empty() && self.exclude.patterns.is_empty()
    }

    /// Whether a message passes.
    ///
    /// # Errors
    /// A pattern that cannot be decided.
    pub(crate) fn passes(&self, message: &[u8]) -> Result<bool, Error> {
        let included = self.include.patterns.is_empty() || self.include.match_in(message)?;
        Ok(included && (self.exclude.patterns.is_empty() || !self.exclude.match_in(message)?))
    }
}

impl Patterns {
    fn new(field: &str, given: &crate::config::Patterns, all: bool) -> Result<Self> {
        let mut patterns = Vec::new();
        for (index, item) in given.items().iter().enumerate() {
            let text = match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let text = with_fewer_backslashes(&text);
            // A line break separates patterns.
            for pattern in text.split('\n') {
                let path = format!("source.commit_filter.{field}[{index}]");
                let regex = GnuRegex::basic(pattern).map_err(|error| {
                    let text = format!("\"{pattern}\" is not a valid basic regular expression: {error}");
                    Error::config(path.as_str(), text)
                })?;
                patterns.push(Pattern { path, regex });
            }
        }
        Ok(Self { patterns, all })
    }

    fn match_in(&self, message: &[u8]) -> Result<bool, Error> {
        for pattern in &self.patterns {
            if pattern.matches_a_line(message)? != self.all {
                return Ok(!self.all);
            }
        }
        Ok(self.all)
    }
}

impl Pattern {
    fn matches_a_line(&self, message: &[u8]) -> Result<bool, Error> {
        // An empty message has one line.
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        for line in message.split(|&byte| byte == b'\n') {
            if self.regex.matches(line).map_err(|TooHard| self.too_hard())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn too_hard(&self) -> Error {
        Error::config(self.path.as_str(), "takes too long on the message of a commit")
            .hint("write it without a back-reference")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(filter: &Value, message: &str) -> bool {
        let filter: CommitFilter = serde_json::from_value(filter.clone()).unwrap();
        MessageFilter::new(&filter)
            .unwrap()
            .passes(message.as_bytes())
            .unwrap()
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
    fn a_pattern_that_takes_too_long_is_an_error_and_never_an_answer() {
        let hard = json!({ "exclude": [r"\(a\|aa\)*\1c"] });
        let filter: CommitFilter = serde_json::from_value(hard).unwrap();
        let line = "a".repeat(60) + "b";
        let problem = MessageFilter::new(&filter)
            .unwrap()
            .passes(line.as_bytes())
            .unwrap_err();
        assert_eq!(
            problem.to_string(),
            "source.commit_filter.exclude[0]: takes too long on the message of a commit\n  hint: write it without a back-reference"
        );
    }
}
