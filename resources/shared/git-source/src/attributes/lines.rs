//! The lines of an attributes file.

use super::State;
use crate::wildmatch::{Mode, Pattern};

/// A longer line means nothing, nor does a larger file (git 2.39.1).
const LONGEST_LINE: usize = 2048;
const LARGEST_FILE: usize = 100 << 20;

/// What begins the definition of a macro.
const MACRO: &[u8] = b"[attr]";

/// A line: what it is about, and what it sets.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) subject: Subject,
    pub(super) states: Vec<(Vec<u8>, State)>,
}

#[derive(Debug)]
pub(super) enum Subject {
    /// Paths whose last name matches.
    Name(Pattern),
    /// Paths that match, from the file's directory on.
    Path(Pattern),
    /// The macro of that name.
    Macro(Vec<u8>),
}

impl Line {
    pub(super) fn is_for_paths(&self) -> bool {
        !matches!(self.subject, Subject::Macro(_))
    }

    /// Whether it speaks of a path, given from the file's directory on, and of the path's last name.
    pub(super) fn matches(&self, path: &[u8], name: &[u8]) -> bool {
        match &self.subject {
            Subject::Name(pattern) => pattern.matches(name),
            Subject::Path(pattern) => pattern.matches(path),
            Subject::Macro(_) => false,
        }
    }

    /// None for what says nothing: comments, lines with an attribute of a bad name, patterns that begin with `!`.
    fn parse(line: &[u8]) -> Option<Self> {
        let line = &line[line.iter().position(|byte| !is_blank(*byte))?..];
        if line.starts_with(b"#") || line.len() >= LONGEST_LINE {
            return None;
        }
        let quoted = line.starts_with(b"\"").then(|| unquote(line)).flatten();
        let (pattern, rest) = quoted.unwrap_or_else(|| {
            let end = line.iter().position(|byte| is_blank(*byte)).unwrap_or(line.len());
            (line[..end].to_vec(), &line[end..])
        });
        let subject = match pattern.strip_prefix(MACRO) {
            // Alone, it is a pattern like any other.
            Some(name) if !name.is_empty() => is_name(name).then(|| Subject::Macro(name.to_vec()))?,
            _ => path_subject(&pattern)?,
        };
        let states = rest
            .split(|&byte| is_blank(byte))
            .filter(|word| !word.is_empty())
            .map(state)
            .collect::<Option<Vec<_>>>()?;
        Some(Self { subject, states })
    }
}

/// All lines of a file of the tree that say something. Git takes it for a text of C: it ends at a NUL byte.
pub(super) fn of_blob(content: &[u8]) -> Vec<Line> {
    let end = content
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(content.len());
    read(&content[..end])
}

/// The same of a file beside the tree, which git reads line by line: each of them ends at a NUL byte, and a byte order mark is skipped.
pub(super) fn of_file(content: &[u8]) -> Vec<Line> {
    read(content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content))
}

fn read(content: &[u8]) -> Vec<Line> {
    if content.len() >= LARGEST_FILE {
        return Vec::new();
    }
    let lines = content.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| Line::parse(line.split(|&byte| byte == 0).next().unwrap_or_default()))
        .collect()
}

fn path_subject(pattern: &[u8]) -> Option<Subject> {
    if pattern.starts_with(b"!") || pattern.is_empty() {
        return None;
    }
    // Patterns for directories are for no file, and attributes are asked of files only.
    if pattern.ends_with(b"/") {
        return None;
    }
    let mode = Mode {
        stops_at_slash: pattern.contains(&b'/'),
        ..Mode::default()
    };
    Some(if mode.stops_at_slash {
        Subject::Path(Pattern::new(pattern.strip_prefix(b"/").unwrap_or(pattern), mode))
    } else {
        Subject::Name(Pattern::new(pattern, mode))
    })
}

fn state(word: &[u8]) -> Option<(Vec<u8>, State)> {
    let (name, value) = match word.iter().position(|&byte| byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    let (name, state) = match (name.first(), value) {
        (Some(b'-'), _) => (&name[1..], State::Unset),
        (Some(b'!'), _) => (&name[1..], State::Unspecified),
        (_, Some(value)) => (name, State::Value(value.to_vec())),
        (_, None) => (name, State::Set),
    };
    is_name(name).then(|| (name.to_vec(), state))
}

fn is_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    !name.is_empty() && !name.starts_with(b"-") && name.iter().all(is_allowed)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The text between the quotes at the begin, with the escapes of C, and what comes after; none where that is malformed.
fn unquote(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = line.get(1..)?;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((text, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first()?;
                rest = after;
                text.push(match escaped {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'\\' | b'"' => escaped,
                    b'0'..=b'3' => {
                        let octal = rest
                            .get(..2)
                            .filter(|two| two.iter().all(|digit| (b'0'..=b'7').contains(digit)))?;
                        rest = &rest[2..];
                        ((escaped - b'0') << 6) | ((octal[0] - b'0') << 3) | (octal[1] - b'0')
                    }
                    _ => return None,
                });
            }
            byte => text.push(byte),
        }
    }
}
