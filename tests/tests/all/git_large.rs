//! Files that do not fit into memory: get and put hold a piece of them at a time.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use concourse_resource_sdk::testing::{Output, Run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{GitRepo, executable, git};

use crate::git_get::gets;
use crate::support::{Served, source, source_at};

/// More than a process may use in these tests.
const SIZE: usize = 96 << 20;

/// What it may use, in KiB: what a step takes anyway, and a few pieces.
const MEMORY: usize = 48 << 10;

/// Content that does not compress, the same for a seed.
fn noise(path: &Path, size: usize, mut seed: u64) {
    let mut file = BufWriter::new(fs::File::create(path).expect("a file"));
    for _ in 0..size / 8 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        file.write_all(&seed.to_le_bytes()).expect("written");
    }
    file.flush().expect("written");
}

/// A repository with large files at the top and below, and small ones.
fn repo() -> GitRepo {
    let mut repo = GitRepo::new();
    noise(&repo.path().join("large"), SIZE, 1);
    fs::create_dir_all(repo.path().join("a/b")).expect("a directory");
    noise(&repo.path().join("a/b/tool"), SIZE / 2, 2);
    fs::set_permissions(repo.path().join("a/b/tool"), fs::Permissions::from_mode(0o755)).expect("a mode");
    repo.commit(
        "c1",
        "large",
        &[
            ("a/small", "1\n"),
            ("c/small", "2\n"),
            (".gitattributes", "*.md text\n"),
        ],
    );
    repo
}

/// Runs a step that fails when it asks for more memory than it may have. Mapped files do not count.
fn in_little_memory(served: &Served, name: &str, request: &Value, work: &Path) -> Output {
    let links = TempDir::new().expect("a directory");
    let link = links.path().join(name);
    std::os::unix::fs::symlink(executable("git"), &link).expect("a link");
    Run::command("/bin/sh")
        .args(["-c", &format!("ulimit -d {MEMORY} && exec \"$@\""), "sh"])
        .arg(&link)
        .arg(work)
        .dir("/")
        .env("SSL_CERT_FILE", served.server.ca())
        .request(request)
        .run()
}

fn same(a: &Path, b: &Path) {
    let done = std::process::Command::new("cmp")
        .arg(a)
        .arg(b)
        .status()
        .expect("cmp");
    assert!(done.success(), "{} and {} differ", a.display(), b.display());
}

fn is_a_whole_checkout(got: &Path, repo: &GitRepo) {
    for file in ["large", "a/b/tool", "a/small", "c/small"] {
        same(&got.join(file), &repo.path().join(file));
    }
    let mode = fs::metadata(got.join("a/b/tool"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(git(got, &["status", "--porcelain"]), "");
    git(got, &["fsck", "--full", "--strict"]);
}

#[test]
fn large_files_are_fetched_and_written_in_pieces() {
    let served = Served::new(repo());
    let loose = source_at(served.repo.path().to_str().expect("UTF-8"));
    let [far, packed] = served.sources();
    for source in [far, packed, loose, source(&served.server, "v0/r.git")] {
        let work = TempDir::new().expect("a directory");
        let got = work.path().join("got");
        in_little_memory(&served, "in", &json!({ "source": source }), &got).ok();
        is_a_whole_checkout(&got, &served.repo);
    }
}

#[test]
fn large_files_are_sent_in_pieces() {
    let served = Served::new(GitRepo::new());
    let empty = TempDir::new().expect("a directory");
    git(
        empty.path(),
        &["init", "--quiet", "--bare", "--initial-branch", "main"],
    );
    // One of them loose, one packed.
    let large = repo();
    large.git(&["repack", "--quiet", "-a", "-d"]);
    noise(&large.path().join("second"), SIZE, 3);
    large.git(&["add", "."]);
    large.git(&["commit", "--quiet", "--message", "second"]);
    let local = source_at(empty.path().to_str().expect("UTF-8"));
    for source in [source(&served.server, "r.git"), local] {
        let request = json!({ "source": source, "params": { "repository": "." } });
        let output = in_little_memory(&served, "out", &request, large.path());
        output.ok();
        // Over a second, there is something to see: to a local path there was nothing.
        assert!(output.raw_stderr.contains("Sending objects: "), "{output}");
    }
    for target in [served.server.path("r.git").as_path(), empty.path()] {
        git(target, &["fsck", "--full", "--strict"]);
        let head = git(target, &["rev-parse", "main^{tree}"]);
        assert_eq!(head, large.git(&["rev-parse", "HEAD^{tree}"]));
    }
}

#[test]
fn large_files_that_are_stored_as_differences_arrive_whole() {
    let mut repo = GitRepo::new();
    let file = repo.path().join("grows");
    noise(&file, 20 << 20, 4);
    repo.commit("c1", "one", &[("small", "1\n")]);
    let mut appended = fs::OpenOptions::new().append(true).open(&file).expect("a file");
    appended.write_all(b"more").expect("written");
    repo.commit("c2", "two", &[("small", "2\n")]);
    repo.git(&["repack", "--quiet", "-a", "-d", "-f"]);
    let served = Served::new(repo);
    for id in ["c1", "c2"] {
        let version = json!({ "ref": served.repo.id(id) });
        for got in gets(&served, &json!({}), &version, &json!({})) {
            got.git(&["fsck", "--full", "--strict"]);
            assert_eq!(got.git(&["status", "--porcelain"]), "");
        }
    }
}

#[test]
fn attributes_that_convert_hold_for_large_files_too() {
    let mut repo = GitRepo::new();
    fs::write(repo.path().join("lines"), "line\n".repeat(4 << 20)).expect("a file");
    repo.commit("c1", "lines", &[(".gitattributes", "lines eol=crlf\n")]);
    let served = Served::new(repo);
    for got in gets(&served, &json!({}), &Value::Null, &json!({})) {
        let size = fs::metadata(got.path().join("lines")).expect("a file").len();
        assert_eq!(size, 6 * (4 << 20));
    }
}

#[test]
fn sparse_paths_leave_large_files_out() {
    let served = Served::new(repo());
    for got in gets(
        &served,
        &json!({ "sparse_paths": ["a"] }),
        &Value::Null,
        &json!({}),
    ) {
        assert!(got.path().join("a/b/tool").exists() && !got.path().join("large").exists());
        assert_eq!(got.git(&["status", "--porcelain"]), "");
    }
}
