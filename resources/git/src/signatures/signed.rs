//! A commit taken apart into its signature and what was signed.

/// Headers that hold signatures, each over the commit without any of them.
const HEADERS: [&[u8]; 2] = [b"gpgsig ", b"gpgsig-sha256 "];

/// A signature and what it is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Signed {
    /// Nothing where the commit has no signature.
    pub(super) fn split(commit: &[u8]) -> Option<Self> {
        let mut signed = Self {
            signature: Vec::new(),
            payload: Vec::with_capacity(commit.len()),
        };
        // Which header the lines that begin with a blank belong to.
        let mut within = None;
        let mut rest = commit;
        while let Some(line) = next_line(&mut rest) {
            if line == b"\n" {
                signed.payload.extend_from_slice(line);
                signed.payload.extend_from_slice(rest);
                break;
            }
            let header = match line.strip_prefix(b" ") {
                Some(_) => within,
                None => HEADERS.iter().position(|header| line.starts_with(header)),
            };
            match header {
                Some(0) => signed.signature.extend_from_slice(value(line)),
                Some(_) => {}
                None => signed.payload.extend_from_slice(line),
            }
            within = header;
        }
        (!signed.signature.is_empty()).then_some(signed)
    }
}

fn value(line: &[u8]) -> &[u8] {
    line.strip_prefix(HEADERS[0])
        .or_else(|| line.strip_prefix(b" "))
        .unwrap_or(line)
}

/// The next line with its end.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let end = rest
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(rest.len(), |at| at + 1);
    let (line, after) = rest.split_at(end);
    *rest = after;
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_taken_apart_as_git_does_it() {
        for (commit, expected) in [
            ("tree t\nauthor a\n\nmessage\n", None),
            ("tree t\n\ngpgsig in the message\n", None),
            ("", None),
            (
                "tree t\ngpgsig A\n B\n \n C\nencoding x\n\nm\n",
                Some(("A\nB\n\nC\n", "tree t\nencoding x\n\nm\n")),
            ),
            // The signature of the other kind of ids is not part of what was signed.
            (
                "tree t\ngpgsig-sha256 X\n Y\ngpgsig A\n\nm",
                Some(("A\n", "tree t\n\nm")),
            ),
            // The lines of a merged tag stay.
            (
                "tree t\nmergetag object o\n gpgsig x\ngpgsig A\n\n\n",
                Some(("A\n", "tree t\nmergetag object o\n gpgsig x\n\n\n")),
            ),
            ("gpgsig A", Some(("A", ""))),
        ] {
            let expected = expected.map(|(signature, payload): (&str, &str)| Signed {
                signature: signature.into(),
                payload: payload.into(),
            });
            assert_eq!(Signed::split(commit.as_bytes()), expected, "{commit:?}");
        }
    }
}
