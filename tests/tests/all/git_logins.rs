//! Logins: where they go, where they are asked for, and the forms of keys.

use std::path::Path;
use std::process::Command;

use concourse_resource_sdk::testing::{Response, Run, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitServer, PASSWORD, Protocol, SshServer, USER, executable, fixture_r};

use crate::support::{Served, check, source_at};

/// Plain HTTP that leads to TLS, as servers do.
fn redirecting(to: &GitServer) -> Server {
    let server = Server::start();
    let base = to.url("");
    server.fallback(move |request| {
        Response::redirect(format!("{}{}", base.trim_end_matches('/'), request.target))
    });
    server
}

/// Found in an attack: the login was lost, where the stock client keeps it.
#[test]
fn a_login_follows_a_redirect_to_tls_on_the_same_host() {
    let served = Served::new(fixture_r());
    let plain = redirecting(&served.server);
    let uri = plain.url("/r.git");
    let output = check(&served.server, &json!({ "source": source_at(&uri) })).run();
    assert_eq!(output.ok(), json!([{ "ref": served.repo.id("c4") }]));
    let encoded = PASSWORD
        .replace('%', "%25")
        .replace('/', "%2F")
        .replace('+', "%2B");
    let with_login = uri.replace("http://", &format!("http://{USER}:{encoded}@"));
    let source = json!({ "uri": with_login, "branch": "main" });
    check(&served.server, &json!({ "source": source })).run().ok();

    // The other way round, and to another host, it goes nowhere.
    for target in [uri.clone(), uri.replace("127.0.0.1", "localhost")] {
        let seen = Server::start();
        let elsewhere = Server::start();
        let to = target.replace(
            &plain.address().port().to_string(),
            &elsewhere.address().port().to_string(),
        );
        elsewhere.fallback(|_| Response::status(401));
        seen.fallback(move |request| {
            let tail = request
                .target
                .split("/r.git")
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            Response::redirect(format!("{to}{tail}"))
        });
        let source = source_at(&seen.url("/r.git"));
        check(&served.server, &json!({ "source": source }))
            .run()
            .fails(128);
        assert!(
            elsewhere
                .requests()
                .iter()
                .all(|request| request.header("authorization").is_none())
        );
    }
}

#[test]
fn what_a_server_says_to_people_is_shown() {
    let server = Server::start();
    server.fallback(|_| {
        Response::text("The organisation has enabled SSO.\nVisit https://example.org/sso\n").with_status(403)
    });
    let source = json!({ "uri": server.url("/r.git"), "branch": "main" });
    let output = Run::check(executable("git"))
        .request(&json!({ "source": source }))
        .run();
    output
        .fails(128)
        .says("remote: The organisation has enabled SSO.")
        .says("remote: Visit https://example.org/sso");
}

#[test]
fn a_wrong_login_is_blamed_on_where_it_stands() {
    let served = Served::new(fixture_r());
    let source = json!({ "uri": served.server.url("r.git").replace("https://", "https://ada:wrong@"), "branch": "main" });
    let output = check(&served.server, &json!({ "source": source })).run();
    output.fails(128).says("  hint: check the login in source.uri");
    let mut source = source_at(&served.server.url("r.git"));
    source["password"] = json!("wrong");
    let output = check(&served.server, &json!({ "source": source })).run();
    output
        .fails(128)
        .says("  hint: check source.username and source.password");
}

/// Makes a key with ssh-keygen, and answers its text.
fn keygen(directory: &Path, name: &str, args: &[&str]) -> String {
    let path = directory.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-f"])
        .arg(&path)
        .args(args)
        .output()
        .expect("ssh-keygen");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::read_to_string(path).expect("a key")
}

/// The first line of what a check says of a key; the address leads nowhere, and keys are looked at first.
fn said_of(key: &str, passphrase: Option<&str>) -> String {
    let source = json!({
        "uri": "ssh://git@127.0.0.1:9/r.git", "branch": "main", "private_key": key, "private_key_passphrase": passphrase,
    });
    let output = Run::check(executable("git"))
        .request(&json!({ "source": source }))
        .run();
    let mut lines = output
        .stderr
        .lines()
        .filter(|line| !line.contains("the host key of"));
    lines.next().unwrap_or_default().to_owned()
}

const READ: &str = "failed to reach 127.0.0.1:9: Connection refused (os error 111)";

/// Found in an attack: these were called a wrong passphrase.
#[test]
fn encrypted_keys_in_pem_are_read_as_ssh_keygen_reads_them() {
    let directory = TempDir::new().expect("a directory");
    let mut keys = vec![
        keygen(
            directory.path(),
            "ecdsa",
            &["-t", "ecdsa", "-m", "PEM", "-N", "pass word"],
        ),
        keygen(
            directory.path(),
            "rsa",
            &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "pass word"],
        ),
        keygen(
            directory.path(),
            "pkcs8",
            &["-t", "ecdsa", "-m", "PKCS8", "-N", "pass word"],
        ),
        keygen(directory.path(), "ed25519", &["-t", "ed25519", "-N", "pass word"]),
    ];
    let clear = directory.path().join("clear");
    keygen(
        directory.path(),
        "clear",
        &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""],
    );
    for cipher in ["aes128", "aes192", "aes256", "des3", "des"] {
        let made = Command::new("openssl")
            .args([
                "rsa",
                "-traditional",
                "-passout",
                "pass:pass word",
                &format!("-{cipher}"),
                "-in",
            ])
            .arg(&clear)
            .args(["-provider", "default", "-provider", "legacy"])
            .output()
            .expect("openssl");
        assert!(
            made.status.success(),
            "{cipher}: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        keys.push(String::from_utf8(made.stdout).expect("a key"));
    }
    for key in &keys {
        assert!(key.contains("ENCRYPTED") || key.contains("OPENSSH"), "{key}");
        assert_eq!(said_of(key, Some("pass word")), READ, "{key}");
        assert_eq!(
            said_of(key, Some("wrong")),
            "source.private_key_passphrase: does not fit source.private_key",
            "{key}"
        );
        assert_eq!(
            said_of(key, None),
            "Private key has a passphrase but private_key_passphrase has not been set.",
            "{key}"
        );
        // Stores of secrets lose line breaks.
        for (from, to) in [("\n", " "), ("\n", "\\n"), ("\n", "\r\n"), ("\n", "\n  ")] {
            assert_eq!(said_of(&key.replace(from, to), Some("pass word")), READ, "{key}");
        }
    }
}

/// What `PuTTY` makes, and what openssl puts before a key.
#[test]
fn keys_of_other_programs_are_read() {
    let directory = TempDir::new().expect("a directory");
    let run = |program: &str, args: &[&str]| {
        let made = Command::new(program)
            .args(args)
            .current_dir(directory.path())
            .output()
            .expect(program);
        assert!(
            made.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    };
    let text = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("a key");
    std::fs::write(directory.path().join("pass"), "pass word").expect("a file");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        keygen(directory.path(), kind, &["-t", kind, "-N", ""]);
        for version in ["2", "3"] {
            let param = format!("version={version}");
            run(
                "puttygen",
                &[kind, "-O", "private", "-o", "clear.ppk", "--ppk-param", &param],
            );
            assert_eq!(said_of(&text("clear.ppk"), None), READ, "{kind} {version}");
            let param = format!("{param},memory=1024,passes=1");
            run(
                "puttygen",
                &[
                    kind,
                    "-O",
                    "private",
                    "-o",
                    "locked.ppk",
                    "--ppk-param",
                    &param,
                    "--new-passphrase",
                    "pass",
                ],
            );
            let locked = text("locked.ppk");
            assert_eq!(said_of(&locked, Some("pass word")), READ, "{kind} {version}");
            assert_eq!(
                said_of(&locked, Some("wrong")),
                "source.private_key_passphrase: does not fit source.private_key"
            );
            assert_eq!(
                said_of(&locked, None),
                "Private key has a passphrase but private_key_passphrase has not been set."
            );
        }
    }
    run(
        "openssl",
        &["ecparam", "-name", "prime256v1", "-genkey", "-out", "curve.pem"],
    );
    assert!(text("curve.pem").starts_with("-----BEGIN EC PARAMETERS-----"));
    assert_eq!(said_of(&text("curve.pem"), None), READ);
}

#[test]
fn a_key_that_a_store_mangled_logs_in() {
    let (server, repo) = (SshServer::start(Protocol::Any), fixture_r());
    server.publish(&repo, "r.git");
    for (from, to) in [("\n", " "), ("\n", "\\n")] {
        let key = server.key().replace(from, to);
        let source = json!({ "uri": server.url("r.git"), "branch": "main", "private_key": key });
        let output = Run::check(executable("git"))
            .request(&json!({ "source": source }))
            .run();
        assert_eq!(output.ok(), json!([{ "ref": repo.id("c4") }]));
    }
}

#[test]
fn a_public_key_is_called_one() {
    let directory = TempDir::new().expect("a directory");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        keygen(directory.path(), kind, &["-t", kind, "-N", ""]);
        let public = std::fs::read_to_string(directory.path().join(format!("{kind}.pub"))).expect("a key");
        assert_eq!(said_of(&public, None), "source.private_key: is a public key");
    }
}

/// One put connects several times.
#[test]
fn an_unknown_host_key_is_told_once() {
    let (server, repo) = (SshServer::start(Protocol::Old), fixture_r());
    server.publish(&repo, "r.git");
    let work = TempDir::new().expect("a directory");
    let source = json!({ "uri": server.url("r.git"), "branch": "main", "private_key": server.key() });
    let clone = work.path().join("repo");
    let count = |stderr: &str| stderr.matches("is not checked").count();
    let got = Run::get(executable("git"))
        .request(&json!({ "source": source }))
        .work(&clone)
        .run();
    got.ok();
    assert_eq!(count(&got.stderr), 1, "{got}");
    for message in ["u", "l"] {
        tests::git(
            &clone,
            &["commit", "--quiet", "--allow-empty", "--message", message],
        );
        if message == "u" {
            tests::git(
                &clone,
                &[
                    "push",
                    "--quiet",
                    &server.path("r.git").display().to_string(),
                    "HEAD:main",
                ],
            );
            tests::git(&clone, &["reset", "--quiet", "--hard", "HEAD~1"]);
        }
    }
    std::fs::write(work.path().join("note"), "n").expect("a file");
    let params: Value = json!({ "repository": "repo", "rebase": true, "notes": "note" });
    let pushed = Run::put(executable("git"))
        .request(&json!({ "source": source, "params": params }))
        .work(work.path())
        .run();
    pushed.ok();
    assert_eq!(count(&pushed.stderr), 1, "{pushed}");
}

/// Found in an attack: `it has no path`, where the stock client asks for `/`.
#[test]
fn a_repository_at_the_root_of_its_server_is_found() {
    let server = GitServer::start(Access::Open);
    let repo = fixture_r();
    server.publish(&repo, "r.git");
    let target = server.url("r.git");
    let root = Server::start();
    root.fallback(move |request| {
        Response::redirect(format!("{}{}", target.trim_end_matches('/'), request.target))
    });
    let source = json!({ "uri": root.url("/"), "branch": "main" });
    let output = check(&server, &json!({ "source": source })).run();
    assert_eq!(output.ok(), json!([{ "ref": repo.id("c4") }]));
    for uri in ["git://127.0.0.1:9/", "ssh://127.0.0.1:9/"] {
        let source = json!({ "uri": uri, "branch": "main" });
        let output = Run::check(executable("git"))
            .request(&json!({ "source": source }))
            .run();
        output.fails(128);
        assert!(
            output.stderr.contains("failed to reach 127.0.0.1:9: "),
            "{output}"
        );
    }
}
