//! Putting variables into text (CONTRACT 4). Nothing else is evaluated, ever.

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Literal(&'t str),
    Variable(&'t str),
}

/// The text with `$NAME` and `${NAME}` replaced by their values, where a name is a letter or underscore, then letters, digits
/// and underscores. Everything else stays as it is: `$$`, `$1`, `${X:-d}`, `$(cmd)`. One pass: values are not looked at.
pub(crate) fn expand<'v>(template: &str, value: impl Fn(&str) -> &'v str) -> String {
    let mut text = String::with_capacity(template.len());
    for piece in pieces(template) {
        text.push_str(match piece {
            Piece::Literal(literal) => literal,
            Piece::Variable(name) => value(name),
        });
    }
    text
}

/// The same in JSON text: CONTRACT F3, a value inside of a string is escaped. Outside of strings it is JSON itself.
pub(crate) fn expand_json<'v>(template: &str, value: impl Fn(&str) -> &'v str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut place = Place::Outside;
    for piece in pieces(template) {
        match piece {
            Piece::Literal(literal) => {
                place = place.after(literal);
                text.push_str(literal);
            }
            Piece::Variable(name) if place == Place::Outside => text.push_str(value(name)),
            Piece::Variable(name) => {
                let quoted = serde_json::Value::from(value(name)).to_string();
                text.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
    text
}

/// Where in JSON text something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Inside,
    /// Inside of a string, after a backslash.
    Escaped,
}

impl Place {
    fn after(self, text: &str) -> Self {
        text.bytes().fold(self, |place, byte| match (place, byte) {
            (Self::Outside, b'"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escaped,
            (place, _) => place,
        })
    }
}

fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = variable(rest) {
            rest = after;
            return Some(Piece::Variable(name));
        }
        // At least one character, which may be a dollar sign that begins no variable.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('$').map_or(rest.len(), |at| first + at);
        let (literal, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Literal(literal))
    })
}

/// The name of the variable that the text begins with, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('$')?;
    let Some(braced) = text.strip_prefix('{') else {
        return name(text);
    };
    let (name, after) = name(braced)?;
    Some((name, after.strip_prefix('}')?))
}

/// The name that the text begins with, and what follows.
pub(crate) fn name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    valid.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> &'static str {
        match name {
            "A" => "1",
            "BUILD_NAME" => "41",
            "_x9" => "under",
            "DOLLAR" => "$A ${A}",
            "QUOTE" => "a \"b\" \\ c\nd",
            "LIST" => r#"["x"]"#,
            _ => "",
        }
    }

    #[test]
    fn variables_are_replaced_and_nothing_else() {
        for (template, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$A", "1"),
            ("${A}", "1"),
            ("$A$A", "11"),
            ("a${A}b$A.c", "a1b1.c"),
            ("$AB", ""),
            ("${A}B", "1B"),
            ("[$NOPE]", "[]"),
            ("$_x9-", "under-"),
            ("$$", "$$"),
            ("$$A", "$1"),
            ("$1 $1A", "$1 $1A"),
            ("${X:-d}", "${X:-d}"),
            ("${A", "${A"),
            ("${}", "${}"),
            ("${1}", "${1}"),
            ("${A B}", "${A B}"),
            ("$(id) `id`", "$(id) `id`"),
            ("$", "$"),
            ("end$", "end$"),
            ("\\$A", "\\1"),
            ("é$Aü", "é1ü"),
            ("$Ä", "$Ä"),
            ("$DOLLAR", "$A ${A}"),
            ("${${A}}", "${1}"),
        ] {
            assert_eq!(expand(template, value), expected, "{template:?}");
        }
    }

    #[test]
    fn values_inside_of_json_strings_are_escaped_and_others_are_raw() {
        for (template, expected) in [
            (r#"[{"text":"b $BUILD_NAME"}]"#, r#"[{"text":"b 41"}]"#),
            (r#"{"a":"<$QUOTE>"}"#, r#"{"a":"<a \"b\" \\ c\nd>"}"#),
            (r#"{"n":$A,"l":$LIST}"#, r#"{"n":1,"l":["x"]}"#),
            (r#"{"a":"\"$QUOTE","b":$A}"#, r#"{"a":"\"a \"b\" \\ c\nd","b":1}"#),
            (r#"{"a":"\\","b":$LIST}"#, r#"{"a":"\\","b":["x"]}"#),
            (r#"{"$A":"x"}"#, r#"{"1":"x"}"#),
        ] {
            assert_eq!(expand_json(template, value), expected, "{template}");
        }
    }
}
