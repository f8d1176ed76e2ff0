//! Git LFS in a get: what Debian's git-lfs has committed and uploaded, and finds nothing to do with afterwards.

use std::path::Path;
use std::process::Command;

use concourse_resource_sdk::testing::{Output, Response, Run};
use serde_json::{Value, json};
use tests::{
    Access, GitRepo, GitServer, LfsServer, PASSWORD, Protocol, SshServer, USER, executable, fixture_r, git,
};

/// Runs git, with git-lfs, in a repository; it must succeed.
pub(crate) fn git_lfs(repo: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(repo)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@ex.org")])
        .envs([
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@ex.org"),
        ])
        .output()
        .expect("git");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Files that are objects, in a commit.
pub(crate) const FILES: [&str; 5] = ["a.bin", "again.bin", "in/a/directory.bin", "run.bin", "large.bin"];

/// A repository whose files git-lfs has committed; its objects are in its own store.
pub(crate) fn repository() -> GitRepo {
    let repo = fixture_r();
    git_lfs(repo.path(), &["lfs", "install", "--local", "--skip-smudge"]);
    let large = "0123456789abcdef".repeat(100_000);
    for (path, content) in [
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
        ("a.bin", "the first\n"),
        ("again.bin", "the first\n"),
        ("in/a/directory.bin", "line\r\n"),
        ("run.bin", "#!/bin/sh\n"),
        ("large.bin", &large),
        ("empty.bin", ""),
        ("plain.txt", "plain\n"),
    ] {
        let path = repo.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }
    std::fs::set_permissions(
        repo.path().join("run.bin"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("a mode");
    git_lfs(repo.path(), &["add", "--all"]);
    git_lfs(repo.path(), &["commit", "--quiet", "--message", "objects"]);
    let stored = repo.git(&["cat-file", "-p", "HEAD:a.bin"]);
    assert!(stored.starts_with("version https://git-lfs"), "{stored}");
    repo
}

/// The same, and a server to which git-lfs has uploaded the objects; the repository has them no more.
pub(crate) fn served() -> (GitRepo, LfsServer) {
    let (repo, server) = (repository(), LfsServer::start());
    let other = tempfile::tempdir().expect("a directory");
    let path = other.path().display().to_string();
    git("/", &["init", "--quiet", "--bare", &path]);
    let trust = "http.sslVerify=false";
    let url = format!("lfs.url={}", server.url_with_login());
    let locks = "lfs.locksverify=false";
    git_lfs(
        repo.path(),
        &[
            "-c", trust, "-c", &url, "-c", locks, "lfs", "push", "--all", &path,
        ],
    );
    assert_eq!(server.objects().len(), 4, "git-lfs has uploaded something else");
    std::fs::remove_dir_all(repo.path().join(".git/lfs")).expect("removed");
    server.server().forget();
    (repo, server)
}

/// A source of a repository at a path, whose objects are at a server.
pub(crate) fn source(repo: &Path, server: &LfsServer) -> Value {
    json!({
        "uri": repo, "branch": "main", "username": USER, "password": PASSWORD,
        "git_config": [{ "name": "lfs.url", "value": server.url() }],
    })
}

/// A run that trusts the server.
pub(crate) fn trusting(run: Run, server: &LfsServer, request: &Value) -> Output {
    let ca = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(ca.path(), server.server().ca_pem()).expect("the CA");
    run.env("SSL_CERT_FILE", ca.path()).request(request).run()
}

fn get(source: &Value, server: &LfsServer, params: &Value) -> Output {
    let request = json!({ "source": source, "params": params });
    trusting(Run::get(executable("git")), server, &request)
}

/// The files are there, and neither git nor git-lfs has anything to do.
pub(crate) fn is_whole(clone: &Path) {
    let read = |file: &str| std::fs::read(clone.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(
        (read("a.bin"), read("again.bin")),
        (b"the first\n".to_vec(), b"the first\n".to_vec())
    );
    assert_eq!(read("in/a/directory.bin"), b"line\r\n");
    assert_eq!(read("large.bin"), "0123456789abcdef".repeat(100_000).into_bytes());
    assert_eq!(
        (read("empty.bin"), read("plain.txt")),
        (Vec::new(), b"plain\n".to_vec())
    );
    let mode = std::fs::metadata(clone.join("run.bin"))
        .expect("a file")
        .permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o755);
    assert!(!String::from_utf8_lossy(&read(".git/describe_ref")).contains("dirty"));
    assert_eq!(
        std::fs::read_dir(clone.join(".git/lfs/tmp"))
            .expect("a directory")
            .count(),
        0
    );
    for round in 0..2 {
        assert_eq!(git_lfs(clone, &["status", "--porcelain"]), "", "round {round}");
        assert_eq!(git_lfs(clone, &["lfs", "fsck"]), "Git LFS fsck OK");
        // `*` is a file whose content is here, `-` a pointer.
        let listed = git_lfs(clone, &["lfs", "ls-files"]);
        assert_eq!(
            listed.lines().filter(|line| line.contains(" * ")).count(),
            FILES.len(),
            "{listed}"
        );
        // Git then looks at the content, through git-lfs.
        for file in FILES {
            std::fs::File::open(clone.join(file))
                .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
                .expect("a time");
        }
    }
    std::fs::remove_file(clone.join("a.bin")).expect("removed");
    git_lfs(clone, &["checkout", "a.bin"]);
    assert_eq!(read("a.bin"), b"the first\n");
}

#[test]
fn objects_are_got_from_a_server() {
    let (repo, server) = served();
    let output = get(&source(repo.path(), &server), &server, &json!({}));
    output.ok();
    output.hides(PASSWORD);
    output.hides("t0ken-of-the-batch");
    is_whole(output.work());
    let batches = server.batches();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0]["operation"], "download");
    assert_eq!(
        batches[0]["objects"].as_array().map(Vec::len),
        Some(4),
        "each object is asked for once"
    );
    assert_eq!(server.server().count(), 5, "a batch, and each object once");
}

#[test]
fn without_objects_nothing_is_asked() {
    let (repo, server) = served();
    for (params, fields) in [
        (json!({ "disable_git_lfs": true }), json!({})),
        (json!({}), json!({ "sparse_paths": ["*.txt"] })),
    ] {
        let mut source = source(repo.path(), &server);
        crate::support::merge(&mut source, &fields);
        let output = get(&source, &server, &params);
        output.ok();
        assert_eq!(git(output.work(), &["status", "--porcelain"]), "");
        let pointer = std::fs::read_to_string(output.work().join("a.bin"));
        assert!(pointer.is_err() || pointer.is_ok_and(|text| text.starts_with("version https://git-lfs")));
        assert_eq!(server.server().count(), 0);
    }
}

#[test]
fn lfsconfig_of_the_commit_says_where_objects_are() {
    let (mut repo, server) = served();
    git_lfs(repo.path(), &["config", "filter.lfs.clean", "cat"]);
    git_lfs(repo.path(), &["config", "--unset", "filter.lfs.process"]);
    let head = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["checkout", "--quiet", "--force", &head]);
    let text = format!("[lfs]\n\turl = {}\n", server.url());
    std::fs::write(repo.path().join(".lfsconfig"), text).expect("a file");
    repo.git(&["add", ".lfsconfig"]);
    repo.git(&["commit", "--quiet", "--message", "where"]);
    repo.git(&["checkout", "--quiet", "-B", "main"]);
    let source = json!({ "uri": repo.path(), "branch": "main", "username": USER, "password": PASSWORD });
    let output = get(&source, &server, &json!({}));
    output.ok();
    is_whole(output.work());
    // It names a place that the login must not go to: without TLS, while the repository has it.
    let (open, git_server) = (LfsServer::start_open(), GitServer::start(Access::Login));
    let text = format!("[lfs]\n\turl = {}\n", open.url());
    repo.commit("open", "open", &[(".lfsconfig", &text)]);
    git_server.publish(&repo, "r.git");
    let request = json!({ "source": crate::support::source(&git_server, "r.git") });
    let output = crate::support::get(&git_server, &request).run();
    output.fails(128);
    assert!(
        output
            .stderr
            .contains("it answered 401 Unauthorized: Credentials needed"),
        "{}",
        output.stderr
    );
    let asked = open.server().requests();
    assert_eq!((asked.len(), asked[0].header("authorization")), (1, None));
    // And files of this machine are not for others to name.
    repo.commit("local", "local", &[(".lfsconfig", "[lfs]\nurl = file:///etc\n")]);
    git_server.publish(&repo, "local.git");
    let request = json!({ "source": crate::support::source(&git_server, "local.git") });
    let output = crate::support::get(&git_server, &request).run();
    output
        .fails(1)
        .says(".lfsconfig names \"file:///etc\", which is in this file system");
}

#[test]
fn objects_of_local_repositories_are_copied() {
    let repo = repository();
    let bare = tempfile::tempdir().expect("a directory");
    let bare = repo.bare_copy(&bare.path().join("r.git"));
    let url = format!("file://{}", bare.display());
    git_lfs(repo.path(), &["lfs", "push", "--all", &url]);
    for uri in [
        repo.path().display().to_string(),
        repo.file_url(),
        bare.display().to_string(),
        url,
    ] {
        let output = Run::get(executable("git"))
            .request(&json!({ "source": { "uri": uri, "branch": "main" } }))
            .run();
        output.ok();
        is_whole(output.work());
    }
    std::fs::remove_dir_all(bare.join("lfs")).expect("removed");
    let output = Run::get(executable("git"))
        .request(&json!({ "source": { "uri": bare, "branch": "main" } }))
        .run();
    output.fails(128);
    assert!(
        output.stderr.contains("failed to get the LFS object"),
        "{}",
        output.stderr
    );
}

#[test]
fn ssh_servers_say_where_objects_are() {
    let (repo, server) = served();
    let ssh = SshServer::start(Protocol::Any);
    ssh.publish(&repo, "r.git");
    let mut source = json!({ "uri": ssh.url("r.git"), "branch": "main", "private_key": ssh.key() });
    let output = get(&source, &server, &json!({}));
    output.fails(128);
    assert!(
        output.stderr.contains("git-lfs-authenticate"),
        "{}",
        output.stderr
    );

    let login = json!({ "Authorization": format!("Basic {}", base64(&format!("{USER}:{PASSWORD}"))) });
    let answer = json!({ "href": server.url(), "header": login, "expires_in": 60 });
    let asked = tempfile::NamedTempFile::new().expect("a file");
    let script = format!(
        "echo \"$1 $2\" >{}\ncat <<'E'\n{answer}\nE\n",
        asked.path().display()
    );
    ssh.program("git-lfs-authenticate", &script);
    let output = get(&source, &server, &json!({}));
    output.ok();
    output.hides(&base64(&format!("{USER}:{PASSWORD}")));
    is_whole(output.work());
    let asked = std::fs::read_to_string(asked.path()).expect("what was asked");
    assert_eq!(asked, format!("{} download\n", ssh.path("r.git").display()));

    ssh.program("git-lfs-authenticate", "echo nonsense");
    source["branch"] = json!("main");
    let output = get(&source, &server, &json!({}));
    output.fails(128);
    assert!(
        output.stderr.contains("has answered what cannot be used"),
        "{}",
        output.stderr
    );
}

fn base64(text: &str) -> String {
    let mut command = Command::new("sh");
    let output = command
        .args(["-c", "printf %s \"$1\" | base64 --wrap=0", "sh", text])
        .output();
    String::from_utf8(output.expect("base64").stdout).expect("text")
}

#[test]
fn what_a_server_sends_is_held_to_the_pointer() {
    let (repo, server) = served();
    let source = source(repo.path(), &server);
    let large = server.objects().values().map(Vec::len).max().expect("an object");
    let whole = server.objects().clone();
    let (id, content) = whole
        .iter()
        .find(|object| object.1.len() == large)
        .expect("the large object");
    let refused = |line: &str| {
        let output = get(&source, &server, &json!({}));
        output.fails(128);
        let first = format!("failed to get the LFS object {id} of large.bin");
        assert!(
            output.stderr.contains(&first) && output.stderr.contains(line),
            "{line}: {}",
            output.stderr
        );
        assert_eq!(
            std::fs::read_dir(output.work()).expect("the destination").count(),
            0
        );
    };
    let mut other = content.clone();
    other[70_000] ^= 1;
    for wrong in [other, content[1..].to_vec(), [content, &b"more"[..]].concat()] {
        server.objects().insert(id.clone(), wrong);
        refused("what the server sent is not what the pointer says");
    }
    server.objects().remove(id);
    refused("Object does not exist (code 404)");
    // What breaks off is begun again; not for ever.
    server.objects().insert(id.clone(), content.clone());
    let path = format!("/objects/{id}");
    let cut = Response::status(200).body(content.clone()).cut_after(100_000);
    server.server().on_each(
        "GET",
        &path,
        [
            cut.clone(),
            cut.clone(),
            Response::status(200).body(content.clone()),
        ],
    );
    is_whole(get(&source, &server, &json!({})).work());
    server.server().on("GET", &path, cut);
    server.server().forget();
    refused("");
    assert_eq!(server.server().count_of("GET", &path), 3);
}

#[test]
fn servers_that_refuse_are_explained() {
    let (repo, server) = served();
    let mut source = source(repo.path(), &server);
    source["password"] = json!(crate::support::WRONG);
    let output = get(&source, &server, &json!({}));
    output.fails(128);
    assert!(
        output
            .stderr
            .contains("it answered 401 Unauthorized: Credentials needed"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("the server does not accept them"),
        "{}",
        output.stderr
    );
    crate::support::hides_passwords(&output);
    let path = "/team/r.git/info/lfs/objects/batch";
    for (response, line) in [
        (Response::status(404), "it answered 404 Not Found"),
        (Response::text("<html>"), "its answer cannot be read"),
        (
            Response::json(&json!({ "transfer": "tus", "objects": [] })),
            "it wants the transfer \"tus\"",
        ),
        (
            Response::json(&json!({ "objects": [] })),
            "the server says nothing of it",
        ),
        (
            Response::json(&json!({ "objects": server.objects().keys().map(|id| json!({
                "oid": id, "actions": { "download": { "href": "file:///etc/passwd" } },
            })).collect::<Vec<_>>() })),
            "it names \"file:///etc/passwd\", which is no address",
        ),
    ] {
        server.server().on("POST", path, response);
        source["password"] = json!(PASSWORD);
        let output = get(&source, &server, &json!({}));
        output.fails(128);
        assert!(output.stderr.contains(line), "{line}: {}", output.stderr);
    }
}
