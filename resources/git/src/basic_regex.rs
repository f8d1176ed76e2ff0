//! GNU basic regular expressions, as `git log --grep` reads them (CONTRACT 4.5.3), by way of the `fancy-regex` crate.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use fancy_regex::Regex;

/// The most repetitions that GNU allows.
const MOST_REPETITIONS: u32 = 32_767;

/// Where a word begins, and where it ends: words are ASCII, as in the reference's locale.
const WORD_BEGINS: &str = "(?:(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";
const WORD_ENDS: &str = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// A pattern.
#[derive(Debug, Clone)]
pub(crate) struct BasicRegex(Regex);

/// What is wrong with a pattern, in GNU's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BasicRegex {
    pub(crate) fn new(pattern: &str) -> Result<Self, Invalid> {
        let translated = Translator::new(pattern).translate()?;
        Regex::new(&translated)
            .map(Self)
            .map_err(|_| Invalid("Invalid regular expression".to_owned()))
    }

    /// Whether it matches somewhere in a line. A match that takes absurdly long counts as none.
    pub(crate) fn matches(&self, line: &str) -> bool {
        self.0.is_match(line).unwrap_or(false)
    }
}

struct Translator<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    /// Where the atom begins that a repetition would repeat; none where there is none.
    atom: Option<usize>,
    /// Where the open groups begin.
    open: Vec<usize>,
    /// Groups that are complete.
    closed: usize,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            rest: pattern.chars().peekable(),
            out: String::new(),
            atom: None,
            open: Vec::new(),
            closed: 0,
        }
    }

    fn translate(mut self) -> Result<String, Invalid> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escaped()?,
                '*' if self.atom.is_some() => self.repeat("*"),
                '[' => self.bracket()?,
                '.' => self.push(r"[^\n]"),
                '^' if self.begins_here() => self.anchor("^"),
                '$' if self.ends_here() => self.anchor("$"),
                c => self.literal(c),
            }
        }
        if self.open.is_empty() {
            Ok(self.out)
        } else {
            Err(invalid(r"Unmatched ( or \("))
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<(), Invalid> {
        match self.rest.next().ok_or_else(|| invalid("Trailing backslash"))? {
            '(' => {
                self.open.push(self.out.len());
                self.out.push('(');
                self.atom = None;
            }
            ')' => {
                let start = self.open.pop().ok_or_else(|| invalid(r"Unmatched ) or \)"))?;
                self.out.push(')');
                self.closed += 1;
                self.atom = Some(start);
            }
            '|' => {
                self.out.push('|');
                self.atom = None;
            }
            '+' if self.atom.is_some() => self.repeat("+"),
            '?' if self.atom.is_some() => self.repeat("?"),
            '{' if self.atom.is_some() => self.interval()?,
            '{' => return Err(invalid("Invalid preceding regular expression")),
            'w' => self.push("[0-9A-Za-z_]"),
            'W' => self.push("[^0-9A-Za-z_]"),
            's' => self.push(r"[ \t\n\r\x0b\x0c]"),
            'S' => self.push(r"[^ \t\n\r\x0b\x0c]"),
            'b' => self.anchor(&format!("(?:{WORD_BEGINS}|{WORD_ENDS})")),
            'B' => self.anchor(&format!("(?!{WORD_BEGINS}|{WORD_ENDS})")),
            '<' => self.anchor(WORD_BEGINS),
            '>' => self.anchor(WORD_ENDS),
            '`' => self.anchor(r"\A"),
            '\'' => self.anchor(r"\z"),
            digit @ '1'..='9' => {
                if digit as usize - '0' as usize > self.closed {
                    return Err(invalid("Invalid back reference"));
                }
                self.push(&format!(r"(?:\{digit})"));
            }
            c => self.literal(c),
        }
        Ok(())
    }

    /// `{m}`, `{m,}`, `{,n}`, `{m,n}`, each ended by `\}`.
    fn interval(&mut self) -> Result<(), Invalid> {
        let least = self.number()?;
        let (least, most) = if self.rest.next_if_eq(&',').is_some() {
            (least.unwrap_or(0), self.number()?)
        } else {
            let exact = least.ok_or_else(|| invalid(r"Invalid content of \{\}"))?;
            (exact, Some(exact))
        };
        if self.rest.next() != Some('\\') || self.rest.next() != Some('}') {
            return Err(invalid(r"Unmatched { or \{"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(invalid(r"Invalid content of \{\}"));
        }
        let most = most.map(|most| most.to_string()).unwrap_or_default();
        self.repeat(&format!("{{{least},{most}}}"));
        Ok(())
    }

    fn number(&mut self) -> Result<Option<u32>, Invalid> {
        let mut number: Option<u32> = None;
        while let Some(digit) = self
            .rest
            .next_if(char::is_ascii_digit)
            .and_then(|c| c.to_digit(10))
        {
            let grown = number.unwrap_or(0).saturating_mul(10).saturating_add(digit);
            if grown > MOST_REPETITIONS {
                return Err(invalid("Regular expression too big"));
            }
            number = Some(grown);
        }
        Ok(number)
    }

    /// A bracket expression, after its `[`.
    fn bracket(&mut self) -> Result<(), Invalid> {
        let mut class = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            class.push('^');
        }
        let mut items = 0;
        loop {
            let c = self.rest.next().ok_or_else(unmatched_bracket)?;
            match (c, self.rest.peek()) {
                (']', _) if items > 0 => break,
                ('[', Some(':')) => class.push_str(&self.named_class()?),
                _ => {
                    let first = self.element(c)?;
                    class.push_str(&class_literal(first));
                    if let Some(last) = self.range_end()? {
                        if last < first {
                            return Err(invalid("Invalid range end"));
                        }
                        class.push('-');
                        class.push_str(&class_literal(last));
                    }
                }
            }
            items += 1;
        }
        class.push(']');
        self.push(&class);
        Ok(())
    }

    /// `:name:]`.
    fn named_class(&mut self) -> Result<String, Invalid> {
        const NAMES: [&str; 12] = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
            "upper", "xdigit",
        ];
        let name = self.delimited(':')?;
        if NAMES.contains(&name.as_str()) {
            Ok(format!("[:{name}:]"))
        } else {
            Err(invalid("Invalid character class name"))
        }
    }

    /// One character of a bracket expression: itself, `[.x.]` or `[=x=]`.
    fn element(&mut self, c: char) -> Result<char, Invalid> {
        match (c, self.rest.peek()) {
            ('[', Some(&delimiter @ ('.' | '='))) => {
                let name = self.delimited(delimiter)?;
                let mut characters = name.chars();
                match (characters.next(), characters.next()) {
                    (Some(c), None) => Ok(c),
                    _ => Err(invalid("Invalid collation character")),
                }
            }
            _ => Ok(c),
        }
    }

    /// The end of a range, if there is one here. A hyphen at the end of the bracket is itself.
    fn range_end(&mut self) -> Result<Option<char>, Invalid> {
        let mut ahead = self.rest.clone();
        if ahead.next() != Some('-') || matches!(ahead.peek(), None | Some(']')) {
            return Ok(None);
        }
        self.rest = ahead;
        let c = self.rest.next().ok_or_else(unmatched_bracket)?;
        self.element(c).map(Some)
    }

    /// What stands between a delimiter and the same one before a `]`.
    fn delimited(&mut self, delimiter: char) -> Result<String, Invalid> {
        self.rest.next();
        let mut name = String::new();
        loop {
            let c = self.rest.next().ok_or_else(unmatched_bracket)?;
            if c == delimiter && self.rest.next_if_eq(&']').is_some() {
                return Ok(name);
            }
            name.push(c);
        }
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
        let mut buffer = [0; 4];
        let escaped = fancy_regex::escape(c.encode_utf8(&mut buffer)).into_owned();
        self.push(&escaped);
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

fn unmatched_bracket() -> Invalid {
    invalid("Unmatched [, [^, [:, [., or [=")
}

/// A character in a class of the regex crate.
fn class_literal(c: char) -> String {
    if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}

#[cfg(test)]
mod tests;
