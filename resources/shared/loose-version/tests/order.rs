//! The grammar and the order, against what the reference implementation answers and what ours adds.

use std::cmp::Ordering;

use loose_version::{LooseVersion, Mixture, Order};
use serde_json::Value;

const VECTORS: &str = include_str!("loose-version.json");

fn version(text: &str) -> LooseVersion {
    LooseVersion::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn the_same_texts_are_versions_as_in_the_reference() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let rows = vectors["valid"].as_object().unwrap();
    assert_eq!(rows.len(), 47);
    for (text, valid) in rows {
        // CONTRACT s3, F2: numbers past 64 bits compare.
        let valid = valid.as_bool().unwrap() || text == "9223372036854775808";
        assert_eq!(LooseVersion::parse(text).is_ok(), valid, "{text:?}");
    }
}

#[test]
fn the_order_is_that_of_the_reference() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let rows = vectors["order"].as_array().unwrap();
    assert_eq!(rows.len(), 630);
    for row in rows {
        let [a, b] = ["a", "b"].map(|key| version(row[key].as_str().unwrap()));
        let expected = row["cmp"].as_i64().unwrap().cmp(&0);
        assert_eq!(a.compare(&b, Order::Loose), expected, "{row}");
        assert_eq!(b.compare(&a, Order::Loose), expected.reverse(), "{row}");
    }
}

#[test]
fn numbers_of_any_length_compare() {
    let (smaller, larger) = (
        version("9223372036854775807"),
        version("100000000000000000000000000"),
    );
    assert_eq!(smaller.compare(&larger, Order::Loose), Ordering::Less);
}

#[test]
fn digits_compare_by_value_in_the_natural_order() {
    for (older, newer) in [
        ("0999", "1000"),
        ("2024.09", "2024.10"),
        ("rc9", "rc10"),
        ("1.0-rc-9", "1.0-rc-10"),
        ("007", "8"),
        ("build09b", "build9c"),
        ("10", "text"),
        ("a", "a1"),
    ] {
        let [a, b] = [older, newer].map(version);
        assert_eq!(a.compare(&b, Order::Natural), Ordering::Less, "{older} {newer}");
        assert_eq!(
            b.compare(&a, Order::Natural),
            Ordering::Greater,
            "{older} {newer}"
        );
    }
    for (a, b) in [("01", "1"), ("1.00", "1"), ("rc01", "rc1")] {
        assert_eq!(
            version(a).compare(&version(b), Order::Natural),
            Ordering::Equal,
            "{a} {b}"
        );
    }
}

#[test]
fn a_version_is_shown_as_it_was_written() {
    for text in ["1.0-rc-1.2+b.007", "tool", "1+a"] {
        assert_eq!(version(text).to_string(), text);
    }
}

#[test]
fn a_mixture_is_seen_at_one_place_only() {
    let found = |texts: &[&str]| {
        let mut mixture = Mixture::default();
        for text in texts {
            mixture.see(&version(text));
        }
        mixture.found().map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let both = Some(("2024.09".to_owned(), "2024.10".to_owned()));
    assert_eq!(found(&["2024.10", "2024.09"]), both);
    assert_eq!(found(&["2024.09", "2024.08"]), None);
    assert_eq!(found(&["1.09", "2", "3.a"]), None);
}
