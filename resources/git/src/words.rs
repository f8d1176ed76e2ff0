//! How an item of `paths` or `ignore_paths` splits into words: CONTRACT 4.5, item 1.
//!
//! The splitting, quoting and brace expansion are the shell's; everything else that a shell would act on (variables,
//! `~`, commands, file names, `#`, `;`) is plain text: CONTRACT F12.

use std::fmt;

/// Words that one item may expand to: `{1..1000000000}` is a mistake.
const MOST_WORDS: usize = 10_000;

/// Why an item cannot be split; `Display` is the end of a sentence that begins with the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SplitError {
    /// A quote is opened and never closed.
    Unbalanced(char),
    /// The braces ask for too much.
    TooMany,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced(quote) => write!(f, "has a {quote} that is never closed"),
            Self::TooMany => write!(f, "expands to more than {MOST_WORDS} words"),
        }
    }
}

/// The words of an item, in order. An item of nothing but blanks has none.
pub(crate) fn split(item: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    for word in raw_words(item)? {
        for expanded in expand(&word, MOST_WORDS - words.len())? {
            // The shell drops a word that is empty, unless quotes say that it is meant.
            if !expanded.is_empty() {
                words.push(expanded.iter().filter_map(|piece| piece.character()).collect());
            }
        }
    }
    Ok(words)
}

/// A piece of a word, which remembers whether it was quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Plain(char),
    Quoted(char),
    /// An opening quote, which makes even an empty word count.
    Quote,
}

impl Piece {
    const fn character(self) -> Option<char> {
        match self {
            Self::Plain(character) | Self::Quoted(character) => Some(character),
            Self::Quote => None,
        }
    }
}

/// Splits at blanks outside quotes.
fn raw_words(item: &str) -> Result<Vec<Vec<Piece>>, SplitError> {
    let mut words = Vec::new();
    let mut word = Vec::new();
    let mut characters = item.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\n' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            '\'' => {
                word.push(Piece::Quote);
                loop {
                    match characters.next().ok_or(SplitError::Unbalanced('\''))? {
                        '\'' => break,
                        inner => word.push(Piece::Quoted(inner)),
                    }
                }
            }
            '"' => double_quoted(&mut characters, &mut word)?,
            '\\' => match characters.next() {
                Some('\n') => {}
                Some(escaped) => word.push(Piece::Quoted(escaped)),
                None => word.push(Piece::Quoted('\\')),
            },
            other => word.push(Piece::Plain(other)),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn double_quoted(characters: &mut std::str::Chars<'_>, word: &mut Vec<Piece>) -> Result<(), SplitError> {
    const OPEN: SplitError = SplitError::Unbalanced('"');
    word.push(Piece::Quote);
    loop {
        match characters.next().ok_or(OPEN)? {
            '"' => return Ok(()),
            '\\' => match characters.next().ok_or(OPEN)? {
                '\n' => {}
                escaped @ ('$' | '`' | '"' | '\\') => word.push(Piece::Quoted(escaped)),
                other => word.extend([Piece::Quoted('\\'), Piece::Quoted(other)]),
            },
            inner => word.push(Piece::Quoted(inner)),
        }
    }
}

/// Brace expansion as bash does it, into at most `room` words.
fn expand(word: &[Piece], room: usize) -> Result<Vec<Vec<Piece>>, SplitError> {
    // What is sure to stand at the front of every word that comes out of the rest.
    let mut start = 0;
    while let Some(open) = word[start..]
        .iter()
        .position(|&piece| piece == Piece::Plain('{'))
        .map(|at| start + at)
    {
        if let Some((alternatives, close)) = alternatives(word, open, room)? {
            let tails = expand(&word[close + 1..], room)?;
            if alternatives.len().saturating_mul(tails.len()) > room {
                return Err(SplitError::TooMany);
            }
            let joined = alternatives
                .iter()
                .flat_map(|middle| tails.iter().map(|tail| [&word[..open], middle, tail].concat()));
            return Ok(joined.collect());
        }
        // `{}`, `{a}` and a brace that is never closed are plain text, but what follows may expand.
        start = open + 1;
    }
    if room == 0 {
        return Err(SplitError::TooMany);
    }
    Ok(vec![word.to_vec()])
}

/// What the brace at `open` offers, each already expanded, and where it closes. `None`: the brace is plain text.
#[expect(clippy::type_complexity, reason = "words and a position")]
fn alternatives(
    word: &[Piece],
    open: usize,
    room: usize,
) -> Result<Option<(Vec<Vec<Piece>>, usize)>, SplitError> {
    let Some((close, commas)) = closing(word, open) else {
        return Ok(None);
    };
    if commas.is_empty() {
        return Ok(sequence(&word[open + 1..close], room)?.map(|words| (words, close)));
    }
    let mut expanded = Vec::new();
    let mut from = open + 1;
    for to in commas.into_iter().chain([close]) {
        expanded.extend(expand(&word[from..to], room - expanded.len().min(room))?);
        from = to + 1;
    }
    Ok(Some((expanded, close)))
}

/// Where the brace at `open` closes, and its own commas.
fn closing(word: &[Piece], open: usize) -> Option<(usize, Vec<usize>)> {
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for (at, piece) in word.iter().enumerate().skip(open + 1) {
        match piece {
            Piece::Plain('{') => depth += 1,
            Piece::Plain('}') if depth == 0 => return Some((at, commas)),
            Piece::Plain('}') => depth -= 1,
            Piece::Plain(',') if depth == 0 => commas.push(at),
            _ => {}
        }
    }
    None
}

/// `1..3`, `01..10..2`, `a..e`: numbers, or single letters, with an optional step.
fn sequence(inner: &[Piece], room: usize) -> Result<Option<Vec<Vec<Piece>>>, SplitError> {
    let Some(text) = inner
        .iter()
        .map(|&piece| plain(piece))
        .collect::<Option<String>>()
    else {
        return Ok(None);
    };
    let parts: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match parts[..] {
        [first, last] => (first, last, 1),
        [first, last, step] => match step.parse::<i64>() {
            Ok(step) => (first, last, step.unsigned_abs().max(1)),
            Err(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        let letters = steps(first.into(), last.into(), step, room)?.into_iter();
        let words = letters.filter_map(|code| char::from_u32(u32::try_from(code).ok()?));
        return Ok(Some(words.map(|letter| vec![Piece::Quoted(letter)]).collect()));
    }
    let (Ok(from), Ok(to)) = (first.parse::<i64>(), last.parse::<i64>()) else {
        return Ok(None);
    };
    let width = if is_padded(first) || is_padded(last) {
        first.len().max(last.len())
    } else {
        0
    };
    let numbers = steps(from, to, step, room)?.into_iter();
    Ok(Some(
        numbers
            .map(|number| format!("{number:0width$}").chars().map(Piece::Quoted).collect())
            .collect(),
    ))
}

const fn plain(piece: Piece) -> Option<char> {
    match piece {
        Piece::Plain(character) => Some(character),
        Piece::Quoted(_) | Piece::Quote => None,
    }
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(*letter),
        _ => None,
    }
}

fn is_padded(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() > 1 && digits.starts_with('0')
}

fn steps(from: i64, to: i64, step: u64, room: usize) -> Result<Vec<i64>, SplitError> {
    let count = from.abs_diff(to) / step;
    if count >= room as u64 {
        return Err(SplitError::TooMany);
    }
    let signed = |distance: u64| {
        if from <= to {
            from.wrapping_add_unsigned(distance)
        } else {
            from.wrapping_sub_unsigned(distance)
        }
    };
    Ok((0..=count).map(|index| signed(index * step)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_quote_and_expand_as_in_a_shell() {
        for (item, words) in [
            ("a", &["a"][..]),
            ("a b", &["a", "b"]),
            ("  a \t\n b  ", &["a", "b"]),
            ("", &[]),
            ("  ", &[]),
            ("'a b' \"c d\" e\\ f", &["a b", "c d", "e f"]),
            (r#"a"b 'c"d'e "f'"#, &["ab 'cde \"f"]),
            (r#""a\"b\\c\d\$""#, &[r#"a"b\c\d$"#]),
            ("'' \"\"", &["", ""]),
            ("a\\*b", &["a*b"]),
            ("a\\\nb", &["ab"]),
            ("{docs,lib}/*", &["docs/*", "lib/*"]),
            ("a{b,c{d,e}f}g", &["abg", "acdfg", "acefg"]),
            ("{a,b}{c,d}", &["ac", "ad", "bc", "bd"]),
            ("{a}", &["{a}"]),
            ("{}", &["{}"]),
            ("{a{b,c}}", &["{ab}", "{ac}"]),
            ("{},{a,b}", &["{},a", "{},b"]),
            ("{a,b", &["{a,b"]),
            ("{{a,b}", &["{a", "{b"]),
            ("{a,b}}", &["a}", "b}"]),
            ("{a,{b,c}", &["{a,b", "{a,c"]),
            ("x{,y}", &["x", "xy"]),
            ("{,a}", &["a"]),
            ("{'',a}", &["", "a"]),
            ("\\{a,b}", &["{a,b}"]),
            ("'{a,b}'", &["{a,b}"]),
            ("{'a,b',c}", &["a,b", "c"]),
            ("{1..3}", &["1", "2", "3"]),
            ("{3..1}", &["3", "2", "1"]),
            ("{08..10}", &["08", "09", "10"]),
            ("{-01..1}", &["-01", "000", "001"]),
            ("{1..6..2}", &["1", "3", "5"]),
            ("{6..1..2}", &["6", "4", "2"]),
            ("{1..3..0}", &["1", "2", "3"]),
            ("{a..e..2}", &["a", "c", "e"]),
            ("{a..3}", &["{a..3}"]),
            ("{1..}", &["{1..}"]),
            ("{1..2..x}", &["{1..2..x}"]),
            ("é{ü,ö}", &["éü", "éö"]),
        ] {
            assert_eq!(split(item).unwrap(), words, "{item}");
            assert_eq!(bash(item), words, "bash: {item}");
        }
    }

    /// What bash makes of the item.
    fn bash(item: &str) -> Vec<String> {
        let script = format!(
            "set -f; words=({item}\n); for word in \"${{words[@]}}\"; do printf '%s\\0' \"$word\"; done"
        );
        let output = std::process::Command::new("bash")
            .env_clear()
            .args(["-c", &script])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{item}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// CONTRACT F12.
    #[test]
    fn nothing_else_of_a_shell_happens() {
        for (item, words) in [
            ("$HOME ~ `id` $(id)", &["$HOME", "~", "`id`", "$(id)"][..]),
            ("* a;b|c&d #e <f> (g)", &["*", "a;b|c&d", "#e", "<f>", "(g)"]),
            ("\"$HOME `id`\"", &["$HOME `id`"]),
            (":!x !y", &[":!x", "!y"]),
            ("a\\", &["a\\"]),
        ] {
            assert_eq!(split(item).unwrap(), words, "{item}");
        }
    }

    #[test]
    fn an_open_quote_or_too_many_words_are_errors() {
        for (item, error) in [
            ("don't", SplitError::Unbalanced('\'')),
            ("a \"b", SplitError::Unbalanced('"')),
            ("\"a\\", SplitError::Unbalanced('"')),
            ("{1..1000000000}", SplitError::TooMany),
            ("{-9223372036854775808..9223372036854775807}", SplitError::TooMany),
            ("{1..200}{1..200}", SplitError::TooMany),
            ("{{1..9000},{1..9000}}", SplitError::TooMany),
        ] {
            assert_eq!(split(item), Err(error), "{item}");
        }
    }
}
