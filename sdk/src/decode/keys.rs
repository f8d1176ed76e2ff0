//! Keys that no field has.

use serde_json::Value;

use crate::erased::Part;
use crate::error::Error;

/// A key that is not in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownKey {
    /// The object it stands in, below the part; empty for the part itself.
    parent: String,
    /// The same as a JSON pointer.
    parent_pointer: String,
    name: String,
    /// The field that was probably meant.
    pub(super) meant: Option<String>,
}

impl UnknownKey {
    pub(super) fn new((parent, parent_pointer): (&str, &str), name: &str, known: &[&str]) -> Self {
        Self {
            parent: parent.to_owned(),
            parent_pointer: parent_pointer.to_owned(),
            name: name.to_owned(),
            meant: closest(name, known),
        }
    }

    pub(super) fn is_nested(&self) -> bool {
        !self.parent.is_empty()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn parent_pointer(&self) -> &str {
        &self.parent_pointer
    }

    pub(super) fn pointer(&self) -> String {
        format!("{}/{}", self.parent_pointer, super::walk::escaped(&self.name))
    }

    fn path(&self) -> String {
        if self.is_nested() {
            format!("{}.{}", self.parent, self.name)
        } else {
            self.name.clone()
        }
    }

    /// `params.tga is not a field of the git resource and is ignored; did you mean "tag"?`
    pub(super) fn warning(&self, part: Part, resource: &str) -> String {
        let mut text = format!(
            "{}.{} is not a field of the {resource} resource and is ignored",
            part.key(),
            self.path()
        );
        if let Some(meant) = &self.meant {
            text.push_str("; did you mean ");
            text.push_str(&Value::from(meant.as_str()).to_string());
            text.push('?');
        }
        text
    }
}

/// The failure that lists them: a heading, the keys, then what was meant.
pub(super) fn rejection(part: Part, keys: &[UnknownKey]) -> Error {
    let mut text = format!("Found unknown keys in {}:", part.title());
    for key in keys {
        text.push('\n');
        text.push_str(&Value::from(key.path()).to_string());
    }
    let mut problem = Error::config(part.key(), text);
    problem.set_verbatim();
    let hints = keys.iter().map(|key| {
        let path = format!("{}.{}", part.key(), key.path());
        match &key.meant {
            Some(meant) => format!("{path}: did you mean {}?", Value::from(meant.as_str())),
            None => format!("{path}: there is no field of that name"),
        }
    });
    problem.hint(hints.collect::<Vec<_>>().join("\n  hint: "))
}

/// The known name that is close enough to be a slip of the fingers.
pub(super) fn closest(name: &str, known: &[&str]) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let name = plain(name);
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(&name, &plain(known)), *known))
        .filter(|(similarity, _)| *similarity >= 0.85)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_field_and_another_word_does_not() {
        let known = [
            "uri",
            "branch",
            "private_key",
            "paths",
            "ignore_paths",
            "skip_ssl_verification",
        ];
        for (name, expected) in [
            ("brnch", Some("branch")),
            ("Branch", Some("branch")),
            ("private-key", Some("private_key")),
            ("privateKey", Some("private_key")),
            ("path", Some("paths")),
            ("url", None),
            ("zz", None),
            ("", None),
        ] {
            assert_eq!(closest(name, &known).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_rejection_lists_the_keys_quoted_one_a_line() {
        let known = ["branch"];
        let keys = [
            UnknownKey::new(("", ""), "brnch", &known),
            UnknownKey::new(("x[0]", "/x/0"), "a\"b", &known),
        ];
        assert_eq!(
            rejection(Part::GetParams, &keys).to_string(),
            "Found unknown keys in get params:\n\"brnch\"\n\"x[0].a\\\"b\"\n  hint: params.brnch: did you mean \"branch\"?\n  \
             hint: params.x[0].a\"b: there is no field of that name"
        );
    }

    #[test]
    fn a_warning_names_the_whole_path() {
        let key = UnknownKey::new(("filter", "/filter"), "brnch", &["branch"]);
        assert_eq!(
            key.warning(Part::Source, "git"),
            "source.filter.brnch is not a field of the git resource and is ignored; did you mean \"branch\"?"
        );
    }
}
