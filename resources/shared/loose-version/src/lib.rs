//! The versions that people put into the names of files and tags, and their order.
//!
//! A version is `release[-pre][+post]`, each part a list of components with `.` between them. A component is a number or a text:
//! `1.0-rc.9` is older than `1.0-rc.10`, and that than `1.0`. What begins with a zero is a text, unless the order is
//! [`Order::Natural`].
//!
//! ```
//! use loose_version::{LooseVersion, Order};
//!
//! let [older, newer] = ["2024.09", "2024.10"].map(|text| LooseVersion::parse(text).unwrap());
//! assert!(older.compare(&newer, Order::Loose).is_gt());
//! assert!(older.compare(&newer, Order::Natural).is_lt());
//! ```

mod mixture;
mod natural;

use std::cmp::Ordering;
use std::fmt;
use std::iter::repeat_n;

pub use mixture::Mixture;

/// How two versions compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Numbers by value; what begins with a zero (`09`) is a text, and above every number.
    #[default]
    Loose,
    /// Digits by value wherever they are, whatever zeros they begin with: `09` is 9, and `rc9` older than `rc10`.
    Natural,
}

/// A version. Two are equal if neither is newer: `1` and `1.0`.
#[derive(Debug, Clone)]
pub struct LooseVersion {
    release: Part,
    pre: Option<Part>,
    post: Option<Part>,
}

type Part = Vec<Component>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Component {
    /// Digits without a zero in front, of any length.
    Number(Box<str>),
    Text(Box<str>),
}

/// Why a text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// A component is empty, as in `1..2`, or the whole text is.
    EmptyComponent,
    /// A character that a version cannot have at that place.
    Character(char),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyComponent => f.write_str("a part of it is empty"),
            Self::Character(character) => write!(f, "{character:?} cannot be part of a version"),
        }
    }
}

impl std::error::Error for Invalid {}

impl LooseVersion {
    /// Reads a version; all of the text has to be one.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (text, post) = cut(text, '+');
        let (release, pre) = cut(text, '-');
        Ok(Self {
            release: part(release, false)?,
            pre: pre.map(|pre| part(pre, true)).transpose()?,
            post: post.map(|post| part(post, true)).transpose()?,
        })
    }

    /// Which of two versions is newer.
    #[must_use]
    pub fn compare(&self, other: &Self, order: Order) -> Ordering {
        compare_parts(&self.release, &other.release, order)
            .then_with(|| match (&self.pre, &other.pre) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(ours), Some(theirs)) => compare_parts(ours, theirs, order),
            })
            .then_with(|| match (&self.post, &other.post) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(ours), Some(theirs)) => compare_parts(ours, theirs, order),
            })
    }

    /// The parts that are there, each with its place.
    fn parts(&self) -> impl Iterator<Item = (usize, &Part)> {
        [Some(&self.release), self.pre.as_ref(), self.post.as_ref()]
            .into_iter()
            .enumerate()
            .filter_map(|(place, part)| Some((place, part?)))
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn part(text: &str, hyphens: bool) -> Result<Part, Invalid> {
    text.split('.').map(|text| component(text, hyphens)).collect()
}

fn component(text: &str, hyphens: bool) -> Result<Component, Invalid> {
    let allowed = |&c: &char| c.is_ascii_alphanumeric() || c == '_' || (hyphens && c == '-');
    if text.is_empty() {
        return Err(Invalid::EmptyComponent);
    }
    if let Some(wrong) = text.chars().find(|c| !allowed(c)) {
        return Err(Invalid::Character(wrong));
    }
    Ok(if is_number(text) {
        Component::Number(text.into())
    } else {
        Component::Text(text.into())
    })
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A list that is longer by zeros only is equal; by anything else, it is newer.
fn compare_parts(ours: &[Component], theirs: &[Component], order: Order) -> Ordering {
    let common = ours.len().min(theirs.len());
    let longer = |rest: &[Component]| !rest.iter().all(|component| component.is_zero(order));
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours.compare(theirs, order))
        .find(|ordering| ordering.is_ne())
        .unwrap_or_else(|| longer(&ours[common..]).cmp(&longer(&theirs[common..])))
}

impl Component {
    fn is_zero(&self, order: Order) -> bool {
        self.number(order)
            .is_some_and(|digits| digits.bytes().all(|byte| byte == b'0'))
    }

    /// The digits, if this is a number in that order.
    fn number(&self, order: Order) -> Option<&str> {
        match self {
            Self::Number(digits) => Some(digits),
            Self::Text(text) => Some(&**text).filter(|text| order == Order::Natural && is_digits(text)),
        }
    }

    fn compare(&self, other: &Self, order: Order) -> Ordering {
        match (self.number(order), other.number(order)) {
            (Some(ours), Some(theirs)) => by_value(ours, theirs),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => match order {
                Order::Loose => self.text().cmp(other.text()),
                Order::Natural => natural::compare(self.text(), other.text()),
            },
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Number(text) | Self::Text(text) => text,
        }
    }
}

/// Digits of any length by their value.
fn by_value(ours: &str, theirs: &str) -> Ordering {
    let [ours, theirs] = [ours, theirs].map(|digits| digits.trim_start_matches('0'));
    ours.len().cmp(&theirs.len()).then_with(|| ours.cmp(theirs))
}

impl fmt::Display for LooseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts() {
            f.write_str(["", "-", "+"][place])?;
            let dots = std::iter::once("").chain(repeat_n(".", part.len()));
            for (dot, component) in dots.zip(part) {
                write!(f, "{dot}{}", component.text())?;
            }
        }
        Ok(())
    }
}
