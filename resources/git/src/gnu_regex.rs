//! GNU regular expressions in the C locale, where a character is a byte: basic ones, as `git log --grep` reads them in the
//! reference's image (CONTRACT 4.5.3), and extended ones, as `grep -Ex` does (CONTRACT 4.6).
//!
//! They are translated for the `regex` crate, whose time is bounded; those with back-references for `fancy-regex`, whose is not.

mod bracket;
mod interval;

use std::collections::BTreeSet;
use std::fmt;
use std::iter::Peekable;
use std::vec::IntoIter;

const WORD: &str = "[0-9A-Za-z_]";
const BAD_GROUP_END: &str = r"Unmatched ) or \)";

/// A pattern.
#[derive(Debug, Clone)]
pub(crate) struct GnuRegex(Engine);

/// Which of the two syntaxes a pattern is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Basic,
    Extended,
}

#[derive(Debug, Clone)]
enum Engine {
    Bounded(regex::bytes::Regex),
    /// Knows characters only: bytes are handed to it as the characters of these numbers.
    Backtracking(Box<fancy_regex::Regex>),
}

/// What is wrong with a pattern, in GNU's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pattern with back-references tried too many ways on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooHard;

impl GnuRegex {
    /// A basic regular expression, which matches anywhere in a line.
    pub(crate) fn basic(pattern: &str) -> Result<Self, Invalid> {
        Self::translated(pattern, Syntax::Basic, str::to_owned)
    }

    /// An extended regular expression, which has to match the whole line.
    pub(crate) fn extended_whole(pattern: &str) -> Result<Self, Invalid> {
        Self::translated(pattern, Syntax::Extended, |text| format!(r"\A(?:{text})\z"))
    }

    fn translated(pattern: &str, syntax: Syntax, place: fn(&str) -> String) -> Result<Self, Invalid> {
        let plain = Translator::new(pattern, syntax, Edges::Plain).translate()?;
        if plain.refers_back {
            let translated = Translator::new(pattern, syntax, Edges::LookAround).translate()?;
            let regex = fancy_regex::Regex::new(&place(&translated.text)).map_err(|_| too_big())?;
            return Ok(Self(Engine::Backtracking(Box::new(regex))));
        }
        // What GNU takes fails here for its size only.
        let regex = regex::bytes::RegexBuilder::new(&place(&plain.text))
            .unicode(false)
            .build();
        Ok(Self(Engine::Bounded(regex.map_err(|_| too_big())?)))
    }

    /// Whether it matches in a line.
    pub(crate) fn matches(&self, line: &[u8]) -> Result<bool, TooHard> {
        match &self.0 {
            Engine::Bounded(regex) => Ok(regex.is_match(line)),
            Engine::Backtracking(regex) => regex.is_match(&characters(line)).map_err(|_| TooHard),
        }
    }
}

/// Each byte as the character of its number.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// How the edge of a word is written: words are ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edges {
    /// For the regex crate.
    Plain,
    /// For fancy-regex.
    LookAround,
}

impl Edges {
    fn begin(self) -> String {
        match self {
            Self::Plain => r"\b{start}".to_owned(),
            Self::LookAround => format!("(?:(?<!{WORD})(?={WORD}))"),
        }
    }

    fn end(self) -> String {
        match self {
            Self::Plain => r"\b{end}".to_owned(),
            Self::LookAround => format!("(?:(?<={WORD})(?!{WORD}))"),
        }
    }

    fn any(self) -> String {
        match self {
            Self::Plain => r"\b".to_owned(),
            Self::LookAround => format!("(?:{}|{})", self.begin(), self.end()),
        }
    }

    fn none(self) -> String {
        match self {
            Self::Plain => r"\B".to_owned(),
            Self::LookAround => format!("(?!{}|{})", self.begin(), self.end()),
        }
    }
}

struct Translated {
    text: String,
    refers_back: bool,
}

struct Translator {
    rest: Peekable<IntoIter<char>>,
    syntax: Syntax,
    edges: Edges,
    out: String,
    /// Where the atom begins that a repetition would repeat; none where there is none.
    atom: Option<usize>,
    /// The whole pattern, and in it the groups that are open.
    open: Vec<Group>,
    /// Groups that began so far.
    groups: usize,
    /// Groups that may be referred to here: complete, and not of another alternative.
    complete: BTreeSet<usize>,
    refers_back: bool,
}

/// What stands between parentheses, or is the whole pattern.
#[derive(Default)]
struct Group {
    /// Where it begins in the translation.
    start: usize,
    number: usize,
    /// Groups that were complete before it.
    before: BTreeSet<usize>,
    /// Groups that its alternatives so far completed.
    alternatives: BTreeSet<usize>,
}

impl Translator {
    fn new(pattern: &str, syntax: Syntax, edges: Edges) -> Self {
        let bytes: Vec<char> = characters(pattern.as_bytes()).chars().collect();
        Self {
            rest: bytes.into_iter().peekable(),
            syntax,
            edges,
            out: String::new(),
            atom: None,
            open: vec![Group::default()],
            groups: 0,
            complete: BTreeSet::new(),
            refers_back: false,
        }
    }

    fn translate(mut self) -> Result<Translated, Invalid> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escaped()?,
                '[' => self.bracket()?,
                '.' => self.push(r"[^\n]"),
                c if self.syntax == Syntax::Extended => self.extended(c)?,
                '*' if self.atom.is_some() => self.repeat("*"),
                '^' if self.begins_here() => self.anchor("^"),
                '$' if self.ends_here() => self.anchor("$"),
                c => self.literal(c),
            }
        }
        if self.open.len() > 1 {
            return Err(invalid(r"Unmatched ( or \("));
        }
        Ok(Translated {
            text: self.out,
            refers_back: self.refers_back,
        })
    }

    /// What means itself in a basic expression, and here only after a backslash. A repetition of nothing is left out.
    fn extended(&mut self, c: char) -> Result<(), Invalid> {
        match c {
            '(' => self.open_group(),
            ')' => self.close_group()?,
            '|' => self.alternative(),
            '*' | '+' | '?' => self.repeat(c.encode_utf8(&mut [0; 4])),
            '{' if self.is_interval() => self.interval()?,
            '^' => self.anchor("^"),
            '$' => self.anchor("$"),
            c => self.literal(c),
        }
        Ok(())
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<(), Invalid> {
        let c = self.rest.next().ok_or_else(|| invalid("Trailing backslash"))?;
        match c {
            '(' | ')' | '|' | '+' | '?' | '{' if self.syntax == Syntax::Extended => self.literal(c),
            '(' => self.open_group(),
            ')' => self.close_group()?,
            '|' => self.alternative(),
            '+' if self.atom.is_some() => self.repeat("+"),
            '?' if self.atom.is_some() => self.repeat("?"),
            '{' if self.atom.is_some() => self.interval()?,
            '{' => return Err(invalid("Invalid preceding regular expression")),
            'w' => self.push("[0-9A-Za-z_]"),
            'W' => self.push("[^0-9A-Za-z_]"),
            's' => self.push(r"[ \t\n\r\x0b\x0c]"),
            'S' => self.push(r"[^ \t\n\r\x0b\x0c]"),
            'b' => self.anchor(&self.edges.any()),
            'B' => self.anchor(&self.edges.none()),
            '<' => self.anchor(&self.edges.begin()),
            '>' => self.anchor(&self.edges.end()),
            '`' => self.anchor(r"\A"),
            '\'' => self.anchor(r"\z"),
            digit @ '1'..='9' => self.back_reference(digit)?,
            c => self.literal(c),
        }
        Ok(())
    }

    fn open_group(&mut self) {
        self.groups += 1;
        self.open.push(Group {
            start: self.out.len(),
            number: self.groups,
            before: self.complete.clone(),
            alternatives: BTreeSet::new(),
        });
        self.out.push('(');
        self.atom = None;
    }

    fn close_group(&mut self) -> Result<(), Invalid> {
        let group = self.open.pop().filter(|_| !self.open.is_empty());
        let group = group.ok_or_else(|| invalid(BAD_GROUP_END))?;
        self.out.push(')');
        self.complete.extend(group.alternatives);
        self.complete.insert(group.number);
        self.atom = Some(group.start);
        Ok(())
    }

    /// Another alternative, which knows nothing of the groups of those before it.
    fn alternative(&mut self) {
        if let Some(group) = self.open.last_mut() {
            group.alternatives.append(&mut self.complete);
            self.complete.clone_from(&group.before);
        }
        self.out.push('|');
        self.atom = None;
    }

    fn back_reference(&mut self, digit: char) -> Result<(), Invalid> {
        let number = digit as usize - '0' as usize;
        if !self.complete.contains(&number) {
            return Err(invalid("Invalid back reference"));
        }
        self.refers_back = true;
        // The regex crate has none: what is translated for it serves to find this out.
        if self.edges == Edges::LookAround {
            self.push(&format!(r"(?:\{number})"));
        } else {
            self.push("(?:)");
        }
        Ok(())
    }

    /// Whether a caret is an anchor: at the beginning of the pattern, a group or an alternative.
    fn begins_here(&self) -> bool {
        self.out.is_empty() || self.atom.is_none() && self.out.ends_with(['(', '|'])
    }

    /// Whether a dollar sign is an anchor: at the end of the pattern, a group or an alternative.
    fn ends_here(&self) -> bool {
        let mut ahead = self.rest.clone();
        matches!(
            (ahead.next(), ahead.next()),
            (None, _) | (Some('\\'), Some(')' | '|'))
        )
    }

    /// An anchor is no atom: a star after it is itself.
    fn anchor(&mut self, anchor: &str) {
        self.out.push_str(anchor);
        self.atom = None;
    }

    fn literal(&mut self, c: char) {
        self.push(&byte(c));
    }

    fn push(&mut self, atom: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str(atom);
    }

    /// Repeats the atom; in a group of its own, so that a second repetition does not mean something else.
    fn repeat(&mut self, how: &str) {
        if let Some(start) = self.atom {
            self.out.insert_str(start, "(?:");
            self.out.push(')');
            self.out.push_str(how);
        }
    }
}

fn invalid(words: &str) -> Invalid {
    Invalid(words.to_owned())
}

fn too_big() -> Invalid {
    invalid("Regular expression too big")
}

/// A byte as both engines write it, in a class or outside of one.
fn byte(c: char) -> String {
    if c.is_ascii_alphanumeric() || c == ' ' || c == '_' {
        c.to_string()
    } else {
        format!(r"\x{:02x}", u32::from(c))
    }
}

#[cfg(test)]
mod tests;
