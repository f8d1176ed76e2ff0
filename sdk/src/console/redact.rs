//! Keeps secrets out of text.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands where a secret was; Concourse writes the same.
const REPLACEMENT: &str = "((redacted))";

/// Shorter values are everywhere in ordinary text: replacing them would make a log unreadable and name the secret.
const SHORTEST: usize = 4;

/// A piece of base64 has no beginning or end to know it by, so it has to be longer to be told from other text.
const SHORTEST_BASE64_PIECE: usize = 10;

/// RFC 3986: what is never encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// What the URL standard encodes in user info.
const USERINFO: &AsciiSet = &PATH
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'|');
/// What the URL standard encodes in a path.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');
/// What form encoding encodes; a blank becomes `+` afterwards.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b' ');

/// Knows each secret and the forms in which it may appear.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    secrets: BTreeSet<String>,
    forms: BTreeSet<String>,
    // Built when first needed after a registration: most commands register several secrets and print nothing.
    finder: Option<AhoCorasick>,
}

impl Redactor {
    /// Registers a secret with its derived forms.
    pub(crate) fn register(&mut self, secret: &str) {
        if !self.secrets.insert(secret.to_owned()) {
            return;
        }
        let before = self.forms.len();
        self.derive_all(secret);
        if self.forms.len() != before {
            self.finder = None;
        }
    }

    /// Takes a secret back. What other secrets have in common with it stays hidden.
    pub(crate) fn forget(&mut self, secret: &str) {
        if !self.secrets.remove(secret) {
            return;
        }
        self.forms.clear();
        self.finder = None;
        for secret in self.secrets.clone() {
            self.derive_all(&secret);
        }
    }

    fn derive_all(&mut self, secret: &str) {
        let trimmed = secret.trim();
        derive(secret, &mut self.forms);
        derive(trimmed, &mut self.forms);
        base64_pieces(secret, &mut self.forms);
        base64_pieces(trimmed, &mut self.forms);
        if trimmed.contains(['\n', '\r']) {
            for line in trimmed.split(['\n', '\r']) {
                derive(line.trim(), &mut self.forms);
            }
        }
    }

    /// The text without secrets. Where secrets overlap, all of what they cover is replaced.
    pub(crate) fn redact<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.forms.is_empty() {
            return Cow::Borrowed(text);
        }
        if self.finder.is_none() {
            self.finder = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(&self.forms)
                .ok();
        }
        let Some(finder) = &self.finder else {
            // Only absurdly large secrets get here; saying nothing is the safe side.
            return Cow::Borrowed(REPLACEMENT);
        };
        let covered = merged(
            finder
                .find_overlapping_iter(text)
                .map(|found| (found.start(), found.end()))
                .collect(),
        );
        if covered.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        for (start, end) in covered {
            clean.push_str(&text[from..start]);
            clean.push_str(REPLACEMENT);
            from = end;
        }
        clean.push_str(&text[from..]);
        Cow::Owned(clean)
    }
}

fn merged(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

fn derive(secret: &str, forms: &mut BTreeSet<String>) {
    // Judged by the secret itself: `%0A` is longer than the line break that it stands for.
    if secret.len() < SHORTEST {
        return;
    }
    let json = serde_json::Value::from(secret).to_string();
    let quoted = format!("{secret:?}");
    let inner = |text: &str| text[1..text.len() - 1].to_owned();
    forms.insert(secret.to_owned());
    forms.insert(inner(&json));
    forms.insert(inner(&json).replace('/', "\\/"));
    forms.insert(inner(&quoted));
    for set in [NON_ALPHANUMERIC, UNRESERVED, COMPONENT, USERINFO, PATH, FORM] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        let encoded = if std::ptr::eq(set, FORM) {
            encoded.replace(' ', "+")
        } else {
            encoded
        };
        forms.insert(lower_hex(&encoded));
        forms.insert(encoded);
    }
}

/// `%2F` as `%2f`, which some programs write.
fn lower_hex(encoded: &str) -> String {
    let mut rest = encoded;
    let mut lower = String::with_capacity(encoded.len());
    while let Some(at) = rest.find('%') {
        let (head, tail) = rest.split_at(at);
        let escape = tail.get(..3).unwrap_or(tail);
        lower.push_str(head);
        lower.push_str(&escape.to_ascii_lowercase());
        rest = &tail[escape.len()..];
    }
    lower + rest
}

/// The base64 forms, and what every base64 of a longer text shows in which the secret stands, whatever is around it.
fn base64_pieces(secret: &str, forms: &mut BTreeSet<String>) {
    if secret.len() < SHORTEST {
        return;
    }
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        let whole = engine.encode(secret);
        forms.insert(format!("{whole}{}", "=".repeat((4 - whole.len() % 4) % 4)));
        forms.insert(whole);
        for before in 0..3_usize {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            // Whole groups of three bytes: the last characters depend on what follows the secret.
            let known = bytes.len() - bytes.len() % 3;
            let encoded = engine.encode(&bytes[..known]);
            // The first characters depend on what comes before it.
            let piece = encoded.get([0, 2, 3][before]..).unwrap_or_default();
            if piece.len() >= SHORTEST_BASE64_PIECE {
                forms.insert(piece.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.register(secret);
        }
        redactor
    }

    #[test]
    fn a_secret_that_was_taken_back_is_shown_and_the_others_are_not() {
        let mut redactor = Redactor::default();
        redactor.register("https://hooks.example/T/B/x1");
        redactor.register("other-secret");
        redactor.forget("https://hooks.example/T/B/x1");
        redactor.forget("never-registered");
        assert_eq!(
            redactor.redact("https://hooks.example/T/B/x1 other-secret"),
            "https://hooks.example/T/B/x1 ((redacted))"
        );
        redactor.register("https://hooks.example/T/B/x1");
        assert_eq!(redactor.redact("https://hooks.example/T/B/x1"), "((redacted))");
    }

    #[test]
    fn every_derived_form_is_replaced() {
        let secret = "p@ss/w\"ö rd+1";
        for form in [
            secret,
            r#"p@ss/w\"ö rd+1"#,
            r#"p@ss\/w\"ö rd+1"#,
            "p%40ss%2Fw%22%C3%B6%20rd%2B1",
            "p%40ss%2fw%22%c3%b6%20rd%2b1",
            "p%40ss%2Fw%22%C3%B6+rd%2B1",
            "p%40ss%2Fw%22%C3%B6%20rd+1",
            &STANDARD_NO_PAD.encode(secret),
            &URL_SAFE_NO_PAD.encode(secret),
        ] {
            let text = format!("a {form} b");
            assert_eq!(redactor(&[secret]).redact(&text), "a ((redacted)) b", "{form}");
        }
    }

    #[test]
    fn base64_of_a_text_around_the_secret_does_not_show_it() {
        let secret = "correct-horse-battery";
        for around in ["", "u", "us", "use", "user:"] {
            let text = STANDARD_NO_PAD.encode(format!("{around}{secret}!"));
            let clean = redactor(&[secret]).redact(&text).into_owned();
            assert!(clean.contains(REPLACEMENT), "{around}: {clean}");
            assert!(clean.len() < REPLACEMENT.len() + 14, "{around}: {clean}");
        }
    }

    #[test]
    fn each_line_of_a_multi_line_secret_is_replaced() {
        let mut redactor = redactor(&["-----BEGIN KEY-----\r\nAAAABBBB\n  CCCCDDDD\n-----END KEY-----\n"]);
        assert_eq!(redactor.redact("x CCCCDDDD y"), "x ((redacted)) y");
        assert_eq!(redactor.redact("x AAAABBBB"), "x ((redacted))");
    }

    #[test]
    fn overlapping_secrets_leave_nothing_behind() {
        let mut redactor = redactor(&["abcdef", "defxyz", "abcd"]);
        assert_eq!(
            redactor.redact("-abcdefxyz-abcdx-"),
            "-((redacted))-((redacted))x-"
        );
    }

    #[test]
    fn short_values_stay_and_nothing_is_found_in_a_text_without_secrets() {
        let mut redactor = redactor(&["abc", "", "  \n"]);
        assert_eq!(redactor.redact("abc and   \n more"), "abc and   \n more");
    }

    #[test]
    fn a_secret_registered_later_counts_too() {
        let mut redactor = redactor(&["first-one"]);
        assert_eq!(redactor.redact("first-one"), REPLACEMENT);
        redactor.register("second-one");
        assert_eq!(redactor.redact("second-one"), REPLACEMENT);
    }
}
