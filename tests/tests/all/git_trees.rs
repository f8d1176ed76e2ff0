//! What a get writes: hostile trees, deep ones, modes.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use concourse_resource_sdk::testing::{Ended, Output, Run};
use fastrand::Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{GitRepo, executable, git};

use crate::git_hostile::{raw_object, raw_tree, set_main};
use crate::git_put::Build;
use crate::support::Served;

/// More than the 16 MiB from which files are not held in memory.
const LARGE: usize = 17 << 20;

fn get_local(resource: &str, repo: &GitRepo, source: &Value, dest: &Path) -> Output {
    let mut request = json!({ "source": source });
    request["source"]["uri"] = json!(repo.file_url());
    request["source"]["branch"] = json!("main");
    Run::get(executable(resource)).work(dest).request(&request).run()
}

/// Everything below a directory but the repository: content, mode and kind.
pub(crate) fn listing(directory: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
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
        // The next try finds the directory as this one did.
        assert_eq!(std::fs::read_dir(dest.path()).expect("a directory").count(), 0);
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
