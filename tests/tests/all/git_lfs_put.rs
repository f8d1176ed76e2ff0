//! Git LFS in a put: what the pushed commits need is uploaded before they are pushed.

use std::path::{Path, PathBuf};

use concourse_resource_sdk::testing::{Output, Run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{LfsServer, executable, git};

use crate::git_lfs::{git_lfs, is_whole, repository, served, source, trusting};

/// A clone by a get, in a build directory, whose remote is a bare copy.
struct Build {
    directory: TempDir,
    server: LfsServer,
    source: Value,
}

impl Build {
    fn new() -> Self {
        let (repo, server) = served();
        let directory = tempfile::tempdir().expect("a directory");
        let bare = repo.bare_copy(&directory.path().join("r.git"));
        let source = source(&bare, &server);
        let run = Run::get(executable("git")).work(directory.path().join("repo"));
        trusting(run, &server, &json!({ "source": source })).ok();
        server.server().forget();
        Self {
            directory,
            server,
            source,
        }
    }

    fn repo(&self) -> PathBuf {
        self.directory.path().join("repo")
    }

    /// Commits a file by git-lfs, and answers the object's id.
    fn commit(&self, file: &str, content: &str) -> String {
        std::fs::write(self.repo().join(file), content).expect("a file");
        git_lfs(&self.repo(), &["add", "--all"]);
        git_lfs(&self.repo(), &["commit", "--quiet", "--message", file]);
        let pointer = git(self.repo(), &["cat-file", "-p", &format!("HEAD:{file}")]);
        let id = pointer.lines().find_map(|line| line.strip_prefix("oid sha256:"));
        id.expect("a pointer").to_owned()
    }

    fn put(&self, params: &Value) -> Output {
        let mut all = json!({ "repository": "repo" });
        crate::support::merge(&mut all, params);
        let run = Run::put(executable("git")).work(self.directory.path());
        trusting(
            run,
            &self.server,
            &json!({ "source": self.source, "params": all }),
        )
    }

    fn remote_head(&self) -> String {
        git(self.directory.path().join("r.git"), &["rev-parse", "main"])
    }
}

fn remove_object(repo: &Path, id: &str) {
    let path = format!(".git/lfs/objects/{}/{}/{id}", &id[..2], &id[2..4]);
    std::fs::remove_file(repo.join(path)).expect("the object");
}

#[test]
fn objects_are_uploaded_before_the_push() {
    let build = Build::new();
    let id = build.commit("new.bin", "something new\n");
    let output = build.put(&json!({}));
    output.ok();
    crate::support::hides_passwords(&output);
    assert_eq!(
        build.server.objects().get(&id).map(Vec::as_slice),
        Some(&b"something new\n"[..])
    );
    let batches = build.server.batches();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0]["operation"], "upload");
    assert_eq!(batches[0]["ref"], json!({ "name": "refs/heads/main" }));
    assert_eq!(
        batches[0]["objects"],
        json!([{ "oid": id, "size": 14 }]),
        "only what is new"
    );
    assert_eq!(build.server.server().count_of("POST", "/verify"), 1);
    assert_eq!(build.remote_head(), git(build.repo(), &["rev-parse", "HEAD"]));
    // Another clone has it.
    let run = Run::get(executable("git"));
    let output = trusting(run, &build.server, &json!({ "source": build.source }));
    output.ok();
    assert_eq!(
        std::fs::read(output.work().join("new.bin")).expect("a file"),
        b"something new\n"
    );
}

#[test]
fn commits_without_objects_ask_nothing() {
    let build = Build::new();
    std::fs::write(build.repo().join("plain.txt"), "other\n").expect("a file");
    git_lfs(
        &build.repo(),
        &["commit", "--quiet", "--all", "--message", "plain"],
    );
    build.put(&json!({})).ok();
    assert_eq!(build.server.server().count(), 0);
}

#[test]
fn objects_that_are_nowhere_are_named_and_nothing_is_pushed() {
    let build = Build::new();
    let before = build.remote_head();
    let (one, two) = (build.commit("one.bin", "one\n"), build.commit("two.bin", "two\n"));
    remove_object(&build.repo(), &one);
    let output = build.put(&json!({}));
    output
        .fails(1)
        .says("LFS objects of the commits to push are neither here nor on the server");
    assert!(
        output.stderr.contains(&format!("one.bin ({one})")),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("two.bin"), "{}", output.stderr);
    assert_eq!(build.remote_head(), before);
    // What the server has need not be here.
    build.server.objects().insert(one, b"one\n".to_vec());
    build.put(&json!({})).ok();
    assert!(build.server.objects().contains_key(&two));
    assert_eq!(build.remote_head(), git(build.repo(), &["rev-parse", "HEAD"]));
}

#[test]
fn a_server_that_refuses_an_object_keeps_the_push_back() {
    let build = Build::new();
    let before = build.remote_head();
    let id = build.commit("new.bin", "something new\n");
    let refusal =
        concourse_resource_sdk::testing::Response::json(&json!({ "message": "over quota" })).with_status(507);
    build
        .server
        .server()
        .on("PUT", &format!("/objects/{id}"), refusal);
    let output = build.put(&json!({}));
    output
        .fails(1)
        .says(&format!("failed to upload the LFS object {id} of new.bin"));
    assert!(output.stderr.contains("over quota"), "{}", output.stderr);
    assert_eq!(build.remote_head(), before);
}

/// Files whose content is here count as unchanged, and what others pushed is taken in.
#[test]
fn a_put_that_rebases_takes_objects_along() {
    let build = Build::new();
    let other = tempfile::tempdir().expect("a directory");
    let clone = other.path().join("clone");
    let bare = build.directory.path().join("r.git").display().to_string();
    git("/", &["clone", "--quiet", &bare, &clone.display().to_string()]);
    std::fs::write(clone.join("theirs.txt"), "theirs\n").expect("a file");
    git(&clone, &["add", "theirs.txt"]);
    git(&clone, &["commit", "--quiet", "--message", "theirs"]);
    git(&clone, &["push", "--quiet", "origin", "main"]);
    let id = build.commit("new.bin", "something new\n");
    for file in crate::git_lfs::FILES {
        std::fs::File::open(build.repo().join(file))
            .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
            .expect("a time");
    }
    build.put(&json!({ "rebase": true })).ok();
    assert!(build.server.objects().contains_key(&id));
    assert_eq!(
        git(Path::new(&bare), &["log", "--format=%s", "-2", "main"]),
        "new.bin\ntheirs"
    );
}

#[test]
fn objects_go_to_local_repositories_too() {
    let repo = repository();
    let directory = tempfile::tempdir().expect("a directory");
    let bare = directory.path().join("r.git");
    git(
        "/",
        &[
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            &bare.display().to_string(),
        ],
    );
    let source = json!({ "uri": bare, "branch": "main" });
    let request = json!({ "source": source, "params": { "repository": repo.path() } });
    Run::put(executable("git")).request(&request).run().ok();
    let output = Run::get(executable("git"))
        .request(&json!({ "source": source }))
        .run();
    output.ok();
    is_whole(output.work());
}
