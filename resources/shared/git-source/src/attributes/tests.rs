//! Beside stock git, on random files of attributes and names.

mod conversion;

use std::fmt::Write as _;

use fastrand::Rng;
use stock_git::StockGit;

use super::*;

const NAMES: [&[u8]; 6] = [
    b"text",
    b"crlf",
    b"eol",
    b"ident",
    b"working-tree-encoding",
    b"filter",
];

const PATHS: [&str; 16] = [
    "a",
    "a.txt",
    ".editorconfig",
    "b/a.txt",
    "b/c/a.txt",
    "b/c/d.bin",
    "b/.x",
    "c/a.txt",
    "c/b/a.txt",
    "x y.txt",
    "!a",
    "#a",
    "b/a[1].txt",
    "ä.txt",
    "\"q\".txt",
    "tab\there",
];

fn pattern(rng: &mut Rng) -> String {
    let patterns = [
        "*",
        "*.txt",
        "a",
        "a.txt",
        "/a.txt",
        "b/a.txt",
        "b/*",
        "b/**",
        "**/a.txt",
        "**/c/*",
        "b/",
        "!a",
        "\\!a",
        "#a",
        "\\#a",
        "x?y.txt",
        "\"x y.txt\"",
        "\"\\303\\244.txt\"",
        "ä.txt",
        "[ab]*",
        "*.[a-t]*",
        "a\\[1\\].txt",
        "b/a[[]1].txt",
        "\"tab\\there\"",
        "\"unclosed",
        "\"\\9\"",
        "c/**/a.txt",
        "?",
        "[attr]mine",
        "[attr]binary",
        "[attr] other",
        ".*",
        "*/a.txt",
        "b/c/",
        "\"\\\"q\\\".txt\"",
    ];
    patterns[rng.usize(..patterns.len())].to_owned()
}

fn word(rng: &mut Rng) -> String {
    let words = [
        "text",
        "-text",
        "!text",
        "text=auto",
        "text=input",
        "text=what",
        "crlf",
        "-crlf",
        "crlf=input",
        "crlf=auto",
        "eol=lf",
        "eol=crlf",
        "eol",
        "!eol",
        "ident",
        "-ident",
        "!ident",
        "ident=x",
        "filter=lfs",
        "-filter",
        "binary",
        "-binary",
        "!binary",
        "mine",
        "-mine",
        "other",
        "b@d",
        "-",
        "working-tree-encoding=UTF-16LE",
        "working-tree-encoding=utf8",
        "-working-tree-encoding",
        "working-tree-encoding=",
        "filter=",
    ];
    words[rng.usize(..words.len())].to_owned()
}

fn file(rng: &mut Rng) -> String {
    let mut text = String::new();
    if rng.u8(..20) == 0 {
        text.push('\u{feff}');
    }
    for _ in 0..rng.usize(1..8) {
        let _ = write!(text, "{}{}", ["", "", "  ", "\t"][rng.usize(..4)], pattern(rng));
        for _ in 0..rng.usize(0..4) {
            let _ = write!(text, "{}{}", [" ", "\t", "  "][rng.usize(..3)], word(rng));
        }
        text.push_str(["\n", "\n", "\r\n", "\n\n# comment\n"][rng.usize(..4)]);
    }
    if rng.u8(..30) == 0 {
        let _ = writeln!(text, "*{} text", " ".repeat(3000));
    }
    if rng.u8(..30) == 0 {
        text.push_str("*.txt text\0 ident\n* ident\n");
    }
    text
}

/// What `git check-attr` says of a path, from the index.
fn stock(git: &StockGit, path: &str) -> String {
    let mut args = vec!["check-attr", "--cached", "-z"];
    args.extend(NAMES.iter().map(|name| std::str::from_utf8(name).unwrap()));
    args.extend(["--", path]);
    git.run(&args)
        .split('\0')
        .skip(2)
        .step_by(3)
        .collect::<Vec<_>>()
        .join(" ")
}

fn ours(attributes: &Attributes, path: &str) -> String {
    let shown = attributes
        .states(path.as_bytes(), NAMES)
        .map(|state| match state {
            Some(State::Set) => "set".to_owned(),
            Some(State::Unset) => "unset".to_owned(),
            Some(State::Value(value)) => String::from_utf8(value).unwrap(),
            Some(State::Unspecified) | None => "unspecified".to_owned(),
        });
    shown.join(" ")
}

#[test]
fn attributes_are_those_of_stock_git() {
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let git = StockGit::new();
        let mut files = Vec::new();
        for directory in ["", "b", "b/c", "c/b"] {
            if rng.bool() {
                let content = file(&mut rng);
                files.push((directory.as_bytes().to_vec(), content.into_bytes()));
            }
        }
        let info = rng.bool().then(|| file(&mut rng));
        let configured = rng.bool().then(|| file(&mut rng));
        for (directory, content) in &files {
            let path = [directory.as_slice(), b"/.gitattributes"].concat();
            let path = std::str::from_utf8(&path).unwrap().trim_start_matches('/');
            let id = git.repo().blob(content).unwrap();
            git.run(&[
                "update-index",
                "--add",
                "--cacheinfo",
                &format!("100644,{id},{path}"),
            ]);
        }
        if let Some(info) = &info {
            git.write(".git/info/attributes", info);
        }
        if let Some(configured) = &configured {
            git.write(".git/more", configured);
            let more = git.path().join(".git/more");
            git.run(&["config", "core.attributesFile", more.to_str().unwrap()]);
        }
        let attributes = Attributes::new(
            files.clone(),
            configured.as_deref().map(str::as_bytes),
            info.as_deref().map(str::as_bytes),
        );
        for path in PATHS {
            assert_eq!(
                ours(&attributes, path),
                stock(&git, path),
                "seed {seed}, {path}, info {info:?}, configured {configured:?}, {:?}",
                files
                    .iter()
                    .map(|(at, text)| (String::from_utf8_lossy(at), String::from_utf8_lossy(text)))
                    .collect::<Vec<_>>()
            );
        }
    }
}

/// Macros may set macros without end.
#[test]
fn macros_of_any_depth_are_followed() {
    let mut text = String::new();
    for index in 0..100_000 {
        let _ = writeln!(text, "[attr]m{index} m{}", index + 1);
    }
    text.push_str("[attr]m100000 text eol=crlf\n* m0\n");
    let attributes = Attributes::new(vec![(Vec::new(), text.into_bytes())], None, None);
    assert_eq!(
        ours(&attributes, "a"),
        "set unspecified crlf unspecified unspecified unspecified"
    );
}
