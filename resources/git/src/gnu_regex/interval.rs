//! Intervals: how often something is repeated.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::{Invalid, Syntax, Translator, invalid};

/// The most repetitions that GNU allows.
const MOST_REPETITIONS: u32 = 32_767;

impl Translator {
    /// Whether what follows a brace in an extended expression is meant for an interval: else the brace is itself.
    pub(super) fn is_interval(&self) -> bool {
        let digits = |rest: &mut Peekable<IntoIter<char>>| {
            let mut count = 0;
            while rest.next_if(char::is_ascii_digit).is_some() {
                count += 1;
            }
            count
        };
        let mut rest = self.rest.clone();
        let has_least = digits(&mut rest) > 0;
        if rest.next_if_eq(&',').is_some() {
            digits(&mut rest);
            return matches!(rest.peek(), Some('}' | ','));
        }
        has_least && rest.peek() == Some(&'}')
    }

    /// `{m}`, `{m,}`, `{,n}`, `{m,n}`, each ended by `\}` in a basic expression.
    pub(super) fn interval(&mut self) -> Result<(), Invalid> {
        let least = self.number()?;
        let (least, most) = if self.rest.next_if_eq(&',').is_some() {
            (least.unwrap_or(0), self.number()?)
        } else {
            let exact = least.ok_or_else(|| invalid(r"Invalid content of \{\}"))?;
            (exact, Some(exact))
        };
        let closed = match self.syntax {
            Syntax::Basic => self.rest.next() == Some('\\') && self.rest.next() == Some('}'),
            Syntax::Extended => self.rest.next() == Some('}'),
        };
        if !closed {
            return Err(match self.syntax {
                Syntax::Basic => invalid(r"Unmatched { or \{"),
                Syntax::Extended => invalid(r"Invalid content of \{\}"),
            });
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
}
