//! Texts with digits in them, the digits by value.

use std::cmp::Ordering;

/// Compares two texts run by run: digits with digits by value, everything else by its bytes.
pub(crate) fn compare(mut ours: &str, mut theirs: &str) -> Ordering {
    loop {
        let (our_run, our_rest) = run(ours);
        let (their_run, their_rest) = run(theirs);
        let ordering = if super::is_digits(our_run) && super::is_digits(their_run) {
            super::by_value(our_run, their_run)
        } else {
            our_run.cmp(their_run)
        };
        if ordering.is_ne() || (our_rest.is_empty() && their_rest.is_empty()) {
            return ordering;
        }
        (ours, theirs) = (our_rest, their_rest);
    }
}

/// The digits that a text begins with, or what it has before the first of them; and the rest.
fn run(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}
