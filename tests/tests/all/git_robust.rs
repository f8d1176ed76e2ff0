//! What a user sees when the network breaks, the disk is full, or the repository is odd.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use concourse_resource_sdk::testing::{Direction, Fault, FaultProxy, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitRepo, GitServer, executable, fixture_r, git};

use crate::support::{Served, check, get, hides_passwords, merge, source, source_at};

/// A repository whose pack is large enough to be cut in the middle.
fn bulky() -> GitRepo {
    let mut repo = GitRepo::new();
    let mut noise = 1_u64;
    let content: String = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{noise:016x}")
    })
    .take(40_000)
    .collect();
    repo.commit("c0", "bulk", &[("bulk", &content)]);
    repo
}

/// Whether stock git finds a commit there.
fn is_repository(path: &Path) -> bool {
    let status = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(["rev-parse", "HEAD"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    path.join(".git").exists() && status.is_ok_and(|status| status.success())
}

#[test]
fn an_abort_during_a_stalled_fetch_ends_in_time_and_leaves_nothing_that_looks_whole() {
    let server = GitServer::start(Access::Login);
    server.publish(&bulky(), "r.git");
    let proxy = FaultProxy::start(server.address());
    proxy.set(Fault::StallAfter(Direction::ToClient, 100_000));
    let request = json!({ "source": source_at(&server.url_at(proxy.address(), "r.git")) });
    let tmp = TempDir::new().expect("a directory");
    let output = get(&server, &request)
        .tmpdir(tmp.path())
        .signal_after(Duration::from_millis(1500), Signal::Term)
        .run();
    output.fails(143);
    assert!(
        output.after_signal.expect("a signal") < Duration::from_secs(2),
        "{:?}",
        output.after_signal
    );
    assert!(!is_repository(output.work()), "{}", output.stderr);
    let left = std::fs::read_dir(tmp.path()).expect("a directory").count();
    assert_eq!(left, 0, "temporary files");
    hides_passwords(&output);
}

#[test]
fn a_pack_that_is_cut_off_is_an_error_and_leaves_nothing() {
    let server = GitServer::start(Access::Login);
    server.publish(&bulky(), "r.git");
    let proxy = FaultProxy::start(server.address());
    for fault in [
        Fault::CutAfter(Direction::ToClient, 100_000),
        Fault::ResetAfter(Direction::ToClient, 100_000),
    ] {
        proxy.set(fault);
        let request = json!({ "source": source_at(&server.url_at(proxy.address(), "r.git")) });
        let output = get(&server, &request).run();
        output.fails(128);
        assert!(
            output.stderr.contains("the connection to the remote broke: "),
            "{}",
            output.stderr
        );
        assert_eq!(std::fs::read_dir(output.work()).expect("a directory").count(), 0);
    }
}

#[test]
fn a_full_disk_is_named() {
    let server = GitServer::start(Access::Login);
    server.publish(&bulky(), "r.git");
    let request = json!({ "source": source(&server, "r.git") }).to_string();
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("request");
    std::fs::write(&file, request).expect("a file");
    std::os::unix::fs::symlink(executable("git"), directory.path().join("in")).expect("a link");
    let script = "mkdir small && mount -t tmpfs -o size=200k tmpfs small && ./in small/repo < request; echo $? > status; find small -mindepth 2 > left; umount small";
    let done = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("NO_COLOR", "1")
        .env("SSL_CERT_FILE", server.ca())
        .output()
        .expect("unshare");
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(read("status"), "128\n", "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(
        stderr.contains("  hint: the disk is full: free some space on the worker"),
        "{stderr}"
    );
    assert_eq!((done.stdout.as_slice(), read("left").as_str()), (&b""[..], ""));
}

#[test]
fn submodules_are_refused_rather_than_left_out() {
    let mut repo = fixture_r();
    let inner = fixture_r();
    repo.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        &inner.file_url(),
        "libs/inner",
    ]);
    repo.commit("sub", "submodule", &[]);
    let served = Served::new(repo);
    for source in served.sources() {
        let request = json!({ "source": source });
        let output = get(&served.server, &request).run();
        output.fails(1);
        assert!(
            output
                .stderr
                .contains("params.submodules: the repository has a submodule at \"libs/inner\"")
        );
        let request = json!({ "source": source, "params": { "submodules": "none" } });
        get(&served.server, &request).run().ok();
    }
}

#[test]
fn odd_names_survive() {
    let mut repo = GitRepo::new();
    repo.commit(
        "c0",
        "start",
        &[
            ("-dash", "1"),
            (" blank ", "2"),
            ("a\tb", "3"),
            ("dir/\"quoted\"", "4"),
        ],
    );
    let latin = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::write(repo.path().join(latin), "5").expect("a file");
    repo.commit("c1", "latin", &[]);
    repo.git(&["checkout", "--quiet", "-b", "feature/ü-x@1"]);
    let served = Served::new(repo);
    for mut source in served.sources() {
        source["branch"] = json!(" feature/ü-x@1 ");
        source["paths"] = json!(["caf*"]);
        let request = json!({ "source": source });
        assert_eq!(
            check(&served.server, &request).run().ok(),
            json!([{ "ref": served.repo.id("c1") }])
        );
        let output = get(&served.server, &request).run();
        output.ok();
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
        assert!(output.work().join(latin).exists());
        assert_eq!(
            git(output.work(), &["symbolic-ref", "HEAD"]),
            "refs/heads/feature/ü-x@1"
        );
    }
}

#[test]
fn an_empty_repository_cannot_be_got() {
    let server = GitServer::start(Access::Login);
    server.publish_empty("empty.git");
    let mut source = source(&server, "empty.git");
    source["branch"] = Value::Null;
    let output = get(&server, &json!({ "source": source })).run();
    output.fails(128);
    assert!(
        output.stderr.contains("the remote's HEAD points to no commit"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_destination_in_use_is_left_alone() {
    let served = Served::new(fixture_r());
    let directory = TempDir::new().expect("a directory");
    std::fs::write(directory.path().join("mine"), "1").expect("a file");
    let request = json!({ "source": source(&served.server, "r.git") });
    let output = get(&served.server, &request).work(directory.path()).run();
    output.fails(128);
    assert!(
        output
            .stderr
            .contains("already exists and is not an empty directory"),
        "{}",
        output.stderr
    );
    assert_eq!(
        std::fs::read_dir(directory.path()).expect("a directory").count(),
        1
    );
}

#[test]
fn checks_that_share_a_directory_do_not_disturb_each_other() {
    let served = Served::new(fixture_r());
    let tmp = TempDir::new().expect("a directory");
    let expected = json!([{ "ref": served.repo.id("c4") }]);
    let request = json!({ "source": source(&served.server, "r.git") });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let answer = check(&served.server, &request).tmpdir(tmp.path()).run().ok();
                assert_eq!(answer, expected);
            });
        }
    });
}

/// 100,000 tags, a quarter of them with an object of their own: got, and followed.
#[test]
fn a_hundred_thousand_tags_are_got_and_followed() {
    const TAGS: usize = 100_000;
    let mut repo = fixture_r();
    repo.commit("last", "last", &[]);
    let (old, new) = (repo.id("c2"), repo.id("last"));
    let mut stream = String::new();
    for number in 0..TAGS {
        if number % 4 == 0 {
            writeln!(
                stream,
                "tag t{number:06}\nfrom {old}\ntagger A <a@ex.org> {} +0000\ndata 1\nx",
                1_600_000_000 + number
            )
            .expect("text");
        } else {
            writeln!(stream, "reset refs/tags/t{number:06}\nfrom {old}\n").expect("text");
        }
    }
    repo.fast_import(&stream);
    repo.git(&["tag", "t-last", &new]);
    let served = Served::new(repo);
    let mut followed = source(&served.server, "r.git");
    let output = get(&served.server, &json!({ "source": followed })).run();
    output.ok();
    assert_eq!(git(output.work(), &["tag"]).lines().count(), TAGS + 4);
    merge(&mut followed, &json!({ "tag_filter": "t*" }));
    let answer = check(&served.server, &json!({ "source": followed })).run().ok();
    assert_eq!(answer, json!([{ "ref": "t-last", "commit": new }]));
}
