//! Regular expressions in Go's syntax, which differs in small things from that of the `regex` crate.

use std::fmt;

use regex::Regex;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::literal::Extractor;

use crate::class;

/// A regular expression in Go's syntax, checked, and kept in the syntax of the `regex` crate.
#[derive(Debug, Clone)]
pub struct Pattern(String);

/// A regular expression that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern(String);

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadPattern {}

impl Pattern {
    /// Reads a regular expression.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, BadPattern> {
        let pattern = Self(translated(pattern)?);
        pattern.searching()?;
        Ok(pattern)
    }

    /// Finds it anywhere in a text.
    ///
    /// # Errors
    /// Fails where it is too large.
    pub fn searching(&self) -> Result<Regex, BadPattern> {
        compiled(&self.0)
    }

    /// Matches the whole of a text or nothing.
    ///
    /// # Errors
    /// Fails where it is too large.
    pub fn whole(&self) -> Result<Regex, BadPattern> {
        compiled(&format!(r"\A(?:{})\z", self.0))
    }

    /// The one text that matches, where the pattern is no more than that.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let parsed = regex_syntax::parse(&self.0).ok()?;
        match parsed.kind() {
            HirKind::Empty => Some(String::new()),
            HirKind::Literal(literal) => Some(std::str::from_utf8(&literal.0).ok()?.to_owned()),
            _ => None,
        }
    }

    /// What every text that matches the whole pattern begins with, as far as that can be told.
    #[must_use]
    pub fn literal_prefix(&self) -> String {
        let Ok(parsed) = regex_syntax::parse(&format!(r"\A(?:{})", self.0)) else {
            return String::new();
        };
        let literals = Extractor::new().extract(&parsed);
        let prefix = literals.longest_common_prefix().unwrap_or_default();
        // What is common to several characters can end within one.
        let text = match std::str::from_utf8(prefix) {
            Ok(text) => text,
            Err(cut) => std::str::from_utf8(&prefix[..cut.valid_up_to()]).unwrap_or_default(),
        };
        text.to_owned()
    }
}

fn compiled(pattern: &str) -> Result<Regex, BadPattern> {
    Regex::new(pattern).map_err(|error| {
        // The crate's message shows the translated pattern with a mark below it; its last line says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        BadPattern(last.trim_start_matches("error: ").to_owned())
    })
}

/// The pattern in the syntax of the `regex` crate.
fn translated(pattern: &str) -> Result<String, BadPattern> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix(r"\Q") {
            let (literal, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(literal));
            rest = after;
            continue;
        }
        rest = match next {
            '\\' => escape(rest, &mut out)?,
            '[' => class::translate(rest, &mut out)?,
            '{' if !is_repetition(rest) => {
                out.push_str(r"\{");
                &rest[1..]
            }
            other => {
                out.push(other);
                &rest[other.len_utf8()..]
            }
        };
    }
    Ok(out)
}

/// Whether a text begins with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inside.split_once(',') {
        None => digits(inside),
        Some((least, most)) => digits(least) && (most.is_empty() || digits(most)),
    }
}

/// Translates the escape that a text outside of a class begins with, and gives what is after it.
fn escape<'a>(text: &'a str, out: &mut String) -> Result<&'a str, BadPattern> {
    let Some(named) = text[1..].chars().next() else {
        return Err(BadPattern(r"trailing backslash at end of expression".to_owned()));
    };
    match named {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str(r"[\t\n\f\r ]"),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        'b' => out.push_str(r"(?-u:\b)"),
        'B' => out.push_str(r"(?-u:\B)"),
        '<' | '>' => out.push(named),
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    Ok(&text[1 + named.len_utf8()..])
}

pub(crate) fn bad(text: &str) -> BadPattern {
    BadPattern(text.to_owned())
}
