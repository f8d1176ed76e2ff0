//! The pattern of keys: which folders it can match in, and what of a key is the version (CONTRACT 5).

use concourse_resource_sdk::Error;
use go_match::Pattern;
use loose_version::{Invalid, LooseVersion};
use regex::Regex;

/// A pattern of keys, in sections between its slashes.
#[derive(Debug, Clone)]
pub(crate) struct KeyPattern {
    sections: Vec<Section>,
    whole: Regex,
    /// The group that is the version; none if the pattern has no group.
    group: Option<usize>,
}

/// What one section of a key has to be.
#[derive(Debug, Clone)]
pub(crate) enum Section {
    /// This text.
    Literal(String),
    /// What matches the whole expression; all of that begins with `prefix`.
    Pattern { regex: Regex, prefix: String },
}

/// The version in a key.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    pub(crate) text: String,
    pub(crate) version: Result<LooseVersion, Invalid>,
}

impl KeyPattern {
    /// Reads `source.regexp`.
    pub(crate) fn new(regexp: &str) -> Result<Self, Error> {
        let wrong = |text: String| Error::config("source.regexp", text);
        // CONTRACT 5: one of each.
        let inner = regexp.strip_prefix('^').unwrap_or(regexp);
        let inner = inner.strip_suffix('$').unwrap_or(inner);
        let mut sections = Vec::new();
        let mut expressions = Vec::new();
        for text in inner.split('/') {
            let (section, expression) = section(text).map_err(|error| {
                // CONTRACT K6.
                if Pattern::new(inner).is_ok() {
                    wrong("a \"/\" cannot be part of a group or class".to_owned())
                        .hint(format!("{text:?} has to be an expression of its own"))
                } else {
                    wrong(format!("{regexp:?} is no pattern: {error}"))
                }
            })?;
            sections.push(section);
            expressions.push(expression);
        }
        let whole = expressions.join("/");
        let whole = Pattern::new(&whole)
            .and_then(|pattern| pattern.whole())
            .map_err(|error| wrong(format!("{regexp:?} is no pattern: {error}")))?;
        let named = whole.capture_names().position(|name| name == Some("version"));
        let group = match whole.captures_len() - 1 {
            0 => None,
            1 => Some(1),
            _ => Some(named.unwrap_or(1)),
        };
        Ok(Self {
            sections,
            whole,
            group,
        })
    }

    /// The sections; at least one.
    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The version in a key; none if it does not match, or the pattern has no group.
    pub(crate) fn captured(&self, key: &str) -> Option<Captured> {
        let captures = self.whole.captures(key)?;
        let text = captures.get(self.group?).map_or("", |group| group.as_str());
        Some(Captured {
            text: text.to_owned(),
            version: LooseVersion::parse(text),
        })
    }

    /// Whether the pattern says where the version is.
    pub(crate) fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// Whether a key matches.
    pub(crate) fn matches(&self, key: &str) -> bool {
        self.whole.is_match(key)
    }
}

/// One section, and the expression for it in the whole pattern.
fn section(text: &str) -> Result<(Section, String), go_match::BadPattern> {
    let pattern = Pattern::new(text)?;
    let expression = format!("(?:{text})");
    let section = match pattern.literal() {
        Some(literal) => Section::Literal(literal),
        None => Section::Pattern {
            regex: pattern.whole()?,
            prefix: pattern.literal_prefix(),
        },
    };
    Ok((section, expression))
}

/// The folder that a pattern describes, as it is written; none if a part of it is no plain text (CONTRACT F14).
pub(crate) fn directory(regexp: &str) -> Option<String> {
    let inner = regexp.strip_prefix('^').unwrap_or(regexp);
    let Some((directory, _)) = inner.rsplit_once('/') else {
        return Some(String::new());
    };
    let sections = directory.split('/').map(|text| {
        // A dot that nobody escaped is meant to be one: put has always taken it so.
        let only_dots = !text.contains(|c| r"\*[](){}?|^$+".contains(c));
        let literal = only_dots.then(|| text.to_owned());
        literal.or_else(|| Pattern::new(text).ok()?.literal())
    });
    let sections: Option<Vec<String>> = sections.collect();
    Some(sections?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(regexp: &str, key: &str) -> Option<String> {
        KeyPattern::new(regexp)
            .unwrap()
            .captured(key)
            .map(|captured| captured.text)
    }

    #[test]
    fn the_version_is_the_first_group_or_the_one_named_so() {
        for (regexp, key, text) in [
            (r"out/cli-(.*)\.tgz", "out/cli-1.0.tgz", Some("1.0")),
            (r"^out/cli-(.*)\.tgz$", "out/cli-1.0.tgz", Some("1.0")),
            (r"out/cli-(.*)\.tgz", "out/cli-1.0.tgz.asc", None),
            (r"(eu|us)/(?P<version>.*)", "us/2", Some("2")),
            (r"(eu|us)/(.*)", "us/2", Some("us")),
            (r"(?P<other>.*)-x", "1-x", Some("1")),
            (r"plain", "plain", None),
            (r"(.*?)", "abc", Some("abc")),
            (r"(\d+|\d+\.\d+)", "1.2", Some("1.2")),
            (r"a|b(c)", "bc", Some("c")),
            (r"a(x)?", "a", Some("")),
            (r"/a/(.*)", "/a/1", Some("1")),
        ] {
            assert_eq!(version(regexp, key).as_deref(), text, "{regexp} {key}");
        }
    }

    #[test]
    fn a_slash_in_a_group_is_explained() {
        for regexp in ["a(/b)?", "[/]a", "(a/b)"] {
            let problem = KeyPattern::new(regexp).unwrap_err().to_string();
            assert!(
                problem.starts_with("source.regexp: a \"/\" cannot be part of a group or class"),
                "{problem}"
            );
        }
        let problem = KeyPattern::new("a(").unwrap_err().to_string();
        assert!(
            problem.starts_with("source.regexp: \"a(\" is no pattern: "),
            "{problem}"
        );
    }

    #[test]
    fn plain_sections_are_not_listed() {
        let pattern = KeyPattern::new(r"releases/v1\.2/app-(.*)").unwrap();
        let shown: Vec<String> = pattern
            .sections()
            .iter()
            .map(|section| match section {
                Section::Literal(text) => text.clone(),
                Section::Pattern { prefix, .. } => format!("{prefix}*"),
            })
            .collect();
        assert_eq!(shown, ["releases", "v1.2", "app-*"]);
    }

    #[test]
    fn the_folder_of_a_pattern_is_unescaped_or_refused() {
        for (regexp, folder) in [
            (r"out/cli-(.*)", Some("out")),
            (r"^v1\.0/x/(.*)", Some("v1.0/x")),
            (r"cli-(.*)", Some("")),
            (r"v1.0/x-(.*)", Some("v1.0")),
            (r"(eu|us)/x-(.*)", None),
            (r"/a/(.*)", Some("/a")),
        ] {
            assert_eq!(directory(regexp).as_deref(), folder, "{regexp}");
        }
    }
}
