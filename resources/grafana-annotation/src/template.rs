//! Putting variables into text, by the rules of Go's `os.Expand` (CONTRACT 3.1). Nothing else is evaluated, ever.

/// What stands for a variable that nobody set (CONTRACT 3.1, K).
const UNKNOWN: &str = "nil";

/// The text with its variables replaced by their values. One pass: values are not looked at.
pub(crate) fn expand<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (reference, length) = reference(after);
        match reference {
            Reference::Variable(name) => text.push_str(value(name).unwrap_or(UNKNOWN)),
            Reference::Dropped => {}
            Reference::None => text.push('$'),
        }
        rest = &after[length..];
    }
    text.push_str(rest);
    text
}

/// What follows a dollar sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reference<'t> {
    Variable(&'t str),
    /// `${}`, or a brace that nobody closes.
    Dropped,
    /// Nothing of ours: the dollar sign stays.
    None,
}

/// What the text after a dollar sign refers to, and how long that is.
fn reference(text: &str) -> (Reference<'_>, usize) {
    if let Some(braced) = text.strip_prefix('{') {
        return match braced.find('}') {
            Some(0) => (Reference::Dropped, 2),
            Some(end) => (Reference::Variable(&braced[..end]), end + 2),
            None => (Reference::Dropped, 1),
        };
    }
    let is_special = |c: char| c.is_ascii_digit() || "*#$@!?-".contains(c);
    if text.starts_with(is_special) {
        return (Reference::Variable(&text[..1]), 1);
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    if end == 0 {
        (Reference::None, 0)
    } else {
        (Reference::Variable(&text[..end]), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<&'static str> {
        match name {
            "A" => Some("1"),
            "B_2" => Some("$A"),
            "EMPTY" => Some(""),
            "a b" => Some("blank"),
            "*" => Some("star"),
            _ => None,
        }
    }

    #[test]
    fn names_are_found_as_go_finds_them() {
        for (template, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$A", "1"),
            ("${A}x$A-$A", "1x1-1"),
            ("$AB", "nil"),
            ("$B_2.", "$A."),
            ("[$EMPTY]", "[]"),
            ("cost $5, $$, ${}x ${y", "cost nil, nil, x y"),
            ("100$", "100$"),
            ("$1x", "nilx"),
            ("$*$-$", "starnil$"),
            ("$ x$.$é", "$ x$.$é"),
            ("${a b}", "blank"),
            ("${*}", "star"),
            ("${$A}", "nil"),
            ("${é}", "nil"),
            ("${A$A}", "nil"),
            ("é${A}é", "é1é"),
        ] {
            assert_eq!(expand(template, value), expected, "{template:?}");
        }
    }

    #[test]
    fn every_short_text_is_expanded_without_a_panic() {
        let alphabet = ['$', '{', '}', 'A', '1', '-', ' ', 'é'];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text| alphabet.map(|c| format!("{text}{c}")))
                .collect();
            for text in &texts {
                let expanded = expand(text, |_| Some(""));
                // Only what belongs to a reference is ever lost.
                assert!(expanded.len() <= text.len(), "{text:?} became {expanded:?}");
                if !text.contains('$') {
                    assert_eq!(expanded, *text);
                }
            }
        }
    }
}
