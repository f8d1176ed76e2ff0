//! Beside stock git, on random files of attributes, names and contents.

use std::fmt::Write as _;

use fastrand::Rng;
use git2::Config;
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

/// An empty configuration.
fn no_config() -> Config {
    Config::new().unwrap()
}

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

fn content(rng: &mut Rng) -> Vec<u8> {
    let pieces: [&[u8]; 20] = [
        b"line\n",
        b"line\r\n",
        b"\r",
        b"\n",
        b"\0",
        b"\x1a",
        b"\x01\x02\x03",
        b"$Id$",
        b"$Id: abc $",
        b"$Id: a b c $",
        b"$Id:\n$",
        "ä".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\xff",
        b"\xff\xfe",
        b"$Id: unfinished",
        b"$",
        b"text without an end",
        b"\t\x1b\x0c",
    ];
    // Mostly text, at times anything.
    let most = if rng.bool() { 6 } else { pieces.len() };
    (0..rng.usize(0..12))
        .flat_map(|_| {
            pieces[if rng.u8(..3) == 0 {
                rng.usize(..pieces.len())
            } else {
                rng.usize(..most)
            }]
        })
        .copied()
        .collect()
}

fn encoded(rng: &mut Rng) -> Vec<u8> {
    let text = "größe €\n😀\r\nend";
    let utf_16 = |little: bool, mark: bool| -> Vec<u8> {
        let mark = mark.then_some('\u{feff}');
        let text: String = mark.into_iter().chain(text.chars()).collect();
        text.encode_utf16()
            .flat_map(|unit| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            })
            .collect()
    };
    match rng.u8(..8) {
        0 => utf_16(true, true),
        1 => utf_16(false, true),
        2 => utf_16(true, false),
        3 => utf_16(false, false),
        4 => b"gr\xf6\xdfe\n".to_vec(),
        5 => text.as_bytes().to_vec(),
        6 => utf_16(true, true)[..7].to_vec(),
        _ => content(rng),
    }
}

fn line(rng: &mut Rng) -> String {
    let encodings = [
        "UTF-16",
        "UTF-16LE",
        "UTF-16BE",
        "utf16le",
        "UTF-16LE-BOM",
        "UTF-16BE-BOM",
        "UTF-32",
        "UTF-32LE",
        "UTF-8",
        "latin1",
        "ISO-8859-1",
        "ISO-8859-15",
        "windows-1252",
        "SHIFT_JIS",
        "no-such-encoding",
        "US-ASCII",
        "KOI8-R",
    ];
    let mut line = String::from("f");
    for _ in 0..rng.usize(0..4) {
        let word = match rng.u8(..9) {
            0 => "text",
            1 => "text=auto",
            2 => "-text",
            3 => "eol=crlf",
            4 => "eol=lf",
            5 | 6 => "ident",
            7 => "crlf=input",
            _ => &format!(
                "working-tree-encoding={}",
                encodings[rng.usize(..encodings.len())]
            ),
        };
        let _ = write!(line, " {word}");
    }
    line
}

/// Content is converted on the way out and in as stock git does it, and refused in its words.
#[test]
fn content_is_converted_as_by_stock_git() {
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        let git = StockGit::new();
        let line = line(&mut rng);
        let mut config = no_config();
        let _directory = tempfile::tempdir().unwrap();
        config
            .add_file(&git.path().join(".git/config"), git2::ConfigLevel::Local, false)
            .unwrap();
        for (key, values) in [
            ("core.autocrlf", ["true", "input", "false", ""]),
            ("core.eol", ["lf", "crlf", "native", ""]),
        ] {
            let value = values[rng.usize(..4)];
            // git refuses this pair.
            let is_refused = key == "core.eol"
                && value == "crlf"
                && config
                    .get_string("core.autocrlf")
                    .is_ok_and(|auto| auto == "input");
            if !value.is_empty() && !is_refused {
                git.run(&["config", key, value]);
            }
        }
        let attributes = Attributes::new([], None, Some(line.as_bytes()));
        let conversions = Conversions::new(&config.snapshot().unwrap(), attributes);
        git.write(".git/info/attributes", &format!("{line}\n"));
        let conversion = conversions.of(b"f");
        let shown = format!(
            "seed {seed}: {line}; {}",
            git.run(&["config", "--list", "--local"]).replace('\n', " ")
        );

        // Out of the repository.
        let blob = content(&mut rng);
        let id = git.repo().blob(&blob).unwrap().to_string();
        git.run(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},f")]);
        let output = git.command(&["checkout-index", "-f", "f"]).output().unwrap();
        let mut said = Vec::new();
        let written =
            conversion.to_worktree(b"f", &blob, &mut |warning| said.push(format!("error: {warning}")));
        let errors: Vec<String> = String::from_utf8(output.stderr)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        let there = std::fs::read(git.path().join("f")).unwrap();
        assert_eq!(written.as_deref(), Ok(there.as_slice()), "{shown}, out: {blob:?}");
        assert_eq!(said, errors, "{shown}");

        // Into it, where the index has what was there, or nothing.
        let is_stored = rng.bool();
        if !is_stored {
            git.run(&["update-index", "--force-remove", "f"]);
        }
        let file = encoded(&mut rng);
        std::fs::write(git.path().join("f"), &file).unwrap();
        let output = git.command(&["add", "f"]).output().unwrap();
        let stored = conversion.to_git(b"f", &file, || is_stored.then(|| blob.clone()));
        if output.status.success() {
            let id = git.run(&["rev-parse", ":f"]).trim().parse().unwrap();
            let there = git.repo().find_blob(id).unwrap().content().to_vec();
            assert_eq!(stored.as_deref(), Ok(there.as_slice()), "{shown}, in: {file:?}");
        } else {
            let errors = String::from_utf8(output.stderr).unwrap();
            let first = errors
                .lines()
                .find_map(|line| line.strip_prefix("fatal: "))
                .unwrap_or_default();
            assert_eq!(stored, Err(first.to_owned()), "{shown}, in: {file:?}: {errors}");
        }
    }
}

/// Stock git of today reads beyond the end of the content there.
#[test]
fn an_id_that_is_nothing_is_filled_in() {
    let id = git2::Oid::hash_object(git2::ObjectType::Blob, b"$Id:$").unwrap();
    // Stock git loses the first one.
    let twice = b"$Id\n$Id$";
    let other = git2::Oid::hash_object(git2::ObjectType::Blob, twice).unwrap();
    assert_eq!(
        ident::expand_passing(twice),
        Some(format!("$Id\n$Id: {other} $").into_bytes())
    );
    assert_eq!(ident::expand(b"$Id:$"), Some(format!("$Id: {id} $").into_bytes()));
}
