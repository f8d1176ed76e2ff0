//! `.git/short_ref`: the first bytes of a ref through a `printf` pattern. CONTRACT 5.6.

use concourse_resource_sdk::Error;

/// The pattern that leaves the short ref as it is.
pub(crate) const DEFAULT_FORMAT: &str = "%s";

/// Bytes of the ref that are used.
const BYTES: usize = 7;

/// The widest field: wider is a mistake that would fill the disk.
const MOST_WIDTH: usize = 4096;

/// The beginning of `reference`, up to its first blank, printed by awk's `printf` with `format`.
///
/// # Errors
/// A pattern that awk would refuse: another conversion, or a second one.
pub(crate) fn short_ref(reference: &str, format: &str) -> Result<String, Error> {
    let mut end = reference.len().min(BYTES);
    // A name is cut before a character rather than within it.
    while !reference.is_char_boundary(end) {
        end -= 1;
    }
    let short = &reference[..end];
    let short = short.split_ascii_whitespace().next().unwrap_or_default();
    print(format, short).map_err(|reason| {
        Error::config(
            "params.short_ref_format",
            format!("{format:?} is not a usable pattern: {reason}"),
        )
    })
}

fn print(format: &str, short: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut used = false;
    let mut rest = format.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => out.push(escape(&mut rest)),
            '%' if rest.as_str().starts_with('%') => {
                rest.next();
                out.push('%');
            }
            '%' if used => return Err("there is only one value to print".into()),
            '%' => {
                used = true;
                let (conversion, after) = Conversion::parse(rest.as_str())?;
                conversion.print(short, &mut out);
                rest = after.chars();
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// What a backslash and the characters after it stand for.
fn escape(rest: &mut std::str::Chars<'_>) -> char {
    let digits: String = rest
        .as_str()
        .chars()
        .take(3)
        .take_while(|digit| digit.is_digit(8))
        .collect();
    if let Some(code) = u8::from_str_radix(&digits, 8).ok().filter(u8::is_ascii) {
        rest.nth(digits.len() - 1);
        return char::from(code);
    }
    let mut after = rest.clone();
    let (character, known) = match after.next() {
        Some('n') => ('\n', true),
        Some('t') => ('\t', true),
        Some('r') => ('\r', true),
        Some('a') => ('\x07', true),
        Some('b') => ('\x08', true),
        Some('f') => ('\x0c', true),
        Some('v') => ('\x0b', true),
        Some(same @ ('\\' | '"' | '/')) => (same, true),
        _ => ('\\', false),
    };
    if known {
        *rest = after;
    }
    character
}

struct Conversion {
    left: bool,
    width: usize,
    precision: Option<usize>,
}

impl Conversion {
    /// Parses what follows the `%`.
    fn parse(text: &str) -> Result<(Self, &str), String> {
        let rest = text.trim_start_matches(['-', '+', ' ', '#', '0']);
        let left = text[..text.len() - rest.len()].contains('-');
        let (width, rest) = number(rest)?;
        let (precision, rest) = match rest.strip_prefix('.') {
            Some(rest) => number(rest).map(|(precision, rest)| (Some(precision), rest))?,
            None => (None, rest),
        };
        match rest.chars().next() {
            Some('s') => Ok((
                Self {
                    left,
                    width,
                    precision,
                },
                &rest[1..],
            )),
            Some('c') => Ok((
                Self {
                    left,
                    width,
                    precision: Some(1),
                },
                &rest[1..],
            )),
            Some(other) => Err(format!("the conversion {other:?} does not print text")),
            None => Err("it ends within a conversion".into()),
        }
    }

    fn print(&self, text: &str, out: &mut String) {
        let shown: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        let width = self.width;
        let padded = if self.left {
            format!("{shown:<width$}")
        } else {
            format!("{shown:>width$}")
        };
        out.push_str(&padded);
    }
}

/// The digits at the front as a number; none are 0.
fn number(text: &str) -> Result<(usize, &str), String> {
    let rest = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    match digits.parse() {
        Ok(number) if number <= MOST_WIDTH => Ok((number, rest)),
        Err(_) if digits.is_empty() => Ok((0, rest)),
        _ => Err(format!("{digits} is more than {MOST_WIDTH}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_case_26_and_relatives() {
        for (reference, format, text) in [
            ("rel-1", "build-%.4s", "build-rel-"),
            ("0123456789abcdef", DEFAULT_FORMAT, "0123456"),
            ("a b c", "%s", "a"),
            ("", "<%s>", "<>"),
            ("0123456789", "%10s|", "   0123456|"),
            ("0123456789", "%-10s|", "0123456   |"),
            ("0123456789", "%-6.2s|", "01    |"),
            ("0123456789", "%.0s|", "|"),
            ("0123456789", "%.s|", "|"),
            ("0123456789", "%c", "0"),
            ("0123456789", "100%%\\t%s\\n", "100%\t0123456\n"),
            ("0123456789", "a\\\\b\\101", "a\\bA"),
            ("0123456789", "plain", "plain"),
            ("0123456789", "", ""),
            ("éééé", "%s", "ééé"),
        ] {
            assert_eq!(short_ref(reference, format).unwrap(), text, "{format}");
        }
    }

    #[test]
    fn a_pattern_for_other_values_is_refused() {
        for format in [
            "%d",
            "%s%s",
            "%",
            "%5",
            "%*s",
            "%99999999s",
            "%.99999999999999999999s",
            "%é",
        ] {
            assert!(short_ref("rel-1", format).is_err(), "{format}");
        }
    }
}
