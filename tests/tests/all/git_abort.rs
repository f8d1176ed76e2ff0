//! Aborts, and networks that break at any moment: in time, told, and nothing left that looks whole.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use concourse_resource_sdk::testing::{Direction, Ended, Fault, FaultProxy, Output, Run, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitRepo, GitServer, git};

use crate::support::{check, get, hides_passwords, put, source, source_at};

/// The exit status of a process that ended for SIGTERM.
const ABORTED: i32 = 143;
const IN_TIME: Duration = Duration::from_secs(2);

/// Text that no compression makes small.
fn noise(seed: u64, kilobytes: usize) -> String {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    })
    .take(kilobytes * 64)
    .collect()
}

/// A server behind a proxy, with a repository whose history and contents are both large.
struct World {
    server: GitServer,
    proxy: Arc<FaultProxy>,
    repo: GitRepo,
}

impl World {
    fn new() -> Self {
        let server = GitServer::start(Access::Login);
        let mut repo = GitRepo::new();
        for number in 0..20 {
            let message = noise(number, 8);
            let content = noise(number + 100, 16);
            repo.commit(&format!("n{number}"), &message, &[("f", content.as_str())]);
        }
        server.publish(&repo, "r.git");
        let proxy = Arc::new(FaultProxy::start(server.address()));
        Self { server, proxy, repo }
    }

    fn source(&self) -> Value {
        source_at(&self.server.url_at(self.proxy.address(), "r.git"))
    }

    /// Sends SIGTERM once that many bytes went over a connection, which then stalls.
    fn aborted(&self, run: Run, direction: Direction, bytes: u64) -> Output {
        self.proxy.set(Fault::StallAfter(direction, bytes));
        let proxy = Arc::clone(&self.proxy);
        let (connections, before) = (proxy.connections(), proxy.bytes(direction));
        let stalled = move || proxy.connections() > connections && proxy.bytes(direction) >= before + bytes;
        let output = run.signal_when(stalled, Signal::Term).run();
        self.proxy.set(Fault::Pass);
        output.fails(ABORTED);
        assert!(output.after_signal.expect("a signal") < IN_TIME, "{output}");
        hides_passwords(&output);
        output
    }
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

/// A clone with a large commit of its own, ready for a put.
fn build(world: &World) -> (TempDir, String) {
    let directory = TempDir::new().expect("a directory");
    let repo = directory.path().join("repo");
    let request = json!({ "source": source(&world.server, "r.git") });
    get(&world.server, &request).work(&repo).run().ok();
    std::fs::write(repo.join("new"), noise(7, 2000)).expect("a file");
    git(&repo, &["add", "--all"]);
    git(&repo, &["commit", "--quiet", "--message", "new"]);
    let id = git(&repo, &["rev-parse", "HEAD"]);
    (directory, id)
}

#[test]
fn a_get_that_stalls_anywhere_ends_when_told_to() {
    let world = World::new();
    for bytes in [0, 1500, 4000, 60_000, 200_000] {
        let request = json!({ "source": world.source() });
        let output = world.aborted(get(&world.server, &request), Direction::ToClient, bytes);
        assert_eq!(entries(output.work()), 0, "{bytes}: {output}");
        assert_eq!(entries(&output.tmp()), 0, "{bytes}: {output}");
    }
}

#[test]
fn a_check_that_stalls_anywhere_ends_when_told_to_and_the_next_one_is_right() {
    let world = World::new();
    let tmp = TempDir::new().expect("a directory");
    let cursor = json!({ "ref": world.repo.id("n3") });
    let request = json!({ "source": world.source(), "version": cursor });
    for bytes in [0, 1500, 4000, 60_000] {
        world.aborted(
            check(&world.server, &request).tmpdir(tmp.path()),
            Direction::ToClient,
            bytes,
        );
        let answer = check(&world.server, &request).tmpdir(tmp.path()).run().ok();
        let expected: Vec<Value> = (3..20)
            .map(|number| json!({ "ref": world.repo.id(&format!("n{number}")) }))
            .collect();
        assert_eq!(answer, json!(expected), "{bytes}");
        // The answer is in the cache now; another source has another one.
        std::fs::remove_dir_all(tmp.path()).expect("a directory");
        std::fs::create_dir(tmp.path()).expect("a directory");
    }
}

#[test]
fn a_put_that_stalls_anywhere_ends_when_told_to_and_pushes_nothing() {
    let world = World::new();
    let (directory, id) = build(&world);
    let request = json!({ "source": world.source(), "params": { "repository": "repo" } });
    let main = || git(world.server.path("r.git"), &["rev-parse", "main"]);
    for bytes in [0, 1500, 100_000, 500_000] {
        let run = put(&world.server, &request).work(directory.path());
        let output = world.aborted(run, Direction::ToServer, bytes);
        assert_eq!(main(), world.repo.id("n19"), "{bytes}");
        assert_eq!(entries(&output.tmp()), 0, "{bytes}: {output}");
    }
    put(&world.server, &request).work(directory.path()).run().ok();
    assert_eq!(main(), id);
}

/// Only the server knows what comes of a push whose last byte it has.
#[test]
fn a_put_that_is_aborted_while_the_server_is_at_work_says_what_is_known() {
    for (seconds, is_told) in [("0.6", true), ("4", false)] {
        let world = World::new();
        let (directory, id) = build(&world);
        let path = world.server.path("r.git");
        let hook = path.join("hooks/pre-receive");
        std::fs::create_dir_all(path.join("hooks")).expect("a directory");
        std::fs::write(&hook, format!("#!/bin/sh\n: >at-work\nsleep {seconds}\n")).expect("a file");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let request = json!({ "source": world.source(), "params": { "repository": "repo" } });
        let at_work = path.join("at-work");
        let output = put(&world.server, &request)
            .work(directory.path())
            .signal_when(move || at_work.exists(), Signal::Term)
            .run();
        output.fails(ABORTED);
        assert!(output.after_signal.expect("a signal") < IN_TIME, "{output}");
        let (old, new) = (&world.repo.id("n19")[..7], &id[..7]);
        if is_told {
            output.says(&format!("   {old}..{new}   main"));
            assert_eq!(git(&path, &["rev-parse", "main"]), id);
        } else {
            let said = format!(
                "the push was sent, and the server has not answered: look whether {id} is at refs/heads/main"
            );
            assert!(output.stderr.contains(&said), "{output}");
        }
    }
}

#[test]
fn a_connection_that_breaks_anywhere_is_told_and_leaves_nothing() {
    let world = World::new();
    for bytes in [0, 700, 4000, 60_000, 200_000] {
        for fault in [
            Fault::CutAfter(Direction::ToClient, bytes),
            Fault::ResetAfter(Direction::ToClient, bytes),
        ] {
            world.proxy.set(fault);
            let request = json!({ "source": world.source() });
            let output = get(&world.server, &request).limit(Duration::from_secs(120)).run();
            output.fails(128);
            assert_eq!(entries(output.work()), 0, "{fault:?}: {output}");
            let line = output.stderr.lines().find(|line| {
                line.starts_with("failed to reach https://127.0.0.1:")
                    || line.starts_with("the connection to the remote broke: ")
            });
            assert!(line.is_some(), "{fault:?}: {output}");
            hides_passwords(&output);
        }
    }
}

#[test]
fn a_push_whose_connection_breaks_is_told() {
    let world = World::new();
    let (directory, _) = build(&world);
    let request = json!({ "source": world.source(), "params": { "repository": "repo" } });
    for fault in [
        Fault::CutAfter(Direction::ToServer, 500_000),
        Fault::ResetAfter(Direction::ToServer, 500_000),
    ] {
        world.proxy.set(fault);
        let output = put(&world.server, &request)
            .work(directory.path())
            .limit(Duration::from_secs(120))
            .run();
        output.fails(128);
        assert_eq!(
            git(world.server.path("r.git"), &["rev-parse", "main"]),
            world.repo.id("n19")
        );
        hides_passwords(&output);
    }
}

#[test]
fn a_get_that_is_aborted_at_any_moment_is_whole_or_nothing() {
    let world = World::new();
    let source = source(&world.server, "r.git");
    for milliseconds in (0..60).step_by(4) {
        let output = get(&world.server, &json!({ "source": source }))
            .signal_after(Duration::from_millis(milliseconds), Signal::Term)
            .run();
        let whole = entries(output.work()) != 0;
        match output.ended {
            // The signal may also arrive when all is done but told.
            Ended::Code(0 | ABORTED) if whole => {
                assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), world.repo.id("n19"));
                assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
            }
            // Before anything is set up, the signal does what it does to any process.
            Ended::Code(ABORTED) | Ended::Signal(15) if !whole => {}
            other => panic!("{milliseconds} ms: {other:?} {output}"),
        }
    }
}
