//! What is left of the reference's shell in patterns.

/// CONTRACT 4.5.3 and 4.6, K: one backslash is lost before a backslash, a double quote, a dollar sign and a backquote.
pub(crate) fn with_fewer_backslashes(text: &str) -> String {
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
    use super::*;

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
