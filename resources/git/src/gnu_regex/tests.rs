use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

fn matches(pattern: &str, line: &str) -> bool {
    GnuRegex::basic(pattern)
        .unwrap_or_else(|error| panic!("{pattern:?}: {error}"))
        .matches(line.as_bytes())
        .unwrap()
}

#[test]
fn operators_are_those_of_gnu() {
    for (pattern, line, matched) in [
        ("", "x", true),
        ("^feat", "feat: x", true),
        ("^feat", "a feat", false),
        ("feat+", "feat", false),
        ("feat+", "feat+", true),
        (r"fea\+t", "feaat", true),
        (r"a\?b", "b", true),
        ("a|b", "b", false),
        ("a|b", "a|b", true),
        (r"a\|b", "b", true),
        ("(a)", "a", false),
        (r"\(ab\)*c", "ababc", true),
        (r"\(a\)\1", "aa", true),
        (r"\(a\)\1", "ab", false),
        (r"a\{2,3\}$", "baaa", true),
        (r"^a\{2\}$", "aaa", false),
        (r"a\{,1\}b", "b", true),
        ("a{2}", "a{2}", true),
        ("*a", "*a", true),
        (r"\(*a\)", "*a", true),
        ("^*a", "*a", true),
        ("a**", "aaa", true),
        ("a^b$c", "a^b$c", true),
        (r"\(^a\)", "ba", false),
        (r"x\|^a", "ba", false),
        (r"\(a$\)", "ab", false),
        ("[]a]", "]", true),
        ("[^]a]", "]", false),
        (r"[\n]", r"\", true),
        ("[a-c-]", "-", true),
        ("[[:digit:]x]", "7", true),
        ("[[.-.]]", "-", true),
        ("[a&&b]", "&", true),
        ("a.c", "a\u{e9}c", false),
        ("a..c", "a\u{e9}c", true),
        (r"a\.c", "abc", false),
        (r"\<b", "a b", true),
        (r"\<b", "ab", false),
        (r"a\>", "ab", false),
        (r"\bx\b", "a x b", true),
        (r"\w\W\w", "a-b", true),
        (r"\sx", "a x", true),
        (r"\S\s", "a b", true),
        (r"a*\?b", "aab", true),
        ("#5", "fix #5", true),
        ("[skip]", "s", true),
        ("A", "a", false),
        (r"\(\(a\)\2\)", "aa", true),
        (r"\(\(a\)\2\)", "ab", false),
        (r"\(a\|b\)\1", "bb", true),
        (r"\(a\)\<b\1", "ab", false),
        (r"\(a\) \<b\1\>", "a ba", true),
        ("^.$", "\u{e9}", false),
        ("^..$", "\u{e9}", true),
        ("\u{e9}\u{e8}", "x\u{e9}\u{e8}y", true),
        ("[\u{e9}]", "\u{e9}", true),
        ("[a-c-]$", "b", true),
        ("[-a]", "-", true),
    ] {
        assert_eq!(matches(pattern, line), matched, "{pattern:?} on {line:?}");
    }
}

#[test]
fn what_is_no_pattern_is_an_error() {
    for (pattern, words) in [
        (r"a\(", r"Unmatched ( or \("),
        (r"a\)", r"Unmatched ) or \)"),
        (r"a\", "Trailing backslash"),
        ("[a", "Unmatched [, [^, [:, [., or [="),
        ("[]", "Unmatched [, [^, [:, [., or [="),
        ("[[:foo:]]", "Invalid character class name"),
        ("[b-a]", "Invalid range end"),
        (r"a\{2", r"Unmatched { or \{"),
        (r"a\{3,2\}", r"Invalid content of \{\}"),
        (r"a\{40000\}", "Regular expression too big"),
        (r"\{2\}", "Invalid preceding regular expression"),
        (r"\(a\)\2", "Invalid back reference"),
        (r"\(\(a\)\1\)", "Invalid back reference"),
        (r"\(a\)\|b\1", "Invalid back reference"),
        ("[[=a=]-c]", "Invalid range end"),
        ("[a-c-e]", "Invalid range end"),
        ("[a-[:digit:]]", "Invalid range end"),
        (r"\(a\{1000\}\)\{1000\}", "Regular expression too big"),
    ] {
        assert_eq!(
            GnuRegex::basic(pattern).unwrap_err().to_string(),
            words,
            "{pattern:?}"
        );
    }
}

#[test]
fn extended_expressions_match_whole_lines() {
    for (pattern, line, matched) in [
        ("rel-[0-9]+", "rel-12", true),
        ("rel", "rel-1", false),
        ("(a|ab)c?", "abc", true),
        ("a|b", "a", true),
        ("a|b", "ab", false),
        ("(a|b)\\1", "bb", true),
        ("(a|b)\\1", "ab", false),
        (r"v\d", "v1", false),
        (r"v\d", "vd", true),
        (r"v[[:digit:]]\.\w+", "v1.x_2", true),
        ("a{2}", "aa", true),
        ("a{,2}", "", true),
        ("a{1", "a{1", true),
        ("x{1a}", "x{1a}", true),
        ("{", "{", true),
        ("*a", "a", true),
        ("a|*b", "b", true),
        ("{1}a", "a", true),
        ("()", "", true),
        ("a||b", "", true),
        ("^a$", "a", true),
        ("a$b", "a$b", false),
        (r"a\$b", "a$b", true),
        (r"\(a\)", "(a)", true),
        (r"a\{2\}", "a{2}", true),
        (r"v1\+x", "v1+x", true),
        ("A", "a", false),
    ] {
        let regex = GnuRegex::extended_whole(pattern).unwrap();
        assert_eq!(
            regex.matches(line.as_bytes()),
            Ok(matched),
            "{pattern:?} on {line:?}"
        );
    }
    for (pattern, words) in [
        ("a(", r"Unmatched ( or \("),
        ("a)", r"Unmatched ) or \)"),
        ("a{3,1}", r"Invalid content of \{\}"),
        ("a{1,2,3}", r"Invalid content of \{\}"),
        ("a{99999}", "Regular expression too big"),
        ("[[:foo:]]", "Invalid character class name"),
        (r"(a)|\1", "Invalid back reference"),
        (r"a\", "Trailing backslash"),
    ] {
        assert_eq!(
            GnuRegex::extended_whole(pattern).unwrap_err().to_string(),
            words,
            "{pattern:?}"
        );
    }
}

/// Numbers below a bound, the same in every run.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut seed = 20_261_123_u64;
    move |bound| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % bound as u64).unwrap()
    }
}

const LETTERS: [&str; 10] = ["a", "b", "-", " ", "+", "(", "|", "]", "{", "."];

fn random_lines(next: &mut impl FnMut(usize) -> usize) -> Vec<String> {
    (0..60)
        .map(|_| (0..next(7)).map(|_| LETTERS[next(LETTERS.len())]).collect())
        .collect()
}

#[test]
fn extended_expressions_agree_with_grep() {
    let mut next = numbers();
    let pieces = [
        "a",
        "b",
        "-",
        " ",
        ".",
        "*",
        "^",
        "$",
        "+",
        "?",
        "|",
        "{",
        "{1,2}",
        "{2}",
        "(",
        ")",
        "(a",
        "b)",
        r"\(",
        r"\|",
        r"\+",
        r"\{",
        r"\1",
        r"\2",
        "[ab]",
        "[^a]",
        "[]a]",
        "[[:alpha:]]",
        r"\w",
        r"\W",
        r"\s",
        r"\.",
        r"\*",
    ];
    let lines = random_lines(&mut next);
    let mut compared = 0;
    for _ in 0..500 {
        let pattern: String = (0..=next(5)).map(|_| pieces[next(pieces.len())]).collect();
        let expected = grep(&["-E", "-x"], &pattern, &lines);
        let regex = GnuRegex::extended_whole(&pattern);
        let (Some(expected), Ok(regex)) = (expected, &regex) else {
            continue;
        };
        let found: Vec<usize> = (0..lines.len())
            .filter(|&index| regex.matches(lines[index].as_bytes()).unwrap())
            .collect();
        assert_eq!(found, expected, "{pattern:?} on {lines:?}");
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

/// Random patterns on random lines, beside grep.
#[test]
fn basic_expressions_agree_with_grep() {
    let mut next = numbers();
    let pieces = [
        "a",
        "b",
        "-",
        " ",
        ".",
        "*",
        "^",
        "$",
        "+",
        "?",
        "|",
        "{",
        "(",
        r"\(",
        r"\)",
        r"\|",
        r"\+",
        r"\?",
        r"\{1,2\}",
        r"\{2\}",
        // Grep repeats the empty match at the edge of a word; regcomp, which git calls, does not.
        r"\<a",
        r"\>-",
        r"\bb",
        r"\Ba",
        r"\1",
        r"\2",
        "[ab]",
        "[^a]",
        "[a-b-]",
        "[]a]",
        "[[:alpha:]]",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        r"\.",
        r"\*",
        r"\/",
    ];
    let lines = random_lines(&mut next);
    let mut compared = 0;
    for _ in 0..400 {
        let pattern: String = (0..=next(5)).map(|_| pieces[next(pieces.len())]).collect();
        // Grep takes this dollar sign for an anchor if the bar is repeated; regcomp, which git calls, does not.
        if pattern.contains("$|") {
            continue;
        }
        let Some(expected) = grep(&["-G"], &pattern, &lines) else {
            continue;
        };
        let regex = match GnuRegex::basic(&pattern) {
            Ok(regex) => regex,
            // Git's regcomp is stricter than grep: nothing comes before such an interval.
            Err(error) if error.to_string() == "Invalid preceding regular expression" => continue,
            Err(error) => panic!("grep takes {pattern:?}: {error}"),
        };
        let found: Vec<usize> = (0..lines.len())
            .filter(|&index| regex.matches(lines[index].as_bytes()).unwrap())
            .collect();
        assert_eq!(found, expected, "{pattern:?} on {lines:?}");
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}

/// The numbers of the lines that grep finds; none if it does not take the pattern without complaint.
fn grep(syntax: &[&str], pattern: &str, lines: &[String]) -> Option<Vec<usize>> {
    let mut child = Command::new("grep")
        .args(syntax)
        .args(["-n", "-e", pattern])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = lines.join("\n") + "\n";
    // It reads nothing if it does not take the pattern.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    if output.status.code() == Some(2) || !output.stderr.is_empty() {
        return None;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let number = |line: &str| line.split(':').next().unwrap().parse::<usize>().unwrap() - 1;
    Some(text.lines().map(number).collect())
}
