//! `$Id$`: the id of the blob, put into its file and taken out again.

use git2::{ObjectType, Oid};

/// How many keywords there are, by the rule that decides whether anything is done.
fn has_any(content: &[u8]) -> bool {
    let mut rest = content;
    while let Some(at) = find(rest, b'$') {
        rest = &rest[at + 1..];
        if rest.len() < 3 {
            return false;
        }
        if !rest.starts_with(b"Id") {
            continue;
        }
        let kind = rest[2];
        rest = &rest[3..];
        match kind {
            b'$' => return true,
            b':' => {
                let end = rest.iter().position(|byte| matches!(byte, b'$' | b'\n'));
                match end {
                    Some(end) if rest[end] == b'$' => return true,
                    Some(end) => rest = &rest[end + 1..],
                    None => return false,
                }
            }
            _ => {}
        }
    }
    false
}

/// Content with the blob's id in each keyword; none where it stays as it is.
pub(super) fn expand(content: &[u8]) -> Option<Vec<u8>> {
    if !has_any(content) {
        return None;
    }
    let id = Oid::hash_object(ObjectType::Blob, content).ok()?;
    let mut expanded = Vec::with_capacity(content.len() + 48);
    let mut rest = content;
    while let Some(at) = find(rest, b'$') {
        expanded.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 1..];
        if rest.len() < 3 || !rest.starts_with(b"Id") {
            continue;
        }
        match rest[2] {
            b'$' => rest = &rest[3..],
            b':' => {
                let Some(end) = find(&rest[3..], b'$') else { break };
                let inner = &rest[3..3 + end];
                // One of another line, or of another system.
                if inner.contains(&b'\n') || has_blank_inside(inner) {
                    continue;
                }
                rest = &rest[3 + end + 1..];
            }
            _ => continue,
        }
        expanded.extend_from_slice(format!("Id: {id} $").as_bytes());
    }
    expanded.extend_from_slice(rest);
    Some(expanded)
}

/// Whether there is a blank other than the first and the last byte.
fn has_blank_inside(inner: &[u8]) -> bool {
    let inside = inner.get(1..).unwrap_or_default();
    find(inside, b' ').is_some_and(|at| at + 1 < inside.len())
}

/// The same by the rules that git has for content that it passes on as it reads it: neither an encoding nor a guess about line ends
/// needs all of it. They differ in what counts as the keyword of another system, and in a dollar sign right before the keyword.
///
/// What git loses there (`$Id` at the end of a line before a keyword) is kept.
pub(super) fn expand_passing(content: &[u8]) -> Option<Vec<u8>> {
    let id = Oid::hash_object(ObjectType::Blob, content).ok()?;
    let mut expanded = Vec::with_capacity(content.len() + 48);
    let mut rest = content;
    while let Some(at) = find(rest, b'$') {
        let (before, keyword) = rest.split_at(at);
        expanded.extend_from_slice(before);
        let length = match keyword
            .iter()
            .zip(b"$Id")
            .take_while(|(byte, head)| byte == head)
            .count()
        {
            3 => match keyword.get(3) {
                Some(b'$') => {
                    expanded.extend_from_slice(format!("$Id: {id} $").as_bytes());
                    rest = &keyword[4..];
                    continue;
                }
                Some(b':') => {
                    let end = keyword
                        .iter()
                        .skip(4)
                        .position(|byte| matches!(byte, b'$' | b'\n'));
                    end.map_or(keyword.len(), |end| end + 5)
                }
                _ => 4.min(keyword.len()),
            },
            // The byte that did not fit is not looked at again.
            fitting => (fitting + 1).min(keyword.len()),
        };
        let (keyword, after) = keyword.split_at(length);
        if keyword.starts_with(b"$Id:")
            && keyword.len() > 4
            && keyword.ends_with(b"$")
            && !is_foreign(keyword)
        {
            expanded.extend_from_slice(format!("$Id: {id} $").as_bytes());
        } else {
            expanded.extend_from_slice(keyword);
        }
        rest = after;
    }
    expanded.extend_from_slice(rest);
    (expanded != content).then_some(expanded)
}

/// Whether a blank is somewhere but before the last dollar sign.
fn is_foreign(keyword: &[u8]) -> bool {
    let Some(inner) = keyword.strip_prefix(b"$Id: ") else {
        return false;
    };
    // To git it is a text of C.
    let end = find(inner, 0).map_or(inner.len(), |end| end + 1);
    let inner = &inner[..end];
    let is_blank = |byte: u8| byte.is_ascii_whitespace() || byte == 11;
    inner.windows(2).any(|pair| is_blank(pair[0]) && pair[1] != b'$')
}

/// Content with the keywords emptied; none where it stays as it is.
pub(super) fn collapse(content: &[u8]) -> Option<Vec<u8>> {
    if !has_any(content) {
        return None;
    }
    let mut collapsed = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = find(rest, b'$') {
        collapsed.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 1..];
        if rest.len() > 3 && rest.starts_with(b"Id:") {
            let Some(end) = find(&rest[3..], b'$') else { break };
            if rest[3..3 + end].contains(&b'\n') {
                continue;
            }
            collapsed.extend_from_slice(b"Id$");
            rest = &rest[3 + end + 1..];
        }
    }
    collapsed.extend_from_slice(rest);
    Some(collapsed)
}

fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|&byte| byte == wanted)
}
