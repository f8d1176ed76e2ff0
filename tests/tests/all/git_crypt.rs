//! Files that Debian's git-crypt has encrypted, beside what it makes of them itself.

use std::path::Path;
use std::process::Command;

use concourse_resource_sdk::testing::{Output, Run};
use serde_json::{Value, json};
use tests::{GitRepo, executable, fixture_r, git};

/// Runs git-crypt in a repository; it must succeed.
fn git_crypt(repo: &Path, args: &[&str]) {
    let output = Command::new("git-crypt")
        .args(args)
        .current_dir(repo)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git-crypt");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git-crypt {args:?}: {errors}");
}

/// A repository with encrypted files, and its key.
struct Encrypted {
    repo: GitRepo,
    key: tempfile::NamedTempFile,
    driver: String,
}

const FILES: [&str; 6] = [
    "secret.txt",
    "secret.empty",
    "secret.large",
    "in/a/secret.bin",
    "secret.sh",
    "plain.txt",
];

impl Encrypted {
    /// With a key of this name, or the one without.
    fn new(name: Option<&str>) -> Self {
        let mut repo = fixture_r();
        let key = tempfile::NamedTempFile::new().expect("a file");
        let key_path = key.path().display().to_string();
        let driver = name.map_or_else(|| "git-crypt".to_owned(), |name| format!("git-crypt-{name}"));
        let option: Vec<&str> = name.map_or(Vec::new(), |name| vec!["-k", name]);
        git_crypt(repo.path(), &[&["init"], &option[..]].concat());
        git_crypt(
            repo.path(),
            &[&["export-key"], &option[..], &[&key_path]].concat(),
        );
        let large = "0123456789abcdef".repeat(40_000);
        let attributes =
            format!("secret.* filter={driver} diff={driver}\n*.txt text eol=crlf\nsecret.txt -text\n");
        std::fs::write(repo.path().join("secret.sh"), "#!/bin/sh\n").expect("a file");
        std::fs::set_permissions(
            repo.path().join("secret.sh"),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .expect("a mode");
        repo.commit(
            "encrypted",
            "encrypted",
            &[
                (".gitattributes", &attributes),
                ("secret.txt", "line\r\nline\n"),
                ("secret.empty", ""),
                ("secret.large", &large),
                ("in/a/secret.bin", "\0\u{1}\u{2}"),
                ("plain.txt", "one\ntwo\n"),
            ],
        );
        let stored = repo.git(&["cat-file", "-s", "HEAD:secret.empty"]);
        assert_eq!(stored, "22", "git-crypt has encrypted nothing");
        Self { repo, key, driver }
    }

    fn key(&self) -> String {
        let encoded = Command::new("base64")
            .arg(self.key.path())
            .output()
            .expect("base64");
        String::from_utf8(encoded.stdout).expect("text")
    }

    fn get(&self, fields: &Value) -> Output {
        let mut source = json!({ "uri": self.repo.path(), "branch": "main" });
        crate::support::merge(&mut source, fields);
        Run::get(executable("git"))
            .request(&json!({ "source": source }))
            .run()
    }
}

fn read(directory: &Path, file: &str) -> Vec<u8> {
    std::fs::read(directory.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn a_clone_is_unlocked_as_git_crypt_does_it() {
    for name in [None, Some("ops")] {
        let world = Encrypted::new(name);
        let stock = tempfile::tempdir().expect("a directory");
        let path = stock.path().join("clone");
        git(
            "/",
            &[
                "clone",
                "--quiet",
                &world.repo.path().display().to_string(),
                &path.display().to_string(),
            ],
        );
        git_crypt(&path, &["unlock", &world.key.path().display().to_string()]);
        let output = world.get(&json!({ "git_crypt_key": world.key() }));
        output.ok();
        let ours = output.work();
        for file in FILES {
            assert_eq!(read(ours, file), read(&path, file), "{file}");
        }
        let key = format!(".git/git-crypt/keys/{}", name.unwrap_or("default"));
        assert_eq!(read(ours, &key), read(&path, &key));
        let mode = |path: &Path| {
            let mode = std::fs::metadata(path).expect("a file").permissions();
            std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777
        };
        assert_eq!(mode(&ours.join(&key)), 0o600);
        assert_eq!(
            (mode(&ours.join("secret.sh")), mode(&ours.join("secret.txt"))),
            (0o755, 0o644)
        );
        for entry in ["smudge", "clean", "required"] {
            let entry = format!("filter.{}.{entry}", world.driver);
            assert_eq!(git(ours, &["config", &entry]), git(&path, &["config", &entry]));
        }
        let textconv = format!("diff.{}.textconv", world.driver);
        assert_eq!(
            git(ours, &["config", &textconv]),
            git(&path, &["config", &textconv])
        );
        // Stock git has nothing to do, even where it looks at every file, and goes on with git-crypt.
        assert_eq!(git(ours, &["status", "--porcelain"]), "");
        assert_eq!(read(ours, ".git/describe_ref").last(), Some(&b'\n'));
        assert!(!String::from_utf8_lossy(&read(ours, ".git/describe_ref")).contains("dirty"));
        for file in FILES {
            std::fs::File::open(ours.join(file))
                .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
                .expect("a time");
        }
        assert_eq!(git(ours, &["status", "--porcelain"]), "");
        std::fs::remove_file(ours.join("secret.txt")).expect("removed");
        git(ours, &["checkout", "secret.txt"]);
        assert_eq!(read(ours, "secret.txt"), read(&path, "secret.txt"));
    }
}

#[test]
fn without_a_key_files_stay_encrypted() {
    let world = Encrypted::new(None);
    for fields in [
        json!({}),
        json!({ "git_crypt_key": "" }),
        json!({ "git_crypt_key": null }),
    ] {
        let output = world.get(&fields);
        output.ok();
        assert!(read(output.work(), "secret.txt").starts_with(b"\0GITCRYPT\0"));
        assert!(!output.work().join(".git/git-crypt").exists());
    }
}

#[test]
fn keys_that_cannot_be_used_are_explained() {
    let world = Encrypted::new(None);
    // CONTRACT 2: blanks are line breaks that were lost.
    let key = world.key();
    world
        .get(&json!({ "git_crypt_key": key.replace('\n', " ") }))
        .ok();
    for (key, line) in [
        ("n0t base64!", "source.git_crypt_key: the key is not valid base64"),
        (
            "bm8ga2V5",
            "source.git_crypt_key: this is not a git-crypt key: it does not begin as one",
        ),
    ] {
        let output = world.get(&json!({ "git_crypt_key": key }));
        output.fails(1).says(line);
        assert!(!output.stderr.contains("Cloning"), "it was cloned");
    }
    let other = Encrypted::new(None).key();
    let output = world.get(&json!({ "git_crypt_key": other }));
    output.fails(1).says("failed to decrypt in/a/secret.bin");
    output.hides(other.lines().next().expect("a line"));
    assert_eq!(
        std::fs::read_dir(output.work()).expect("the destination").count(),
        0
    );
    // A key of another name opens nothing.
    let named = Encrypted::new(Some("ops")).key();
    let output = world.get(&json!({ "git_crypt_key": named }));
    output.ok();
    assert!(read(output.work(), "secret.txt").starts_with(b"\0GITCRYPT\0"));
}

#[test]
fn a_file_that_should_be_encrypted_and_is_not_is_told() {
    let mut world = Encrypted::new(None);
    world.repo.git(&["config", "filter.git-crypt.clean", "cat"]);
    world.repo.commit("open", "open", &[("secret.open", "plain\n")]);
    let output = world.get(&json!({ "git_crypt_key": world.key() }));
    output.ok();
    assert!(
        output
            .stderr
            .contains("secret.open is not encrypted, although it should be"),
        "{}",
        output.stderr
    );
    assert_eq!(read(output.work(), "secret.open"), b"plain\n");
}

/// A rebase looks for what is not committed: decrypted files are no such thing, whatever their times say; a changed one is.
#[test]
fn a_put_that_rebases_takes_decrypted_files_for_unchanged() {
    let mut world = Encrypted::new(None);
    let bare = tempfile::tempdir().expect("a directory");
    let bare = world.repo.bare_copy(&bare.path().join("r.git"));
    let source = json!({ "uri": bare, "branch": "main", "git_crypt_key": world.key() });
    let build = tempfile::tempdir().expect("a directory");
    let clone = build.path().join("repo");
    let request = json!({ "source": source });
    Run::get(executable("git"))
        .request(&request)
        .work(&clone)
        .run()
        .ok();
    git(
        &clone,
        &["commit", "--quiet", "--allow-empty", "--message", "ours"],
    );
    world
        .repo
        .commit("theirs", "theirs", &[("secret.txt", "theirs\n")]);
    world
        .repo
        .git(&["push", "--quiet", &bare.display().to_string(), "main"]);
    let put = || {
        let request = json!({ "source": source, "params": { "repository": "repo", "rebase": true } });
        Run::put(executable("git"))
            .request(&request)
            .work(build.path())
            .run()
    };
    for file in FILES {
        std::fs::File::open(clone.join(file))
            .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
            .expect("a time");
    }
    std::fs::write(clone.join("secret.txt"), "mine\n").expect("a file");
    let output = put();
    output.fails(128);
    assert!(output.stderr.contains("secret.txt"), "{}", output.stderr);
    git(&clone, &["checkout", "secret.txt"]);
    put().ok();
    assert_eq!(git(&bare, &["log", "--format=%s", "-2", "main"]), "ours\ntheirs");
}
