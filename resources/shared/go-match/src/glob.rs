//! Globs: `*`, `?`, `[…]`, `\x`. No star crosses a `/`, and two are no more than one.

use std::fmt;

/// A glob.
#[derive(Debug, Clone)]
pub struct Glob(Vec<Token>);

#[derive(Debug, Clone)]
enum Token {
    Star,
    Any,
    One(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A glob that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadGlob;

impl fmt::Display for BadGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("syntax error in pattern")
    }
}

impl std::error::Error for BadGlob {}

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    /// Fails on a class that is not closed or empty, and on a `\` at the end.
    pub fn new(glob: &str) -> Result<Self, BadGlob> {
        let mut rest = glob.chars();
        let mut tokens = Vec::new();
        while let Some(next) = rest.next() {
            tokens.push(match next {
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => class(&mut rest)?,
                '\\' => Token::One(rest.next().ok_or(BadGlob)?),
                other => Token::One(other),
            });
        }
        Ok(Self(tokens))
    }

    /// Whether the whole of a name is what the glob describes. Takes time in proportion to the product of their lengths at most.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut token, mut at) = (0, 0);
        // Where the last star is, and how far it reaches so far.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(token), name.get(at)) {
                (Some(Token::Star), _) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                (None, None) => return true,
                (Some(one), Some(&character)) if one.takes(character) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match star {
                Some((begin, reach)) if name.get(reach).is_some_and(|&character| character != '/') => {
                    star = Some((begin, reach + 1));
                    token = begin + 1;
                    at = reach + 1;
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => character != '/',
            Self::One(one) => *one == character,
            Self::Class { negated, ranges } => {
                // As in Go, a class may take a slash, where it names one or is negated.
                let inside = ranges
                    .iter()
                    .any(|(low, high)| (low..=high).contains(&&character));
                inside != *negated
            }
        }
    }
}

fn class(rest: &mut std::str::Chars<'_>) -> Result<Token, BadGlob> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        if rest.as_str().starts_with(']') && !ranges.is_empty() {
            rest.next();
            return Ok(Token::Class { negated, ranges });
        }
        let low = member(rest)?;
        let mut high = low;
        if rest.as_str().starts_with('-') {
            rest.next();
            high = member(rest)?;
        }
        ranges.push((low, high));
    }
}

fn member(rest: &mut std::str::Chars<'_>) -> Result<char, BadGlob> {
    match rest.next() {
        None | Some('-' | ']') => Err(BadGlob),
        Some('\\') => rest.next().ok_or(BadGlob),
        Some(other) => Ok(other),
    }
}
