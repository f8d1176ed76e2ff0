//! Bracket expressions.

use super::{Invalid, Translator, byte, invalid};

impl Translator {
    /// A bracket expression, after its `[`.
    pub(super) fn bracket(&mut self) -> Result<(), Invalid> {
        let mut class = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            class.push('^');
        }
        let mut is_first = true;
        loop {
            let c = self.rest.next().ok_or_else(unmatched_bracket)?;
            match (c, self.rest.peek()) {
                (']', _) if !is_first => break,
                ('[', Some(':')) => class.push_str(&self.named_class()?),
                // A hyphen is itself at either end only.
                ('-', next) if !is_first && next != Some(&']') => return Err(bad_range()),
                _ => {
                    let first = self.element(c)?;
                    class.push_str(&byte(first.character()));
                    if let Element::Character(first) = first
                        && let Some(last) = self.range_end()?
                    {
                        if last < first {
                            return Err(bad_range());
                        }
                        class.push('-');
                        class.push_str(&byte(last));
                    }
                }
            }
            is_first = false;
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
    fn element(&mut self, c: char) -> Result<Element, Invalid> {
        let ('[', Some(&delimiter @ ('.' | '='))) = (c, self.rest.peek()) else {
            return Ok(Element::Character(c));
        };
        let name = self.delimited(delimiter)?;
        let mut characters = name.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) if delimiter == '=' => Ok(Element::Equivalents(c)),
            (Some(c), None) => Ok(Element::Character(c)),
            _ => Err(invalid("Invalid collation character")),
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
        if c == '[' && self.rest.peek() == Some(&':') {
            return Err(bad_range());
        }
        match self.element(c)? {
            Element::Character(c) => Ok(Some(c)),
            Element::Equivalents(_) => Err(bad_range()),
        }
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
}

/// A character of a bracket expression.
#[derive(Debug, Clone, Copy)]
enum Element {
    Character(char),
    /// All that are sorted as one: itself in the C locale, but no end of a range.
    Equivalents(char),
}

impl Element {
    fn character(self) -> char {
        match self {
            Self::Character(c) | Self::Equivalents(c) => c,
        }
    }
}

fn unmatched_bracket() -> Invalid {
    invalid("Unmatched [, [^, [:, [., or [=")
}

fn bad_range() -> Invalid {
    invalid("Invalid range end")
}
