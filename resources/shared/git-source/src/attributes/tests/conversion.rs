//! Content on its way out of the repository and into it, beside stock git.

use std::fmt::Write as _;

use fastrand::Rng;
use git2::Config;
use stock_git::StockGit;

use crate::attributes::{Attributes, Conversions, ident};

/// An empty configuration.
fn no_config() -> Config {
    Config::new().unwrap()
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
