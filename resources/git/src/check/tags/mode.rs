//! Which tags are followed, and what they select: `tag_filter`, `tag_regex` and `tag_behaviour`.

use concourse_resource_sdk::{Error, Result};

use crate::config::{Source, TagBehaviour};
use crate::gnu_regex::{GnuRegex, TooHard};
use crate::unescape::with_fewer_backslashes;
use git_source::wildmatch::{Mode, Pattern};

/// CONTRACT 4.6: a source that follows tags.
pub(in crate::check) struct TagMode {
    names: Names,
    pub(super) behaviour: Behaviour,
}

/// What a tag that matches makes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Itself.
    MatchTagged,
    /// Its commit, and every commit before that.
    MatchTagAncestors,
}

enum Names {
    Glob(Pattern),
    /// As for grep, a line break separates patterns.
    Regexes(Vec<GnuRegex>),
}

impl TagMode {
    /// The mode that a source asks for; none where it follows a branch.
    pub(in crate::check) fn new(source: &Source) -> Result<Option<Self>> {
        let names = if let Some(glob) = source.tag_filter.non_empty() {
            // Here `*` and `?` match a slash, too.
            Names::Glob(Pattern::new(clean(glob).as_bytes(), Mode::default()))
        } else if let Some(regex) = source.tag_regex.non_empty() {
            let regexes = clean(regex)
                .split('\n')
                .map(|line| {
                    GnuRegex::extended_whole(line).map_err(|error| {
                        let text = format!("\"{line}\" is not a valid extended regular expression: {error}");
                        Error::config("source.tag_regex", text)
                    })
                })
                .collect::<Result<_>>()?;
            Names::Regexes(regexes)
        } else {
            return Ok(None);
        };
        Ok(Some(Self {
            names,
            behaviour: match source.tag_behaviour.known() {
                Some(TagBehaviour::MatchTagAncestors) => Behaviour::MatchTagAncestors,
                Some(TagBehaviour::MatchTagged) | None => Behaviour::MatchTagged,
            },
        }))
    }

    /// Whether a tag of this name, without `refs/tags/`, is followed.
    ///
    /// # Errors
    /// A pattern that cannot be decided.
    pub(super) fn matches(&self, name: &str) -> Result<bool, Error> {
        match &self.names {
            Names::Glob(pattern) => Ok(pattern.matches(name.as_bytes())),
            Names::Regexes(regexes) => {
                for regex in regexes {
                    if regex.matches(name.as_bytes()).map_err(|TooHard| too_hard(name))? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

fn too_hard(name: &str) -> Error {
    Error::config(
        "source.tag_regex",
        format!("takes too long on the tag \"{name}\""),
    )
    .hint("write it without a back-reference")
}

/// Other words were refused before.
/// CONTRACT 1, trim1, and 4.6: one blank before the text, and one backslash in some places, mean nothing.
fn clean(text: &str) -> String {
    with_fewer_backslashes(text.strip_prefix(' ').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn matches(source: &Value, name: &str) -> bool {
        let source: Source = serde_json::from_value(source.clone()).unwrap();
        TagMode::new(&source).unwrap().unwrap().matches(name).unwrap()
    }

    #[test]
    fn a_tag_matches_by_its_whole_name() {
        for (source, name, matched) in [
            (json!({ "tag_filter": "v*" }), "v1/rc", true),
            (json!({ "tag_filter": " v*" }), "v1", true),
            (json!({ "tag_filter": "  v*" }), "v1", false),
            (json!({ "tag_filter": "v?" }), "v/", true),
            (json!({ "tag_filter": "V*" }), "v1", false),
            (json!({ "tag_filter": "{v,w}1" }), "v1", false),
            (json!({ "tag_filter": "!v1" }), "w", false),
            (json!({ "tag_filter": r"v\*" }), "v*", true),
            (json!({ "tag_filter": r"v\\*" }), "v*", true),
            (json!({ "tag_filter": "[0-9]*" }), "1.0", true),
            (json!({ "tag_regex": "v[0-9]+" }), "v12", true),
            (json!({ "tag_regex": "v[0-9]+" }), "v12-rc", false),
            (json!({ "tag_regex": r"v\\.1" }), "v.1", true),
            (json!({ "tag_regex": "a\nb" }), "b", true),
            (json!({ "tag_regex": r"(a|b)\1" }), "bb", true),
            (json!({ "tag_regex": 1 }), "1", true),
        ] {
            assert_eq!(matches(&source, name), matched, "{source} on {name}");
        }
    }

    #[test]
    fn a_regex_that_is_none_is_named() {
        let source = serde_json::from_value(json!({ "tag_regex": "v(" })).unwrap();
        let Err(error) = TagMode::new(&source) else {
            panic!("accepted")
        };
        assert_eq!(
            error.to_string(),
            "source.tag_regex: \"v(\" is not a valid extended regular expression: Unmatched ( or \\("
        );
    }

    #[test]
    fn without_a_filter_a_branch_is_followed() {
        for source in [json!({}), json!({ "tag_filter": "", "tag_regex": false })] {
            let source = serde_json::from_value(source).unwrap();
            assert!(TagMode::new(&source).unwrap().is_none());
        }
    }
}
