//! The marker in a commit message that keeps a commit from becoming a version: CONTRACT 4.5, item 4.

/// Whether a line of the message holds `[ci skip]` or `[skip ci]`, with exactly one blank of any kind in between.
pub(crate) fn is_skipped(message: &[u8]) -> bool {
    message
        .split(|&byte| byte == b'\n')
        .any(|line| line.windows(MARKER_BYTES).any(is_marker))
}

/// Both markers are of one length.
const MARKER_BYTES: usize = "[ci skip]".len();

fn is_marker(text: &[u8]) -> bool {
    marks(text, b"[ci", b"skip]") || marks(text, b"[skip", b"ci]")
}

fn marks(text: &[u8], before: &[u8], after: &[u8]) -> bool {
    text.strip_prefix(before)
        .and_then(|rest| rest.split_first())
        .is_some_and(|(&blank, rest)| is_blank(blank) && rest == after)
}

/// A blank as `\s` has it in the C locale; a line break cannot occur within a line.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_has_one_blank_and_stands_on_one_line() {
        for (message, skipped) in [
            (&b"bump [skip ci]"[..], true),
            (b"[ci skip] bump", true),
            (b"subject\n\nbody [ci skip] more\n", true),
            (b"x[skip\tci]y", true),
            (b"\xff\xfe [ci skip]", true),
            (b"[[ci skip]]", true),
            (b"[ci  skip]", false),
            (b"[ci\nskip]", false),
            (b"[ci-skip]", false),
            (b"[CI SKIP]", false),
            (b"[no ci]", false),
            (b"[ci skip", false),
            (b"ci skip]", false),
            (b"[skip ci", false),
            (b"[skip skip]", false),
            (b"[ci ci]", false),
            (b"", false),
        ] {
            assert_eq!(
                is_skipped(message),
                skipped,
                "{}",
                String::from_utf8_lossy(message)
            );
        }
    }
}
