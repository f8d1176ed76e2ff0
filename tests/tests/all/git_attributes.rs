//! Conversions by attributes, beside stock git.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use concourse_resource_sdk::testing::Run;
use fastrand::Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{GitRepo, executable, git};

use crate::git_hostile::raw_object;
use crate::git_put::Build;
use crate::git_trees::listing;
use crate::support::{Served, get};

/// `in` on one processor, or all.
fn get_on(processors: &str, request: &Value, dest: &Path) {
    let link = TempDir::new().expect("a directory");
    std::os::unix::fs::symlink(executable("git"), link.path().join("in")).expect("a link");
    let run = Run::command("/usr/bin/taskset")
        .args(["--cpu-list", processors])
        .arg(link.path().join("in"))
        .arg(dest);
    run.request(request).run().ok();
}

fn random_attributes(rng: &mut Rng) -> String {
    let patterns = [
        "*",
        "*.txt",
        "a.txt",
        "/a.txt",
        "b/*",
        ".*",
        "*.u16",
        "c*",
        "b/**",
        "[attr]mine",
    ];
    let states = [
        "text",
        "text=auto",
        "-text",
        "eol=crlf",
        "eol=lf",
        "ident",
        "binary",
        "mine",
        "!text",
        "working-tree-encoding=UTF-16LE-BOM",
        "working-tree-encoding=latin1",
        "filter=none",
    ];
    let mut text = String::new();
    for _ in 0..rng.usize(1..6) {
        let _ = write!(text, "{}", patterns[rng.usize(..patterns.len())]);
        for _ in 0..rng.usize(1..4) {
            let _ = write!(text, " {}", states[rng.usize(..states.len())]);
        }
        text.push('\n');
    }
    text
}

/// Gives the files of a listing a time that no index knows.
fn touch(directory: &Path, files: &BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    for (path, _) in files
        .iter()
        .filter(|(_, (mode, _))| mode & 0o170_000 == 0o100_000)
    {
        let file = std::fs::File::options()
            .append(true)
            .open(directory.join(path))
            .expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
            .expect("a time");
    }
}

/// A get does not depend on the order of names, on the number of processors, or on which files are taken: it writes what stock git
/// writes. (Found in an attack: `.editorconfig` sorts before `.gitattributes`, and was not converted.)
#[test]
fn attributes_hold_for_all_files_as_in_stock_git() {
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        let repo = GitRepo::new();
        let texts = [
            "one\ntwo\n",
            "one\r\ntwo\r\n",
            "gr\u{f6}\u{df}e\n",
            "mixed\r\nlines\n",
            "$Id$\n",
            "",
            "nul\0\n",
            "$Id: x $ ok\n",
        ];
        let write = |path: &str, content: &str| {
            let path = repo.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, content).expect("a file");
        };
        for directory in ["", ".circleci/", "b/", "b/c/", "z/"] {
            for name in ["a.txt", ".editorconfig", "c.u16", "zz"] {
                write(&format!("{directory}{name}"), texts[rng.usize(..texts.len())]);
            }
        }
        // Committed as they are, so that the attributes meet any content.
        repo.git(&["add", "--all"]);
        for directory in ["", "b/", "b/c/", ".circleci/"] {
            if directory.is_empty() || rng.bool() {
                let blob = raw_object(&repo, "blob", random_attributes(&mut rng).as_bytes());
                let entry = format!("100644,{blob},{directory}.gitattributes");
                repo.git(&["update-index", "--add", "--cacheinfo", &entry]);
            }
        }
        repo.git(&["commit", "--quiet", "--message", "all"]);
        let auto = ["true", "false", "input"][rng.usize(..3)];
        for sparse in [json!(null), json!(["b/c", "zz"])] {
            let source = json!({
                "uri": repo.file_url(), "branch": "main", "sparse_paths": sparse,
                "git_config": [{ "name": "core.autocrlf", "value": auto }],
            });
            let world = TempDir::new().expect("a directory");
            let stock = world.path().join("stock");
            let stock_path = stock.to_str().expect("a path");
            git(
                world.path(),
                &["clone", "--quiet", "--no-checkout", &repo.file_url(), stock_path],
            );
            git(&stock, &["config", "core.autocrlf", auto]);
            if !sparse.is_null() {
                git(&stock, &["config", "core.sparseCheckout", "true"]);
                std::fs::create_dir_all(stock.join(".git/info")).expect("a directory");
                std::fs::write(stock.join(".git/info/sparse-checkout"), "b/c\nzz\n").expect("a file");
            }
            git(&stock, &["read-tree", "-m", "-u", "HEAD"]);
            let expected = listing(&stock);
            for processors in ["0", "0-1"] {
                let dest = world.path().join(format!("got-{processors}"));
                get_on(processors, &json!({ "source": source }), &dest);
                let got = listing(&dest);
                let shown = |of: &BTreeMap<PathBuf, (u32, Vec<u8>)>| {
                    of.iter()
                        .map(|(path, (mode, content))| {
                            format!("{} {mode:o} {}", path.display(), content.escape_ascii())
                        })
                        .collect::<Vec<_>>()
                };
                assert_eq!(
                    shown(&got),
                    shown(&expected),
                    "seed {seed}, processors {processors}, autocrlf {auto}, {sparse}"
                );
                // Committed without conversion, some files differ for stock git, too. It reads files only that it does not take for unchanged
                // by their times, which depend on the moment.
                touch(&dest, &got);
                touch(&stock, &expected);
                assert_eq!(
                    git(&dest, &["status", "--porcelain"]),
                    git(&stock, &["status", "--porcelain"]),
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn a_wrong_encoding_is_told_in_gits_words() {
    let mut repo = GitRepo::new();
    repo.commit("c0", "euro", &[("a.txt", "\u{20ac}\n"), ("b.u16", "\u{df}\n")]);
    std::fs::write(
        repo.path().join(".gitattributes"),
        "*.txt working-tree-encoding=latin1\n*.u16 working-tree-encoding=UTF-16LE\n",
    )
    .expect("a file");
    repo.git(&["add", ".gitattributes"]);
    repo.git(&["commit", "--quiet", "--message", "attributes"]);
    let served = Served::new(repo);
    for source in served.sources() {
        let output = get(&served.server, &json!({ "source": source })).run();
        output.ok();
        assert!(
            output
                .stderr
                .contains("failed to encode 'a.txt' from UTF-8 to latin1"),
            "{output}"
        );
        assert_eq!(
            std::fs::read(output.work().join("a.txt")).expect("a file"),
            "\u{20ac}\n".as_bytes()
        );
        assert_eq!(
            std::fs::read(output.work().join("b.u16")).expect("a file"),
            b"\xdf\0\n\0"
        );
    }
}

/// A rebase and a merge write what git would, and see no change where there is none.
#[test]
fn what_others_pushed_is_converted_when_it_is_taken_in() {
    for how in ["rebase", "merge"] {
        let mut repo = GitRepo::new();
        std::fs::write(
            repo.path().join(".gitattributes"),
            "*.u16 working-tree-encoding=UTF-16LE-BOM text eol=crlf\n*.txt text eol=crlf\n",
        )
        .expect("a file");
        let wide = |text: &str| -> Vec<u8> {
            let text = format!("\u{feff}{text}");
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        std::fs::write(repo.path().join("a.u16"), wide("one\r\n")).expect("a file");
        repo.commit("c0", "all", &[("a.txt", "one\r\n")]);
        let served = Served::new(repo);
        for (number, source) in served.sources().iter().enumerate() {
            let (other, build) = (Build::new(&served, &json!({})), Build::new(&served, &json!({})));
            let text = format!("gr\u{f6}\u{df}e {number}\r\n");
            std::fs::write(other.repo().join("a.u16"), wide(&text)).expect("a file");
            other.write("repo/a.txt", &text);
            other.commit(&format!("u{number}"));
            other.put(&served, source, &json!({})).ok();
            build.commit(&format!("l{number}"));
            // Seen as unchanged, although its times are not those of the index.
            std::fs::write(
                build.repo().join("a.u16"),
                std::fs::read(build.repo().join("a.u16")).expect("a file"),
            )
            .expect("a file");
            build.put(&served, source, &json!({ how: true })).ok();
            assert_eq!(
                std::fs::read(build.repo().join("a.u16")).expect("a file"),
                wide(&text),
                "{how}"
            );
            assert_eq!(
                std::fs::read(build.repo().join("a.txt")).expect("a file"),
                text.as_bytes(),
                "{how}"
            );
            assert_eq!(build.git(&["status", "--porcelain"]), "", "{how}");
        }
    }
}

/// `core.attributesFile` of the source's `git_config` counts.
#[test]
fn a_file_of_attributes_that_the_configuration_names_counts() {
    let mut repo = GitRepo::new();
    repo.commit("c0", "all", &[("a.txt", "one\n")]);
    let served = Served::new(repo);
    let attributes = TempDir::new().expect("a directory");
    let file = attributes.path().join("attributes");
    std::fs::write(&file, "*.txt text eol=crlf\n").expect("a file");
    for mut source in served.sources() {
        source["git_config"] = json!([{ "name": "core.attributesFile", "value": file.to_str() }]);
        let output = get(&served.server, &json!({ "source": source })).run();
        output.ok();
        assert_eq!(
            std::fs::read(output.work().join("a.txt")).expect("a file"),
            b"one\r\n"
        );
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
    }
}
