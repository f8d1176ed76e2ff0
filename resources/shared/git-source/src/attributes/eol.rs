//! Line ends: git's `convert.c` in values.

/// What is done with the line ends of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    None,
    /// They are text.
    Text(End),
    /// They are text if they look like it.
    Auto(End),
}

/// How lines end in the work tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Lf,
    CrLf,
}

/// Counts of bytes, by which text is told from other content.
#[derive(Debug, Default)]
struct Stats {
    nul: usize,
    lone_cr: usize,
    lone_lf: usize,
    crlf: usize,
    printable: usize,
    other: usize,
}

impl Stats {
    fn new(content: &[u8]) -> Self {
        let mut stats = Self::default();
        let mut bytes = content.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.next_if_eq(&b'\n').is_some() => stats.crlf += 1,
                b'\r' => stats.lone_cr += 1,
                b'\n' => stats.lone_lf += 1,
                0 => {
                    stats.nul += 1;
                    stats.other += 1;
                }
                8 | 9 | 12 | 27 | 32..=126 | 128.. => stats.printable += 1,
                _ => stats.other += 1,
            }
        }
        // The end of a file of DOS.
        if content.last() == Some(&0x1a) {
            stats.other -= 1;
        }
        stats
    }

    fn is_binary(&self) -> bool {
        self.lone_cr > 0 || self.nul > 0 || self.printable >> 7 < self.other
    }
}

/// Content as it goes to the work tree; none where it stays as it is.
pub(super) fn to_worktree(action: Action, content: &[u8]) -> Option<Vec<u8>> {
    let is_auto = match action {
        Action::Text(End::CrLf) => false,
        Action::Auto(End::CrLf) => true,
        _ => return None,
    };
    let stats = Stats::new(content);
    if stats.lone_lf == 0 || is_auto && (stats.crlf > 0 || stats.is_binary()) {
        return None;
    }
    let mut converted = Vec::with_capacity(content.len() + stats.lone_lf);
    let mut before = 0;
    for &byte in content {
        if byte == b'\n' && before != b'\r' {
            converted.push(b'\r');
        }
        converted.push(byte);
        before = byte;
    }
    Some(converted)
}

/// Content as it goes into the repository; none where it stays as it is. `stored` is what the index has of that path.
pub(super) fn to_git(
    action: Action,
    content: &[u8],
    stored: impl FnOnce() -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let is_auto = match action {
        Action::None => return None,
        Action::Text(_) => false,
        Action::Auto(_) => true,
    };
    let stats = Stats::new(content);
    if stats.crlf == 0 || is_auto && (stats.is_binary() || stored().is_some_and(|stored| has_crlf(&stored))) {
        return None;
    }
    let mut converted = Vec::with_capacity(content.len());
    for (at, &byte) in content.iter().enumerate() {
        if byte != b'\r' || content.get(at + 1) != Some(&b'\n') {
            converted.push(byte);
        }
    }
    Some(converted)
}

/// Whether it is text that was stored with CRLF: then it stays so.
fn has_crlf(stored: &[u8]) -> bool {
    let stats = Stats::new(stored);
    stats.crlf > 0 && !stats.is_binary()
}
