//! Packs that stock git does not make, from a server that sends just these.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use concourse_resource_sdk::testing::{Output, Response, Run, Server};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tests::{GitRepo, executable, git};

/// A packet line.
fn packet(data: &[u8]) -> Vec<u8> {
    [format!("{:04x}", data.len() + 4).as_bytes(), data].concat()
}

/// A server of protocol version 0 whose `main` is a commit, and that answers every fetch with a pack.
fn serving(commit: &str, pack: &[u8]) -> Server {
    let server = Server::start();
    let first = format!("{commit} HEAD\0side-band-64k ofs-delta symref=HEAD:refs/heads/main\n");
    let second = format!("{commit} refs/heads/main\n");
    let refs = [
        packet(b"# service=git-upload-pack\n"),
        b"0000".to_vec(),
        packet(first.as_bytes()),
        packet(second.as_bytes()),
        b"0000".to_vec(),
    ]
    .concat();
    let mut answer = packet(b"NAK\n");
    for piece in pack.chunks(60_000) {
        answer.extend(packet(&[&[1], piece].concat()));
    }
    answer.extend(b"0000");
    server.fallback(move |request| {
        let (kind, body) = if request.method == "POST" {
            ("result", &answer)
        } else {
            ("advertisement", &refs)
        };
        Response::status(200)
            .header("Content-Type", format!("application/x-git-upload-pack-{kind}"))
            .body(body.clone())
    });
    server
}

fn run(server: &Server, run: Run) -> Output {
    run.request(&json!({ "source": { "uri": server.url("/r.git"), "branch": "main" } }))
        .run()
}

/// The pack of all of a repository, with another version in its head.
fn packed(repo: &GitRepo, version: u8) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(["pack-objects", "--all", "--stdout", "-q"])
        .current_dir(repo.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git");
    let mut pack = Vec::new();
    std::io::Read::read_to_end(&mut child.stdout.take().expect("a pipe"), &mut pack).expect("a pack");
    assert!(child.wait().expect("git").success());
    pack.truncate(pack.len() - 20);
    pack[7] = version;
    let hash = Sha1::digest(&pack);
    pack.extend_from_slice(&hash);
    pack
}

#[test]
fn packs_of_version_3_are_read_and_others_refused() {
    let mut repo = GitRepo::new();
    let c0 = repo.commit("c0", "all", &[("a", "1"), ("b/c", "2")]);
    let output = run(&serving(&c0, &packed(&repo, 3)), Run::get(executable("git")));
    output.ok();
    assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), c0);
    assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
    let output = run(&serving(&c0, &packed(&repo, 4)), Run::get(executable("git")));
    output.fails(128);
    assert!(output.stderr.contains("version"), "{output}");
}

/// Found in an attack: the stack overflowed.
#[test]
fn directories_without_end_are_a_clear_error() {
    let repo = GitRepo::new();
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repo.path())
        .stdin(Stdio::piped())
        .spawn()
        .expect("git");
    let mut input =
        String::from("commit refs/heads/main\ncommitter A <a@ex.org> 1700000000 +0000\ndata 1\nx\n");
    let _ = writeln!(input, "M 100644 inline {}f\ndata 1\ny", "d/".repeat(20_000));
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes())
        .expect("written");
    assert!(child.wait().expect("git").success());
    let main = repo.git(&["rev-parse", "main"]);
    let server = serving(&main, &packed(&repo, 2));
    let output = run(&server, Run::get(executable("git")));
    output.fails(128);
    assert!(
        output.stderr.contains("the path 'd/d/d/d/") && output.stderr.contains("is too long"),
        "{output}"
    );
    // A check with paths goes through trees, too.
    let request = json!({ "source": { "uri": server.url("/r.git"), "branch": "main", "paths": ["**/f"] } });
    Run::check(executable("git")).request(&request).run().ok();
    let source = json!({ "uri": server.url("/r.git"), "branch": "main", "pool": "d" });
    let output = Run::get(executable("pool-lock"))
        .request(&json!({ "source": source, "version": { "ref": main } }))
        .run();
    assert!(
        !matches!(output.ended, concourse_resource_sdk::testing::Ended::Signal(_)),
        "{output}"
    );
}

/// An entry of a pack.
fn entry(kind: u8, data: &[u8], base: Option<usize>) -> Vec<u8> {
    let mut head = Vec::new();
    let mut size = data.len();
    let low = |number: usize, bits: usize| u8::try_from(number & bits).expect("few bits");
    let mut byte = (kind << 4) | low(size, 15);
    size >>= 4;
    while size > 0 {
        head.push(byte | 128);
        byte = low(size, 127);
        size >>= 7;
    }
    head.push(byte);
    if let Some(mut distance) = base {
        let mut bytes = vec![low(distance, 127)];
        distance >>= 7;
        while distance > 0 {
            distance -= 1;
            bytes.push(low(distance, 127) | 128);
            distance >>= 7;
        }
        bytes.reverse();
        head.extend(bytes);
    }
    let mut deflated = ZlibEncoder::new(head, Compression::fast());
    deflated.write_all(data).expect("written");
    deflated.finish().expect("an entry")
}

/// Each file is the one before with another last byte: 20,000 differences, each on the other.
#[test]
fn differences_without_end_are_resolved() {
    const LEVELS: usize = 20_000;
    let repo = GitRepo::new();
    let content = |level: usize| format!("{level:08}").into_bytes();
    let blob =
        |content: &[u8]| Sha1::digest([format!("blob {}\0", content.len()).as_bytes(), content].concat());
    let last = blob(&content(LEVELS));
    let tree: Vec<u8> = [b"100644 f\0", last.as_slice()].concat();
    let tree_id = Sha1::digest([format!("tree {}\0", tree.len()).as_bytes(), &tree].concat());
    let hex = tree_id.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let commit = format!(
        "tree {hex}\nauthor A <a@ex.org> 1700000000 +0000\ncommitter A <a@ex.org> 1700000000 +0000\n\nx\n"
    );
    let mut pack = [
        b"PACK".as_slice(),
        &2_u32.to_be_bytes(),
        &u32::try_from(LEVELS + 3).expect("a count").to_be_bytes(),
    ]
    .concat();
    pack.extend(entry(1, commit.as_bytes(), None));
    pack.extend(entry(2, &tree, None));
    let mut before = pack.len();
    pack.extend(entry(3, &content(0), None));
    for level in 1..=LEVELS {
        // The sizes before and after, and eight new bytes.
        let delta = [&[8, 8, 8], content(level).as_slice()].concat();
        let here = pack.len();
        pack.extend(entry(6, &delta, Some(here - before)));
        before = here;
    }
    let hash = Sha1::digest(&pack);
    pack.extend_from_slice(&hash);
    let id = {
        let path = repo.path().join("commit");
        std::fs::write(&path, &commit).expect("a file");
        repo.git(&["hash-object", "-t", "commit", "--literally", "commit"])
    };
    let output = run(&serving(&id, &pack), Run::get(executable("git")));
    output.ok();
    assert_eq!(
        std::fs::read(output.work().join("f")).expect("a file"),
        content(LEVELS)
    );
}

/// Found in an attack: what was damaged in the remote was checked out.
#[test]
fn a_damaged_loose_object_of_a_local_remote_is_told() {
    let mut repo = GitRepo::new();
    repo.commit("c0", "all", &[("a", "right")]);
    let id = repo.git(&["rev-parse", "HEAD:a"]);
    let file = repo.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(&file).expect("a file");
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
    deflated.write_all(b"blob 5\0wrong").expect("written");
    std::fs::write(&file, deflated.finish().expect("an object")).expect("a file");
    for uri in [repo.file_url(), repo.path().display().to_string()] {
        let request = json!({ "source": { "uri": uri, "branch": "main" } });
        let output = Run::get(executable("git")).request(&request).run();
        output.fails(128);
        assert!(
            output.stderr.contains("it is damaged: its content is that of "),
            "{output}"
        );
        assert!(!output.work().join("a").exists());
    }
}

/// Tags that lead to a tree, a file or a note's commit come along over every transport, or over none.
#[test]
fn tags_that_come_along_are_the_same_over_every_transport() {
    let mut repo = tests::fixture_r();
    repo.commit("more", "more", &[("x/y", "z")]);
    repo.git(&["notes", "add", "-m", "note"]);
    for (name, target) in [
        ("t-tree", "HEAD^{tree}"),
        ("t-blob", "HEAD:x/y"),
        ("t-note", "refs/notes/commits"),
        ("t-side", "topic"),
    ] {
        repo.git(&["tag", name, target]);
        repo.git(&["tag", "-a", "-m", "m", &format!("a-{name}"), target]);
    }
    let served = crate::support::Served::new(repo);
    let mut all = Vec::new();
    for source in served.sources() {
        let output = crate::support::get(&served.server, &json!({ "source": source })).run();
        output.ok();
        all.push(git(output.work(), &["tag"]));
    }
    assert_eq!(all[0], all[1]);
}

#[test]
fn with_all_branches_the_version_of_another_branch_is_checked_out() {
    let served = crate::support::Served::new(tests::fixture_r());
    let t1 = served.repo.id("t1");
    for source in served.sources() {
        let request =
            json!({ "source": source, "version": { "ref": t1 }, "params": { "all_branches": true } });
        let output = crate::support::get(&served.server, &request).run();
        output.ok();
        assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), t1);
    }
}

/// Seen in a real Concourse: 51 MB for one version.
#[test]
fn a_first_check_of_a_server_without_filters_takes_the_newest_commits() {
    let mut repo = GitRepo::new();
    for number in 0..12 {
        let mut rng = fastrand::Rng::with_seed(number);
        let noise: String = std::iter::repeat_with(|| rng.alphanumeric())
            .take(100_000)
            .collect();
        repo.commit(
            &format!("n{number}"),
            if number == 11 { "[ci skip]" } else { "n" },
            &[("f", &noise)],
        );
    }
    let served = crate::support::Served::new(repo);
    git(
        served.server.path("r.git"),
        &["config", "uploadpack.allowFilter", "false"],
    );
    for (source, expected, most) in [
        (json!({}), "n10", 500_000),
        (json!({ "paths": ["f"] }), "n10", 700_000),
    ] {
        for prefix in ["", "v0/"] {
            let proxy = std::sync::Arc::new(concourse_resource_sdk::testing::FaultProxy::start(
                served.server.address(),
            ));
            let mut full =
                crate::support::source_at(&served.server.url_at(proxy.address(), &format!("{prefix}r.git")));
            crate::support::merge(&mut full, &source);
            let output = crate::support::check(&served.server, &json!({ "source": full })).run();
            assert_eq!(output.ok(), json!([{ "ref": served.repo.id(expected) }]));
            let bytes = proxy.bytes(concourse_resource_sdk::testing::Direction::ToClient);
            assert!(bytes < most, "{prefix}: {bytes} bytes for {source}");
        }
    }
}
