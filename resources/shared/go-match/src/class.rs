//! Classes: in Go, `[`, `&`, `~` inside of one mean themselves.

use crate::pattern::{BadPattern, bad};

/// Translates the class that a text begins with, and gives what is after it.
pub(crate) fn translate<'a>(text: &'a str, out: &mut String) -> Result<&'a str, BadPattern> {
    let mut rest = &text[1..];
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    // A bracket that comes first is a member.
    let mut first = true;
    loop {
        let Some(next) = rest.chars().next() else {
            return Err(bad("missing closing ]"));
        };
        if next == ']' && !first {
            out.push(']');
            return Ok(&rest[1..]);
        }
        first = false;
        rest = if let Some(name) = posix(rest) {
            out.push_str(name);
            &rest[name.len()..]
        } else if next == '\\' {
            escape(rest, out)?
        } else {
            member(next, out);
            &rest[next.len_utf8()..]
        };
        // Of two hyphens, the second is the end of a range.
        if let Some(after) = rest.strip_prefix("--") {
            out.push_str(r"-\-");
            rest = after;
        }
    }
}

fn member(character: char, out: &mut String) {
    if matches!(character, '[' | ']' | '&' | '~') {
        out.push('\\');
    }
    out.push(character);
}

/// `[:alpha:]` and the like.
fn posix(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("[:")?;
    let end = inside.find(":]")?;
    let name = inside[..end].trim_start_matches('^');
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    is_name.then(|| &text[..end + 4])
}

fn escape<'a>(text: &'a str, out: &mut String) -> Result<&'a str, BadPattern> {
    let Some(named) = text[1..].chars().next() else {
        return Err(bad("trailing backslash at end of expression"));
    };
    match named {
        'd' => out.push_str("0-9"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("0-9A-Za-z_"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str(r"\t\n\f\r "),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        '<' | '>' => out.push(named),
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    Ok(&text[1 + named.len_utf8()..])
}
