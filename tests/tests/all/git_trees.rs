//! What a get writes: hostile trees, deep ones, modes, and conversions by attributes beside stock git.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use concourse_resource_sdk::testing::{Ended, Output, Run};
use fastrand::Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{GitRepo, executable, git};

use crate::git_hostile::{raw_object, raw_tree, set_main};
use crate::git_put::Build;
use crate::support::{Served, get};

/// More than the 16 MiB from which files are not held in memory.
const LARGE: usize = 17 << 20;

fn get_local(resource: &str, repo: &GitRepo, source: &Value, dest: &Path) -> Output {
    let mut request = json!({ "source": source });
    request["source"]["uri"] = json!(repo.file_url());
    request["source"]["branch"] = json!("main");
    Run::get(executable(resource)).work(dest).request(&request).run()
}

/// Everything below a directory but the repository: content, mode and kind.
fn listing(directory: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(at) = pending.pop() {
        for entry in std::fs::read_dir(at).expect("a directory").flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().expect("a file"));
            if entry.file_name() == ".git" {
                continue;
            }
            let content = if metadata.is_dir() {
                pending.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                std::fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                std::fs::read(&path).expect("a file")
            };
            let path = path.strip_prefix(directory).expect("below").to_owned();
            found.insert(path, (metadata.mode(), content));
        }
    }
    found
}

/// Found in an attack: a name with slashes, of a file that is not held in memory, was joined to the destination.
#[test]
fn a_large_file_with_an_absolute_name_is_written_nowhere() {
    let outside = TempDir::new().expect("a directory");
    let evil = outside.path().join("made/EVIL");
    for resource in ["git", "pool-lock"] {
        let repo = GitRepo::new();
        let blob = raw_object(&repo, "blob", &vec![0; LARGE]);
        let small = raw_object(&repo, "blob", b"r");
        let locks = raw_tree(&repo, &[("100644", "red", &small)]);
        let pool = raw_tree(&repo, &[("40000", "unclaimed", &locks)]);
        let entries = [
            ("100755", evil.to_str().expect("a path"), blob.as_str()),
            ("40000", "cars", &pool),
        ];
        set_main(&repo, &raw_tree(&repo, &entries));
        let dest = TempDir::new().expect("a directory");
        let source = if resource == "git" {
            json!({})
        } else {
            json!({ "pool": "cars" })
        };
        let output = get_local(resource, &repo, &source, dest.path());
        output.fails(128);
        output.says(&format!("invalid path '{}'", evil.display()));
        assert_eq!(std::fs::read_dir(outside.path()).expect("a directory").count(), 0);
    }
}

/// Trees of random names, kinds and sizes, most of them hostile: nothing outside of the destination changes, and what is got is what the
/// tree says.
#[test]
fn random_trees_change_nothing_outside_of_the_destination() {
    let begin = std::env::var("GIT_TREE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let (mut got, mut refused) = (0, 0);
    for seed in begin.map_or(0..40, |seed: u64| seed..seed + 1) {
        let mut rng = Rng::with_seed(seed);
        let world = TempDir::new().expect("a directory");
        let outside = world.path().join("outside");
        std::fs::create_dir(&outside).expect("a directory");
        std::fs::write(outside.join("file"), "untouched").expect("a file");
        let repo = GitRepo::new();
        let blobs = [
            raw_object(&repo, "blob", b"small"),
            raw_object(&repo, "blob", &vec![b'l'; LARGE]),
            raw_object(&repo, "blob", outside.to_str().expect("a path").as_bytes()),
            raw_object(&repo, "blob", b"../outside/file"),
        ];
        let names = [
            "a",
            "b",
            "link",
            "a",
            "x y",
            "..",
            ".",
            ".git",
            ".GIT",
            "git~1",
            "../outside/x",
            "/tmp/x",
            "a/b",
            "link/x",
            "./c",
            "c//d",
            "\u{1b}[2J",
            ".gitmodules",
            "a\\..\\b",
            "c:",
        ];
        // Half of the trees have none of the bad names.
        let most = if rng.bool() { 5 } else { names.len() };
        let absolute = outside.join("abs").display().to_string();
        let mut trees = Vec::<String>::new();
        for _ in 0..rng.usize(2..5) {
            let mut entries = Vec::new();
            for _ in 0..rng.usize(1..5) {
                let name = if most > 5 && rng.u8(..12) == 0 {
                    absolute.as_str()
                } else {
                    names[rng.usize(..most)]
                };
                entries.push(match rng.u8(..6) {
                    0 if !trees.is_empty() => ("40000", name, trees[rng.usize(..trees.len())].as_str()),
                    1 => ("120000", name, blobs[rng.usize(2..4)].as_str()),
                    2 => ("100755", name, blobs[1].as_str()),
                    3 => ("100600", name, blobs[0].as_str()),
                    _ => ("100644", name, blobs[rng.usize(..2)].as_str()),
                });
            }
            let tree = raw_tree(&repo, &entries);
            trees.push(tree);
        }
        set_main(&repo, trees.last().expect("a tree"));
        let before = listing(&outside);
        let dest = world.path().join("dest");
        let output = get_local("git", &repo, &json!({}), &dest);
        assert_eq!(listing(&outside), before, "seed {seed}\n{output}");
        let beside: Vec<_> = std::fs::read_dir(world.path())
            .expect("a directory")
            .flatten()
            .collect();
        assert_eq!(beside.len(), 2, "seed {seed}: {beside:?}");
        assert!(!output.stderr.contains("\u{1b}[2J"), "seed {seed}");
        if output.ended == Ended::Code(0) {
            got += 1;
            assert_eq!(git(&dest, &["status", "--porcelain"]), "", "seed {seed}");
        } else {
            refused += 1;
            output.fails(128);
        }
    }
    assert!(
        begin.is_some() || got > 5 && refused > 5,
        "{got} got, {refused} refused"
    );
}

#[test]
fn modes_are_those_that_git_knows() {
    let repo = GitRepo::new();
    let small = raw_object(&repo, "blob", b"x");
    let large = raw_object(&repo, "blob", &vec![0; LARGE]);
    let modes = [
        "100600", "100644", "100664", "100666", "100700", "100755", "100775", "100611",
    ];
    let mut entries = Vec::new();
    let names: Vec<_> = modes
        .iter()
        .flat_map(|mode| [format!("l{mode}"), format!("s{mode}")])
        .collect();
    for (name, mode) in names.iter().zip(modes.iter().flat_map(|mode| [mode, mode])) {
        entries.push((
            *mode,
            name.as_str(),
            if name.starts_with('l') {
                large.as_str()
            } else {
                small.as_str()
            },
        ));
    }
    entries.sort_by_key(|(_, name, _)| *name);
    set_main(&repo, &raw_tree(&repo, &entries));
    let dest = TempDir::new().expect("a directory");
    get_local("git", &repo, &json!({}), dest.path()).ok();
    for name in names {
        let mode = std::fs::metadata(dest.path().join(&name))
            .expect("a file")
            .permissions()
            .mode()
            & 0o777;
        let expected = if name[1..] >= *"100700" { 0o755 } else { 0o644 };
        assert_eq!(mode, expected, "{name}: {mode:o}");
    }
    assert_eq!(git(dest.path(), &["status", "--porcelain"]), "");
}

#[test]
fn a_name_that_no_file_system_takes_is_told() {
    let repo = GitRepo::new();
    let blob = raw_object(&repo, "blob", b"x");
    set_main(&repo, &raw_tree(&repo, &[("100644", &"n".repeat(256), &blob)]));
    let dest = TempDir::new().expect("a directory");
    let output = get_local("git", &repo, &json!({}), dest.path());
    output
        .fails(128)
        .says("  cause: a name in it has 256 bytes, and no file system of Linux takes more than 255");
}

/// Found in an attack: libgit2 gives up at 100 directories.
#[test]
fn deep_directories_are_got_and_rebased() {
    let deep = vec!["d"; 300].join("/");
    for transport in 0..2 {
        let mut repo = GitRepo::new();
        repo.commit("c0", "deep", &[(&format!("{deep}/file"), "deep"), ("top", "1")]);
        let served = Served::new(repo);
        let source = &served.sources()[transport];
        let (other, build) = (Build::new(&served, &json!({})), Build::new(&served, &json!({})));
        let file = || std::fs::read_to_string(build.repo().join(&deep).join("file")).expect("a file");
        assert_eq!(file(), "deep");
        other.write(&format!("repo/{deep}/file"), "theirs");
        other.commit("u");
        other.put(&served, source, &json!({})).ok();
        build.commit("l");
        build.put(&served, source, &json!({ "rebase": true })).ok();
        assert_eq!(file(), "theirs");
        assert_eq!(build.git(&["status", "--porcelain"]), "");
    }
}

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
                // Committed without conversion, some files differ for stock git, too.
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

/// Stock git refuses to lose a file that is not tracked; files that are ignored are overwritten.
#[test]
fn a_merge_or_rebase_does_not_overwrite_what_is_not_tracked() {
    for how in ["merge", "rebase"] {
        for (there, upstream, ignored) in [
            ("new", "new", false),
            ("new", "new/below", false),
            ("new/below", "new", false),
            ("new", "new", true),
        ] {
            let mut repo = GitRepo::new();
            repo.commit("c0", "all", &[("a", "1"), (".gitignore", "ignored\n")]);
            let served = Served::new(repo);
            let source = &served.sources()[0];
            let (other, build) = (Build::new(&served, &json!({})), Build::new(&served, &json!({})));
            other.write(&format!("repo/{upstream}"), "theirs");
            if ignored {
                other.write("repo/.gitignore", "new\n");
            }
            other.git(&["add", "--all", "--force"]);
            other.git(&["commit", "--quiet", "--message", "u"]);
            other.put(&served, source, &json!({})).ok();
            let l = build.commit("l");
            build.write(&format!("repo/{there}"), "ours");
            if ignored {
                build.write("repo/.git/info/exclude", "new\n");
            }
            let copy = stock_copy(&build);
            let stock = Command::new("git")
                .args([
                    "-c",
                    "user.name=A",
                    "-c",
                    "user.email=a@ex.org",
                    "pull",
                    "--quiet",
                    "--no-edit",
                ])
                .arg(if how == "merge" { "--no-rebase" } else { "--rebase" })
                .arg(served.server.path("r.git"))
                .arg("main")
                .current_dir(copy.path().join("repo"))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").expect("a path"))
                .env("HOME", "/nonexistent")
                .output()
                .expect("git");
            let output = build.put(&served, source, &json!({ how: true }));
            let name = format!("{how} {there} {upstream} {ignored}\n{output}");
            assert_eq!(output.ended == Ended::Code(0), ignored, "{name}");
            // The stock client agrees.
            let said = String::from_utf8_lossy(&stock.stderr).into_owned();
            assert_eq!(said.contains("untracked"), !ignored, "{name}: {said}");
            if ignored {
                assert_eq!(
                    std::fs::read_to_string(build.path().join("repo/new")).expect("a file"),
                    "theirs"
                );
            } else {
                let said = "untracked working tree files would be overwritten by what was pushed: 'new";
                assert!(output.stderr.lines().any(|line| line.starts_with(said)), "{name}");
                assert_eq!(
                    std::fs::read_to_string(build.repo().join(there)).expect("a file"),
                    "ours"
                );
                assert_eq!(build.git(&["rev-parse", "HEAD"]), l);
                assert_eq!(build.git(&["status", "--porcelain", "--untracked-files=no"]), "");
            }
        }
    }
}

/// A copy of a build's directory, for the stock client.
fn stock_copy(build: &Build) -> TempDir {
    let copy = TempDir::new().expect("a directory");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(build.repo())
        .arg(copy.path())
        .status();
    assert!(copied.expect("cp").success());
    copy
}
