//! What earlier checks of a container left is only a help: absent, torn, or in a full or forbidden directory, the answer
//! is the same.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use concourse_resource_sdk::testing::Run;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{executable, fixture_m, fixture_r};

use crate::support::{Served, check, merge, refs, source};

/// Sources whose checks leave different things: pieces of history without and with trees, a whole history, and the mirror of
/// all refs.
fn sources(served: &Served) -> [Value; 5] {
    let with = |repository: &str, fields: &Value| {
        let mut source = source(&served.server, repository);
        merge(&mut source, fields);
        source
    };
    [
        source(&served.server, "r.git"),
        with("r.git", &json!({ "paths": ["docs", "lib"] })),
        source(&served.server, "v0/r.git"),
        with("r.git", &json!({ "tag_filter": "*" })),
        with(
            "v0/r.git",
            &json!({ "tag_regex": ".*", "tag_behaviour": "match_tag_ancestors" }),
        ),
    ]
}

fn answer(served: &Served, source: &Value, cursor: Option<&str>, tmp: &Path) -> Vec<String> {
    let cursor = cursor.map(|name| json!({ "ref": served.repo.id(name) }));
    let request = json!({ "source": source, "version": cursor });
    let answer = refs(&check(&served.server, &request).tmpdir(tmp).run().ok());
    answer.iter().map(|id| served.repo.name(id).to_owned()).collect()
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn overwrite(file: &Path, content: &[u8]) {
    let _ = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644));
    std::fs::write(file, content).expect("a file");
}

type Harm = (&'static str, fn(&Path));

/// Ways in which a kill, a full disk or a bad block leaves a file.
const HARM: [Harm; 4] = [
    ("removed", |file| std::fs::remove_file(file).expect("a file")),
    ("emptied", |file| overwrite(file, b"")),
    ("cut", |file| {
        let content = std::fs::read(file).expect("a file");
        overwrite(file, &content[..content.len() / 2]);
    }),
    ("garbled", |file| {
        let mut content = std::fs::read(file).expect("a file");
        for byte in content.iter_mut().skip(8) {
            *byte ^= 0x5a;
        }
        overwrite(file, &content);
    }),
];

/// Files for people, that every repository has.
fn is_prose(file: &Path) -> bool {
    ["description", "README.sample", "exclude"]
        .iter()
        .any(|name| file.ends_with(name))
}

/// A copy of a container's temporary directory.
fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().expect("a directory");
    let done = Command::new("cp")
        .arg("--archive")
        .arg(from.join("."))
        .arg(to.path())
        .status()
        .expect("cp");
    assert!(done.success());
    to
}

#[test]
fn a_cache_with_any_one_file_harmed_gives_the_same_answers() {
    for kind in 0..5 {
        let served = Served::new(fixture_r());
        let source = &sources(&served)[kind];
        let seed = TempDir::new().expect("a directory");
        answer(&served, source, Some("c1"), seed.path());
        // What is new arrives in a file of its own, which is of no use without the first.
        let mut repo = served.repo;
        repo.commit("c5", "more", &[("docs/b.md", "1\n")]);
        let path = served.server.path("r.git").display().to_string();
        repo.tag("rel-3", "c5");
        repo.git(&["push", "--quiet", "--tags", &path, "main"]);
        let served = Served { repo, ..served };
        let expected = answer(&served, source, Some("c1"), seed.path());
        assert!(!expected.is_empty());
        for file in files(seed.path()).iter().filter(|file| !is_prose(file)) {
            let file = file.strip_prefix(seed.path()).expect("a file of the seed");
            for (how, harm) in HARM {
                let tmp = copy(seed.path());
                harm(&tmp.path().join(file));
                let told = format!("{source} {} {how}", file.display());
                // Another cursor first: the same one might be answered from memory.
                let more = answer(&served, source, Some("c0"), tmp.path());
                assert!(more.ends_with(&expected), "{more:?}, {told}");
                assert_eq!(
                    answer(&served, source, Some("c1"), tmp.path()),
                    expected,
                    "{told}"
                );
            }
        }
    }
}

#[test]
fn a_temporary_directory_that_cannot_be_written_or_is_not_there_is_no_obstacle_to_a_local_check() {
    let served = Served::new(fixture_m());
    let [_, local] = served.sources();
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("a file");
    for tmp in [directory.path().join("gone/too"), file, "/proc".into()] {
        assert_eq!(answer(&served, &local, Some("c2"), &tmp), ["c2", "c4", "m5"]);
    }
}

#[test]
fn a_link_in_the_place_of_the_cache_is_not_followed() {
    let served = Served::new(fixture_m());
    let source = source(&served.server, "r.git");
    let tmp = TempDir::new().expect("a directory");
    answer(&served, &source, Some("c2"), tmp.path());
    let mut top: Vec<PathBuf> = std::fs::read_dir(tmp.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let cache = top.pop().expect("a cache");
    assert!(top.is_empty(), "{top:?}");
    assert_eq!(
        std::fs::metadata(&cache).expect("a cache").permissions().mode() & 0o777,
        0o700
    );
    std::fs::remove_dir_all(&cache).expect("a cache");
    let target = TempDir::new().expect("a directory");
    std::os::unix::fs::symlink(target.path(), &cache).expect("a link");
    assert_eq!(
        answer(&served, &source, Some("c2"), tmp.path()),
        ["c2", "c4", "m5"]
    );
    assert_eq!(files(target.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_check_of_what_did_not_change_is_two_requests_and_a_challenge() {
    let served = Served::new(fixture_m());
    let tmp = TempDir::new().expect("a directory");
    for source in sources(&served) {
        answer(&served, &source, Some("m5"), tmp.path());
        let before = served.server.requests().len();
        answer(&served, &source, Some("m5"), tmp.path());
        let requests = served.server.requests()[before..].to_vec();
        assert!(requests.len() <= 3, "{requests:#?}");
        assert!(
            requests
                .iter()
                .all(|request| !request.contains("git-upload-pack 4")),
            "{requests:#?}"
        );
    }
}

#[test]
fn a_full_disk_under_the_cache_is_told_or_of_no_matter() {
    let served = Served::new(fixture_m());
    for source in sources(&served) {
        let request = json!({ "source": source, "version": { "ref": served.repo.id("c2") } });
        let expected = check(&served.server, &request).run().ok();
        full_disk(&served, &request, &expected);
    }
}

fn full_disk(served: &Served, request: &Value, expected: &Value) {
    // Without room for a single block, with room for some, and with room for all.
    for blocks in [1, 8, 16, 24, 32, 40, 4096] {
        let script = format!(
            "mkdir small && mount -t tmpfs -o size={}k tmpfs small && TMPDIR=$PWD/small exec \"$0\"",
            blocks * 4
        );
        let directory = TempDir::new().expect("a directory");
        let link = directory.path().join("check");
        std::os::unix::fs::symlink(executable("git"), &link).expect("a link");
        let output = Run::command("/usr/bin/unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .arg(&link)
            .dir(directory.path())
            .env("SSL_CERT_FILE", served.server.ca())
            .request(request)
            .run();
        if blocks == 4096 || output.stderr.is_empty() {
            assert_eq!(output.ok(), *expected, "{blocks} blocks, {request}");
        } else {
            output
                .fails(128)
                .says("  hint: the disk is full: free some space on the worker");
        }
    }
}
