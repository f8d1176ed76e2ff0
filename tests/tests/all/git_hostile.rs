//! Repositories made to do harm, or only odd enough to do so by accident.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use concourse_resource_sdk::testing::{Ended, Run};
use serde_json::json;
use tempfile::TempDir;
use tests::{GitRepo, executable, fixture_r, git};

use crate::support::{Served, check, get, source_at};

/// Writes an object that no git command would make, and answers its id.
pub(crate) fn raw_object(repo: &GitRepo, kind: &str, content: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(["hash-object", "-t", kind, "--literally", "-w", "--stdin"])
        .current_dir(repo.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(content)
        .expect("written");
    let output = child.wait_with_output().expect("git");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("an id").trim().to_owned()
}

/// A tree of these modes, names and ids, in this order.
pub(crate) fn raw_tree(repo: &GitRepo, entries: &[(&str, &str, &str)]) -> String {
    let mut content = Vec::new();
    for (mode, name, id) in entries {
        content.extend(format!("{mode} {name}\0").bytes());
        let bytes = (0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).expect("hex"));
        content.extend(bytes);
    }
    raw_object(repo, "tree", &content)
}

/// Makes a tree the head of `main`.
pub(crate) fn set_main(repo: &GitRepo, tree: &str) -> String {
    let commit = repo.git(&["commit-tree", tree, "-m", "hostile"]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    commit
}

#[test]
fn trees_that_reach_outside_of_the_destination_or_into_its_git_directory_write_nothing_there() {
    let outside = TempDir::new().expect("a directory");
    let target = outside.path().join("hooks");
    std::fs::create_dir(&target).expect("a directory");
    let build = |make: &dyn Fn(&GitRepo, &str, &str) -> String| {
        let repo = GitRepo::new();
        let script = raw_object(&repo, "blob", b"#!/bin/sh\ntouch /tmp/harm\n");
        let link = raw_object(&repo, "blob", target.display().to_string().as_bytes());
        let tree = make(&repo, &script, &link);
        set_main(&repo, &tree);
        repo
    };
    let inner = |repo: &GitRepo, script: &str| raw_tree(repo, &[("100755", "post-checkout", script)]);
    let named = |name: &'static str| {
        build(&move |repo, script, _| {
            let hooks = raw_tree(repo, &[("40000", "hooks", &inner(repo, script))]);
            raw_tree(repo, &[("40000", name, &hooks), ("100644", "z", script)])
        })
    };
    let repos = [
        ("dot-git", named(".git")),
        ("upper case", named(".GIT")),
        ("dots", named("..")),
        (
            "slash",
            build(&|repo, script, _| raw_tree(repo, &[("100755", "../hooks/post-checkout", script)])),
        ),
        (
            "slash into .git",
            build(&|repo, script, _| raw_tree(repo, &[("100755", ".git/hooks/post-checkout", script)])),
        ),
        (
            "a link and a directory of one name",
            build(&|repo, script, link| {
                let directory = inner(repo, script);
                raw_tree(
                    repo,
                    &[
                        ("120000", "a", link),
                        ("40000", "a", &directory),
                        ("40000", "b", &directory),
                    ],
                )
            }),
        ),
        (
            "a directory and a link of one name",
            build(&|repo, script, link| {
                let directory = inner(repo, script);
                raw_tree(
                    repo,
                    &[
                        ("40000", "a", &directory),
                        ("120000", "a", link),
                        ("40000", "b", &directory),
                    ],
                )
            }),
        ),
    ];
    for (name, repo) in repos {
        let world = TempDir::new().expect("a directory");
        std::fs::create_dir(world.path().join("hooks")).expect("a directory");
        let dest = world.path().join("dest");
        let request = json!({ "source": { "uri": repo.file_url(), "branch": "main" } });
        let output = Run::get(executable("git")).work(&dest).request(&request).run();
        for hooks in [
            target.clone(),
            world.path().join("hooks"),
            dest.join(".git/hooks"),
        ] {
            assert!(
                !hooks.join("post-checkout").exists(),
                "{name}: {hooks:?}\n{output}"
            );
        }
        let said = if name.ends_with("one name") {
            "the commit has two files at '"
        } else {
            "invalid path '"
        };
        output.fails(128);
        assert!(
            output.stderr.lines().any(|line| line.starts_with(said)),
            "{name}\n{output}"
        );
    }
}

#[test]
fn a_link_in_the_repository_is_not_followed_while_files_are_written() {
    let mut repo = GitRepo::new();
    let outside = TempDir::new().expect("a directory");
    std::fs::write(outside.path().join("file"), "untouched").expect("a file");
    for name in ["branch-of-links", "link"] {
        std::os::unix::fs::symlink(outside.path(), repo.path().join(name)).expect("a link");
    }
    std::os::unix::fs::symlink(outside.path().join("file"), repo.path().join("to-file")).expect("a link");
    repo.commit("c0", "links", &[("dir/x", "1"), ("link.d/file", "2")]);
    let served = Served::new(repo);
    for source in served.sources() {
        let output = get(&served.server, &json!({ "source": source })).run();
        output.ok();
        assert_eq!(
            std::fs::read_link(output.work().join("link")).expect("a link"),
            outside.path()
        );
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
    }
    assert_eq!(
        std::fs::read_to_string(outside.path().join("file")).expect("a file"),
        "untouched"
    );
}

#[test]
fn names_that_begin_alike_do_not_get_into_each_others_way() {
    let mut repo = GitRepo::new();
    repo.commit(
        "c0",
        "names",
        &[
            ("a/x", "1"),
            ("a-b/x", "2"),
            ("a.txt", "3"),
            ("a0/x", "4"),
            ("ab/*", "5"),
            ("ab/[x]/y", "6"),
            ("*/x", "7"),
            ("!neg/x", "8"),
            (":(top)/x", "9"),
            ("A/x", "10"),
            ("text/x.txt", "crlf\n"),
            (".gitattributes", "*.txt text eol=crlf\n"),
        ],
    );
    let served = Served::new(repo);
    for source in served.sources() {
        let output = get(&served.server, &json!({ "source": source })).run();
        output.ok();
        assert_eq!(git(output.work(), &["ls-files"]), served.repo.git(&["ls-files"]));
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
        assert_eq!(
            std::fs::read(output.work().join("text/x.txt")).expect("a file"),
            b"crlf\r\n"
        );
    }
}

#[test]
fn the_clone_keeps_commits_that_are_not_utf_8_byte_for_byte() {
    let repo = GitRepo::new();
    let tree = raw_tree(&repo, &[]);
    let mut text = format!("tree {tree}\n").into_bytes();
    text.extend(b"author J\xf6rg <j@ex.org> 1700000000 -0330\n");
    text.extend(b"committer J\xf6rg <j@ex.org> 1700000000 -0330\n");
    text.extend(b"encoding ISO-8859-1\n\nF\xfcr alle\n\nohne Zeilenende");
    let commit = raw_object(&repo, "commit", &text);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let served = Served::new(repo);
    for source in served.sources() {
        let request = json!({ "source": source });
        assert_eq!(
            check(&served.server, &request).run().ok(),
            json!([{ "ref": commit }])
        );
        let output = get(&served.server, &request).run();
        let answer = output.ok();
        let file = |name: &str| std::fs::read(output.work().join(".git").join(name)).expect("a file");
        assert_eq!(
            file("commit_message"),
            "F\u{fc}r alle\n\nohne Zeilenende".as_bytes()
        );
        assert_eq!(file("author"), "J\u{f6}rg\n".as_bytes());
        assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), commit);
        assert_eq!(file("author_date"), b"2023-11-14 18:43:20 -0330\n");
        assert_eq!(answer["metadata"][0]["value"], json!(commit));
    }
}

#[test]
fn tags_of_everything_are_got() {
    let repo = fixture_r();
    let (c2, t1) = (repo.id("c2"), repo.id("t1"));
    let tree = repo.git(&["rev-parse", &format!("{c2}^{{tree}}")]);
    let blob = repo.git(&["rev-parse", &format!("{c2}:src/x.rs")]);
    for (name, target) in [("of-tree", &tree), ("of-blob", &blob)] {
        repo.git(&["tag", name, target]);
        repo.git(&[
            "tag",
            "--annotate",
            "--message",
            "m",
            &format!("note-{name}"),
            target,
        ]);
    }
    for (name, target) in [
        ("of-tag", "rel-1"),
        ("of-tag-of-tag", "of-tag"),
        ("of-side", t1.as_str()),
    ] {
        repo.git(&["tag", "--annotate", "--message", "m", name, target]);
    }
    repo.git(&["tag", "ümlaut/ß"]);
    let served = Served::new(repo);
    for source in served.sources() {
        for (fetch_tags, more) in [(json!(null), false), (json!(true), true)] {
            let request = json!({ "source": source, "params": { "fetch_tags": fetch_tags } });
            let output = get(&served.server, &request).run();
            output.ok();
            let tags = git(output.work(), &["tag"]);
            for name in ["of-tag", "of-tag-of-tag", "ümlaut/ß", "nightly"] {
                assert!(tags.lines().any(|tag| tag == name), "{name}: {tags}");
            }
            assert_eq!(tags.lines().any(|tag| tag == "of-side"), more, "{tags}");
            if more {
                assert_eq!(tags, served.repo.git(&["tag"]));
            }
            assert_eq!(
                git(output.work(), &["fsck", "--no-progress", "--no-dangling"]),
                ""
            );
        }
        // A tag of no commit is no place to check out.
        let request =
            json!({ "source": source, "version": { "ref": "of-tree" }, "params": { "fetch_tags": true } });
        let output = get(&served.server, &request).run();
        assert_ne!(output.ended, Ended::Code(0), "{output}");
        assert!(!output.stderr.contains("internal"), "{output}");
    }
}

#[test]
fn repositories_of_another_user_are_used() {
    let served = Served::new(fixture_r());
    let path = served.server.path("r.git");
    let changed = Command::new("chown")
        .args(["--recursive", "4321:4321"])
        .arg(&path)
        .status()
        .expect("chown");
    assert!(changed.success(), "this test needs root, as the servers do");
    let source = source_at(&format!("file://{}", path.display()));
    let request = json!({ "source": source });
    check(&served.server, &request).run().ok();
    let build = TempDir::new().expect("a directory");
    get(&served.server, &request)
        .work(build.path().join("repo"))
        .run()
        .ok();
    let changed = Command::new("chown")
        .args(["--recursive", "1234:1234"])
        .arg(build.path())
        .status()
        .expect("chown");
    assert!(changed.success());
    let request = json!({ "source": source, "params": { "repository": "repo" } });
    crate::support::put(&served.server, &request)
        .work(build.path())
        .run()
        .ok();
}

#[test]
fn nothing_is_written_beside_the_destination_and_modes_do_not_depend_on_the_caller() {
    let mut repo = fixture_r();
    repo.commit("c5", "script", &[("run", "#!/bin/sh\n"), ("a/b", "1")]);
    repo.git(&["update-index", "--chmod=+x", "run"]);
    repo.git(&["commit", "--quiet", "--message", "mode"]);
    let served = Served::new(repo);
    let link = TempDir::new().expect("a directory");
    std::os::unix::fs::symlink(executable("git"), link.path().join("in")).expect("a link");
    let world = TempDir::new().expect("a directory");
    let (home, tmp, dest) = (
        world.path().join("home"),
        world.path().join("tmp"),
        world.path().join("dest"),
    );
    for directory in [&home, &tmp] {
        std::fs::create_dir(directory).expect("a directory");
    }
    let output = Run::command("/bin/sh")
        .args(["-c", "umask 077 && exec \"$0\" \"$1\""])
        .arg(link.path().join("in"))
        .arg(&dest)
        .home(&home)
        .tmpdir(&tmp)
        .env("SSL_CERT_FILE", served.server.ca())
        .request(&json!({ "source": served.sources()[0] }))
        .run();
    output.ok();
    for directory in [&home, &tmp] {
        assert_eq!(std::fs::read_dir(directory).expect("a directory").count(), 0);
    }
    let mode = |path: &Path| {
        let found = std::fs::metadata(path).expect("a file");
        format!("{:o}", found.permissions().mode() & 0o7777)
    };
    for (path, expected) in [
        ("run", "755"),
        ("a", "755"),
        ("a/b", "644"),
        (".git", "755"),
        (".git/ref", "644"),
        (".git/config", "644"),
        (".git/packed-refs", "644"),
    ] {
        assert_eq!(mode(&dest.join(path)), expected, "{path}");
    }
}
