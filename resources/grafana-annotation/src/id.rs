//! Ids of annotations.

use std::fmt;
use std::num::NonZeroU64;

/// The id of an annotation: a whole number above 0 that fits into Grafana's 64 bits with a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnnotationId(NonZeroU64);

impl AnnotationId {
    /// The id that a number is, if it is one.
    pub(crate) fn new(number: u64) -> Option<Self> {
        let fits = i64::try_from(number).is_ok();
        NonZeroU64::new(number).filter(|_| fits).map(Self)
    }

    /// The id in a file. CONTRACT F6: blanks around it do not matter, and it has digits only.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).and_then(Self::new)
    }
}

impl fmt::Display for AnnotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_decimal_numbers_above_zero() {
        for (text, id) in [
            ("501", Some("501")),
            (" 501\n", Some("501")),
            ("0501", Some("501")),
            ("9223372036854775807", Some("9223372036854775807")),
            ("9223372036854775808", None),
            ("0", None),
            ("", None),
            ("\n", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("5 1", None),
            ("../1", None),
            ("٣", None),
        ] {
            assert_eq!(
                AnnotationId::parse(text).map(|id| id.to_string()).as_deref(),
                id,
                "{text:?}"
            );
        }
    }
}
