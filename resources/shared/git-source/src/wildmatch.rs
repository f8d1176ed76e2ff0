//! Git's wildcard patterns (`wildmatch`), over bytes.
//!
//! A pattern is compiled once and then run as a set of states, so that no pattern takes more than its length times the
//! text's.

/// How a pattern is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mode {
    /// `*`, `?` and `[...]` stop at `/`, and only `**` crosses it.
    pub stops_at_slash: bool,
    /// ASCII letters match in either case.
    pub ignores_case: bool,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    tokens: Vec<Token>,
    ignores_case: bool,
}

#[derive(Debug, Clone)]
enum Token {
    Byte(u8),
    /// Any one byte of the set.
    Set(Box<[bool; 256]>),
    /// Any number of bytes; `/` among them or not.
    Run {
        crosses_slash: bool,
    },
    /// The next two tokens may be left out: the `**/` of a pattern that stops at slashes.
    MaySkipTwo,
    /// Nothing: the pattern is malformed from here on.
    Never,
}

impl Pattern {
    /// Compiles a pattern. One that is malformed matches nothing, as in git.
    #[must_use]
    pub fn new(pattern: &[u8], mode: Mode) -> Self {
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&byte) = pattern.get(at) {
            at += 1;
            match byte {
                b'\\' => {
                    tokens.push(
                        pattern
                            .get(at)
                            .map_or(Token::Never, |&escaped| literal(escaped, mode)),
                    );
                    at += 1;
                }
                b'?' => tokens.push(set(mode, |_| true)),
                b'*' => at = stars(pattern, at - 1, mode, &mut tokens),
                b'[' => match Class::parse(pattern, at) {
                    Some((class, end)) => {
                        tokens.push(set(mode, |byte| class.contains(byte, mode.ignores_case)));
                        at = end;
                    }
                    None => tokens.push(Token::Never),
                },
                other => tokens.push(literal(other, mode)),
            }
        }
        Self {
            tokens,
            ignores_case: mode.ignores_case,
        }
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let mut states = vec![false; self.tokens.len() + 1];
        states[0] = true;
        self.close(&mut states);
        for &byte in text {
            let byte = if self.ignores_case {
                byte.to_ascii_lowercase()
            } else {
                byte
            };
            let mut next = vec![false; states.len()];
            for (at, token) in self.tokens.iter().enumerate().filter(|&(at, _)| states[at]) {
                match token {
                    Token::Byte(wanted) => next[at + 1] |= *wanted == byte,
                    Token::Set(set) => next[at + 1] |= set[usize::from(byte)],
                    Token::Run { crosses_slash } => next[at] |= *crosses_slash || byte != b'/',
                    Token::MaySkipTwo | Token::Never => {}
                }
            }
            self.close(&mut next);
            if !next.contains(&true) {
                return false;
            }
            states = next;
        }
        states[self.tokens.len()]
    }

    /// Adds the states that are reached without reading anything. They all lie ahead.
    fn close(&self, states: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if states[at] {
                match token {
                    Token::Run { .. } => states[at + 1] = true,
                    Token::MaySkipTwo => (states[at + 1], states[at + 3]) = (true, true),
                    Token::Byte(_) | Token::Set(_) | Token::Never => {}
                }
            }
        }
    }
}

const fn literal(byte: u8, mode: Mode) -> Token {
    Token::Byte(if mode.ignores_case {
        byte.to_ascii_lowercase()
    } else {
        byte
    })
}

fn set(mode: Mode, contains: impl Fn(u8) -> bool) -> Token {
    let mut bytes = Box::new([false; 256]);
    for byte in 0..=u8::MAX {
        bytes[usize::from(byte)] = contains(byte) && !(mode.stops_at_slash && byte == b'/');
    }
    Token::Set(bytes)
}

/// Reads the stars at `first` and returns where the pattern goes on.
fn stars(pattern: &[u8], first: usize, mode: Mode, tokens: &mut Vec<Token>) -> usize {
    let end = first + pattern[first..].iter().take_while(|&&byte| byte == b'*').count();
    let rest = &pattern[end..];
    let stands_alone = end - first > 1
        && (first == 0 || pattern[first - 1] == b'/')
        && (rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/"));
    // `**/x` also matches `x`; the slash is the next token.
    if mode.stops_at_slash && stands_alone && rest.starts_with(b"/") {
        tokens.push(Token::MaySkipTwo);
    }
    tokens.push(Token::Run {
        crosses_slash: !mode.stops_at_slash || stands_alone,
    });
    end
}

/// A bracket expression.
struct Class {
    negated: bool,
    members: Vec<Member>,
}

enum Member {
    Range(u8, u8),
    Named(fn(&u8) -> bool),
    /// `[:upper:]`, which means letters of either case where case is ignored.
    Upper,
}

impl Class {
    /// Parses what follows `[`, and returns where the pattern goes on after `]`.
    fn parse(pattern: &[u8], mut at: usize) -> Option<(Self, usize)> {
        let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
        at += usize::from(negated);
        let mut members = Vec::new();
        // The byte that a `-` would begin a range with.
        let mut low = None;
        let mut is_first = true;
        loop {
            let byte = *pattern.get(at)?;
            at += 1;
            match byte {
                b']' if !is_first => return Some((Self { negated, members }, at)),
                b'-' if low.is_some() && pattern.get(at).is_some_and(|&next| next != b']') => {
                    let high = escaped(pattern, &mut at)?;
                    members.push(Member::Range(low.take().unwrap_or_default(), high));
                }
                b'[' if pattern.get(at) == Some(&b':') => {
                    let name = &pattern[at + 1..];
                    let name = &name[..name.iter().position(|&byte| byte == b']')?];
                    if let Some(name) = name.strip_suffix(b":") {
                        members.push(named(name)?);
                        at += name.len() + 3;
                        low = None;
                    } else {
                        members.push(Member::Range(b'[', b'['));
                        low = Some(b'[');
                    }
                }
                _ => {
                    at -= 1;
                    let member = escaped(pattern, &mut at)?;
                    members.push(Member::Range(member, member));
                    low = Some(member);
                }
            }
            is_first = false;
        }
    }

    fn contains(&self, byte: u8, ignores_case: bool) -> bool {
        // With case ignored the text is lower case when it gets here; git tries ranges, not single members, in upper
        // case too.
        let upper = (ignores_case && byte.is_ascii_lowercase()).then(|| byte.to_ascii_uppercase());
        let found = self.members.iter().any(|member| match member {
            Member::Range(low, high) => {
                (low..=high).contains(&&byte)
                    || (low != high && upper.is_some_and(|upper| (low..=high).contains(&&upper)))
            }
            Member::Named(is) => is(&byte),
            Member::Upper => byte.is_ascii_uppercase() || upper.is_some(),
        });
        found != self.negated
    }
}

/// The byte at `at`, or the one that a backslash there escapes.
fn escaped(pattern: &[u8], at: &mut usize) -> Option<u8> {
    if pattern.get(*at) == Some(&b'\\') {
        *at += 1;
    }
    let byte = *pattern.get(*at)?;
    *at += 1;
    Some(byte)
}

fn named(name: &[u8]) -> Option<Member> {
    Some(Member::Named(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| (b' '..=b'~').contains(byte),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => return Some(Member::Upper),
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    }))
}
