//! Globs against what Go answers, and the syntax of regular expressions where it is Go's own.

use go_match::{Glob, Pattern};
use serde_json::Value;

#[test]
fn globs_match_what_they_match_in_go() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("go-glob.json")).unwrap();
    assert_eq!(rows.len(), 621);
    for row in rows {
        let [pattern, name] = ["pattern", "name"].map(|key| row[key].as_str().unwrap());
        let answer = Glob::new(pattern).map(|glob| glob.matches(name));
        let expected = (row["error"] != true).then(|| row["matches"].as_bool().unwrap());
        assert_eq!(answer.ok(), expected, "{row}");
    }
}

#[test]
fn many_stars_take_no_time() {
    let glob = Glob::new(&"*a".repeat(50)).unwrap();
    assert!(!glob.matches(&("a".repeat(2000) + "b")));
}

#[test]
fn patterns_are_read_as_go_reads_them() {
    for (pattern, text, matches) in [
        (r"\d+", "12", true),
        (r"\d", "٣", false),
        (r"\D", "٣", true),
        (r"\w+", "a_1", true),
        (r"\w", "é", false),
        (r"[\w-]+", "a-b", true),
        (r"[^\d]", "x", true),
        (r"[^\d]", "1", false),
        (r"[\D]", "1", false),
        (r"\s", "\u{b}", false),
        (r"[\s]", "\u{a0}", false),
        (r"\bé\b", "é", false),
        (r"a\Bb", "ab", true),
        (r"(?P<n>a)(?<m>b)", "ab", true),
        (r"a{b}", "a{b}", true),
        (r"a{,2}", "a{,2}", true),
        (r"a{2}", "aa", true),
        (r"a{1,}", "aaa", true),
        (r"\<a\>", "<a>", true),
        (r"[[]", "[", true),
        (r"[]a]+", "]a", true),
        (r"[^]a]", "]", false),
        (r"[a&&b]+", "a&b", true),
        (r"[a~~b]+", "~", true),
        (r"[+--]+", "+,-", true),
        (r"[[:digit:]x]+", "1x", true),
        (r"\Qa.b[\E.", "a.b[c", true),
        (r"\Qa.b", "axb", false),
        (r"(?i)A", "a", true),
        (r"a|ab", "ab", true),
        (r"é+", "éé", true),
        ("a\n", "a", false),
    ] {
        let pattern_read = Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        assert_eq!(
            pattern_read.whole().unwrap().is_match(text),
            matches,
            "{pattern} {text}"
        );
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in [
        "(",
        "[",
        "[a",
        "a)",
        r"a\",
        r"(?=a)",
        r"(a)\1",
        "*a",
        "[z-a]",
        "(?<n>a)(?<n>b)",
    ] {
        let error = Pattern::new(pattern).expect_err(pattern).to_string();
        assert!(!error.is_empty() && !error.contains('\n'), "{pattern}: {error}");
    }
}

#[test]
fn the_literal_text_at_the_start_is_known() {
    for (pattern, prefix) in [
        ("app-(.*)", "app-"),
        (r"release-1\.2", "release-1.2"),
        ("release-1.2", "release-1"),
        ("(eu|us)", ""),
        ("(rel-a|rel-b)x", "rel-"),
        ("(?i)app", ""),
        (".*", ""),
        ("ab?c", "a"),
        ("a+", "a"),
        ("", ""),
        ("x|y", ""),
        ("é|è", ""),
        ("^app", "app"),
        (r"\bapp", "app"),
        ("(?:app){2}", "appapp"),
        ("a(?:)b", "ab"),
    ] {
        assert_eq!(
            Pattern::new(pattern).unwrap().literal_prefix(),
            prefix,
            "{pattern}"
        );
    }
}

#[test]
fn a_pattern_that_is_a_text_is_known() {
    for (pattern, literal) in [
        (r"v1\.0", Some("v1.0")),
        ("", Some("")),
        ("(a)", None),
        ("a.c", None),
        ("^a", None),
        (r"\Qa.b\E", Some("a.b")),
        ("a|b", None),
    ] {
        assert_eq!(
            Pattern::new(pattern).unwrap().literal().as_deref(),
            literal,
            "{pattern}"
        );
    }
}
