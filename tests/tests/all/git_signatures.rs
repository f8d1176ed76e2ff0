//! Commits that must be signed, judged as `git verify-commit` with stock gpg and ssh-keygen judges them.

use std::path::Path;
use std::process::Command;

use concourse_resource_sdk::testing::{Identity, Output, Response, Run, Server};
use serde_json::{Value, json};
use tests::{GitRepo, Gpg, SshKey, executable, fixture_r, signed_commit};

/// A get of a commit, which nothing but the test keeps from being garbage, from a plain path.
fn get(repo: &GitRepo, version: &str, fields: &Value) -> Run {
    let mut source = json!({ "uri": repo.path(), "branch": "main" });
    crate::support::merge(&mut source, fields);
    Run::get(executable("git")).request(&json!({ "source": source, "version": { "ref": version } }))
}

/// The repository with a branch for each commit, so that a clone has them.
fn with_branches(repo: &GitRepo, commits: &[&str]) {
    for id in commits {
        repo.git(&["update-ref", &format!("refs/tags/at-{id}"), id]);
    }
}

fn git_says(repo: &GitRepo, home: &Path, options: &[&str], id: &str) -> Result<(), String> {
    let output = Command::new("git")
        .args(options)
        .args(["verify-commit", "--raw", id])
        .env("GNUPGHOME", home)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(repo.path())
        .output()
        .expect("git");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Fails with the contract's line and this cause.
fn is_refused(output: &Output, id: &str, cause: &str) {
    output.fails(1);
    let said: Vec<&str> = output.stderr.lines().collect();
    assert!(
        said.iter()
            .any(|line| line.ends_with(&format!("The commit {id} is not signed"))),
        "{said:?}"
    );
    assert!(said.iter().any(|line| line.contains(cause)), "{cause}: {said:?}");
}

/// A commit, whether it passes, and what is said of it.
struct Case {
    name: &'static str,
    id: String,
    refused: Option<&'static str>,
}

/// Commits signed in every way, and the keyring.
struct World {
    repo: GitRepo,
    gpg: Gpg,
    cases: Vec<Case>,
}

const YEAR_2020: u64 = 1_577_836_800;

impl World {
    fn new() -> Self {
        let mut world = Self {
            repo: fixture_r(),
            gpg: Gpg::new(),
            cases: Vec::new(),
        };
        world.repo.git(&["config", "gpg.program", "gpg"]);
        world.good_ones();
        world.subkeys();
        world.keys_gone_by();
        world.odd_signatures();
        world
    }

    fn signed(&mut self, name: &'static str, key: &str, options: &[&str], refused: Option<&'static str>) {
        let id = signed_commit(&self.repo, name, |payload| self.gpg.sign(key, options, payload));
        self.cases.push(Case { name, id, refused });
    }

    fn good_ones(&mut self) {
        for algorithm in [
            "rsa2048", "rsa3072", "ed25519", "nistp256", "nistp384", "nistp521", "dsa2048",
        ] {
            let key = self.gpg.key(algorithm, algorithm, "sign", "never");
            self.signed(algorithm, &key, &[], None);
        }
        let key = self.gpg.fingerprints("rsa2048")[0].clone();
        self.signed("sha1", &key, &["--digest-algo", "SHA1"], None);
        self.signed("sha512", &key, &["--digest-algo", "SHA512"], None);
        self.signed("text", &key, &["--textmode"], None);
        let key = self.gpg.key("lasting", "ed25519", "sign", "20y");
        self.signed("a key that expires later", &key, &[], None);
    }

    fn subkeys(&mut self) {
        let made = format!("--faked-system-time={YEAR_2020}");
        let add = |gpg: &Gpg, key: &str, algorithm: &str, expire: &str| {
            gpg.run(&[&made, "--quick-add-key", key, algorithm, "sign", expire], b"");
            gpg.fingerprints(key).last().expect("a subkey").clone()
        };
        let primary = self
            .gpg
            .key_at(YEAR_2020, "certifier", "rsa2048", "cert", "never");
        for algorithm in ["ed25519", "rsa2048", "nistp256/ecdsa"] {
            let subkey = add(&self.gpg, &primary, algorithm, "never");
            self.signed("a subkey", &subkey, &[], None);
        }
        let subkey = add(&self.gpg, &primary, "ed25519", "1d");
        self.signed(
            "an expired subkey",
            &subkey,
            &[&made],
            Some("expired on 2020-01-02"),
        );

        let primary = self.gpg.key("withdrawn", "ed25519", "cert", "never");
        self.gpg
            .run(&["--quick-add-key", &primary, "ed25519", "sign", "never"], b"");
        let subkey = self.gpg.fingerprints(&primary)[1].clone();
        self.signed("a revoked subkey", &subkey, &[], Some("which was revoked"));
        self.gpg.edit(&primary, "key 1\nrevkey\ny\n0\n\ny\nsave\n");

        let primary = self
            .gpg
            .key_at(YEAR_2020, "repurposed", "ed25519", "cert", "never");
        let subkey = add(&self.gpg, &primary, "ed25519", "never");
        self.signed(
            "a subkey that is not for signing any more",
            &subkey,
            &[],
            Some("is not for signing"),
        );
        self.gpg.edit(&primary, "key 1\nchange-usage\nS\nA\nQ\nsave\n");
    }

    fn keys_gone_by(&mut self) {
        let made = format!("--faked-system-time={YEAR_2020}");
        let key = self.gpg.key_at(YEAR_2020, "expired", "ed25519", "sign", "1d");
        self.signed("an expired key", &key, &[&made], Some("expired on 2020-01-02"));
        let key = self.gpg.key_at(YEAR_2020, "extended", "ed25519", "sign", "1d");
        self.signed("an extended key", &key, &[&made], None);
        self.gpg.run(&["--quick-set-expire", &key, "0"], b"");
        let key = self.gpg.key("revoked", "ed25519", "sign", "never");
        self.signed("a revoked key", &key, &[], Some("which was revoked"));
        self.gpg.revoke(&key);
        let key = self.gpg.key_at(YEAR_2020, "parent", "rsa2048", "cert", "1d");
        self.gpg
            .run(&[&made, "--quick-add-key", &key, "ed25519", "sign", "never"], b"");
        let subkey = self.gpg.fingerprints(&key)[1].clone();
        self.signed(
            "a subkey of an expired key",
            &subkey,
            &[&made],
            Some("expired on 2020-01-02"),
        );
    }

    fn odd_signatures(&mut self) {
        let key = self.gpg.fingerprints("ed25519")[0].clone();
        let made = format!("--faked-system-time={}", YEAR_2020 + 31_000_000);
        let expiring = [&made, "--default-sig-expire", "1d"];
        self.signed(
            "an expired signature",
            &key,
            &expiring,
            Some("expired on 2020-12-25"),
        );
        let notation = ["--set-notation", "!must@ex.org=understood"];
        self.signed(
            "an unknown critical part",
            &key,
            &notation,
            Some("a critical part that is unknown"),
        );
        let weak = ["--allow-weak-digest-algos", "--digest-algo", "MD5"];
        let rsa = self.gpg.fingerprints("rsa2048")[0].clone();
        self.signed("MD5", &rsa, &weak, Some("made with MD5"));
        let twice = format!("{key}!");
        self.signed("two signatures", &rsa, &["--local-user", &twice], Some("several"));
        let id = signed_commit(&self.repo, "tampered", |payload| {
            let other = [payload, b"more"].concat();
            self.gpg.sign(&key, &[], &other)
        });
        self.cases.push(Case {
            name: "tampered",
            id,
            refused: Some("was made for other content"),
        });
        for (name, text, cause) in [
            (
                "broken",
                "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----",
                "cannot be used",
            ),
            (
                "X.509",
                "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----",
                "an X.509 signature",
            ),
            (
                "nonsense",
                "signed, Ada",
                "neither an OpenPGP nor an SSH signature",
            ),
        ] {
            let id = signed_commit(&self.repo, name, |_| text.to_owned());
            self.cases.push(Case {
                name,
                id,
                refused: Some(cause),
            });
        }
    }
}

#[test]
fn signatures_count_where_gpg_says_so() {
    let world = World::new();
    let all: Vec<&str> = world.cases.iter().map(|case| case.id.as_str()).collect();
    with_branches(&world.repo, &all);
    let verifier = Gpg::new();
    let public = world.gpg.public("ex.org");
    verifier.run(&["--import"], public.as_bytes());
    let fields = json!({ "commit_verification_keys": [public], "fetch_tags": true });
    for case in &world.cases {
        let said = git_says(&world.repo, verifier.home(), &[], &case.id);
        assert_eq!(
            said.is_ok(),
            case.refused.is_none(),
            "git of {}: {said:?}",
            case.name
        );
        let output = get(&world.repo, &case.id, &fields).run();
        match case.refused {
            None => {
                assert!(output.stderr.contains("is signed by"), "{}: {output}", case.name);
                output.ok();
                let line = format!("The commit {} is signed by OpenPGP key", case.id);
                assert!(output.stderr.contains(&line), "{}", output.stderr);
            }
            Some(cause) => is_refused(&output, &case.id, cause),
        }
    }
}

/// They are left out, and that is told, rather than half of their signatures being called wrong.
#[test]
fn keys_of_bitcoins_curve_are_not_taken() {
    let (repo, gpg) = (fixture_r(), Gpg::new());
    gpg.key("bitcoin", "secp256k1", "sign", "never");
    let fields = json!({ "commit_verification_keys": [gpg.public("ex.org")] });
    let output = get(&repo, &repo.id("c4"), &fields).run();
    assert!(
        output.fails(2).stderr.starts_with("Invalid GPG key in: "),
        "{output}"
    );
}

#[test]
fn git_g35_an_unsigned_commit_is_refused() {
    let (mut repo, gpg) = (fixture_r(), Gpg::new());
    gpg.key("ada", "ed25519", "sign", "never");
    let id = repo.commit("c5", "unsigned", &[]);
    let fields = json!({ "commit_verification_keys": [gpg.public("ada")] });
    let output = get(&repo, &id, &fields).run();
    is_refused(&output, &id, "it has no signature");
    let left = std::fs::read_dir(output.work()).expect("the destination").count();
    assert_eq!(left, 0, "something was written");
    // CONTRACT 5.5: of an annotated tag, the id of the tag is told.
    repo.tag("v1", "c5");
    let tag = repo.git(&["rev-parse", "v1"]);
    is_refused(&get(&repo, "v1", &fields).run(), &tag, "it has no signature");
}

#[test]
fn git_g35_texts_that_are_no_keys_are_refused() {
    let (repo, gpg) = (fixture_r(), Gpg::new());
    let key = gpg.key("ada", "ed25519", "sign", "never");
    let good = gpg.public(&key);
    let id = signed_commit(&repo, "signed", |payload| gpg.sign(&key, &[], payload));
    with_branches(&repo, &[&id]);
    let with = |keys: Value| {
        get(
            &repo,
            &id,
            &json!({ "commit_verification_keys": keys, "fetch_tags": true }),
        )
        .run()
    };
    for (keys, line) in [
        (json!(["abcd"]), "Invalid GPG key in: abcd"),
        (json!(["abcd", "ef"]), "Invalid GPG key in: abcd"),
        (
            json!(["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd\n-----END PGP PUBLIC KEY BLOCK-----"]),
            "Invalid GPG key in: -----BEGIN PGP PUBLIC KEY BLOCK-----",
        ),
    ] {
        let output = with(keys);
        output.fails(2);
        assert!(output.stderr.contains(line), "{}", output.stderr);
    }
    let secret = gpg.run(&["--armor", "--export-secret-keys", "ada"], b"");
    let output = with(json!([secret]));
    output
        .fails(2)
        .says("source.commit_verification_keys[0]: this is a private key");
    output.hides(secret.lines().nth(3).expect("a line of the key"));
    // One that can be used is enough; the other is told.
    let output = with(json!([good, "abcd"]));
    output.ok();
    assert!(
        output
            .stderr
            .contains("source.commit_verification_keys[1] holds no public key that can be used"),
        "{}",
        output.stderr
    );
    // Defaults that are written out ask for nothing.
    with(json!([])).ok();
    with(json!(null)).ok();
}

/// Of the same key, an old text must not hide that it was revoked.
#[test]
fn a_key_that_is_given_twice_is_revoked_if_one_text_says_so() {
    let (repo, gpg) = (fixture_r(), Gpg::new());
    let key = gpg.key("ada", "ed25519", "sign", "never");
    let before = gpg.public(&key);
    let id = signed_commit(&repo, "signed", |payload| gpg.sign(&key, &[], payload));
    with_branches(&repo, &[&id]);
    gpg.revoke(&key);
    let after = gpg.public(&key);
    for (keys, passes) in [
        (json!([before]), true),
        (json!([after]), false),
        (json!([before, after]), false),
        (json!([after, before]), false),
        (json!([format!("{before}\n{after}")]), false),
    ] {
        let output = get(
            &repo,
            &id,
            &json!({ "commit_verification_keys": keys, "fetch_tags": true }),
        )
        .run();
        if passes {
            output.ok();
        } else {
            is_refused(&output, &id, &format!("OpenPGP key {key}, which was revoked"));
        }
    }
}

#[test]
fn whom_the_owner_named_may_revoke_a_key() {
    let (repo, gpg) = (fixture_r(), Gpg::new());
    let revoker = gpg.key("revoker", "ed25519", "sign,cert", "never");
    let key = gpg.key("ada", "ed25519", "sign,cert", "never");
    gpg.edit(&key, "addrevoker\nrevoker\ny\nsave\n");
    let id = signed_commit(&repo, "signed", |payload| gpg.sign(&key, &[], payload));
    with_branches(&repo, &[&id]);
    let both = |gpg: &Gpg| json!({ "commit_verification_keys": [gpg.public("ex.org")], "fetch_tags": true });
    get(&repo, &id, &both(&gpg)).run().ok();
    let certificate = gpg.run(
        &[
            "--no-tty",
            "--command-fd",
            "0",
            "--no-batch",
            "--armor",
            "--desig-revoke",
            &key,
        ],
        b"y\n0\n\ny\n",
    );
    gpg.run(&["--import"], certificate.as_bytes());
    assert!(
        git_says(&repo, gpg.home(), &[], &id).is_err(),
        "gpg takes it ({revoker})"
    );
    is_refused(&get(&repo, &id, &both(&gpg)).run(), &id, "which was revoked");
}

#[test]
fn signatures_by_other_keys_name_them() {
    let (repo, gpg) = (fixture_r(), Gpg::new());
    let key = gpg.key("ada", "ed25519", "sign", "never");
    let id = signed_commit(&repo, "signed", |payload| gpg.sign(&key, &[], payload));
    let ssh = SshKey::new(&["ed25519"]);
    let by_ssh = signed_commit(&repo, "signed", |payload| ssh.sign("git", payload));
    with_branches(&repo, &[&id, &by_ssh]);
    let other = Gpg::new();
    other.key("bob", "ed25519", "sign", "never");
    let fields = json!({ "commit_verification_keys": [other.public("bob")], "fetch_tags": true });
    let cause = format!("it is signed by OpenPGP key {key}, which is none of the keys that the source names");
    is_refused(&get(&repo, &id, &fields).run(), &id, &cause);
    is_refused(
        &get(&repo, &by_ssh, &fields).run(),
        &by_ssh,
        "it is signed by SSH key SHA256:",
    );
}

#[test]
fn ssh_signatures_count_where_ssh_keygen_says_so() {
    let repo = fixture_r();
    let allowed = tempfile::NamedTempFile::new().expect("a file");
    let path = allowed.path().display().to_string();
    let (mut signers, mut lines, mut cases) = (Vec::new(), Vec::new(), Vec::new());
    for kind in [
        &["ed25519"][..],
        &["rsa", "-b", "3072"],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
        &["ecdsa", "-b", "521"],
    ] {
        let key = SshKey::new(kind);
        signers.push("ada@ex.org ".to_owned() + &key.public());
        lines.push(key.public());
        let signed = |namespace: &str, more: &[u8]| {
            signed_commit(&repo, "signed", |payload| {
                key.sign(namespace, &[payload, more].concat())
            })
        };
        cases.push((signed("git", b""), None));
        cases.push((signed("git", b"more"), Some("was made for other content")));
        cases.push((signed("file", b""), Some("it was made for \"file\", not for git")));
    }
    std::fs::write(&path, signers.concat()).expect("allowed signers");
    let ids: Vec<&str> = cases.iter().map(|case| case.0.as_str()).collect();
    with_branches(&repo, &ids);
    let options = format!("gpg.ssh.allowedSignersFile={path}");
    // A text may hold several keys, with comments.
    let keys = json!([format!("# the team\n{}", lines[..3].concat()), lines[3], lines[4]]);
    let fields = json!({ "commit_verification_keys": keys, "fetch_tags": true });
    for (id, refused) in &cases {
        let said = git_says(&repo, Path::new("/nonexistent"), &["-c", &options], id);
        assert_eq!(said.is_ok(), refused.is_none(), "{said:?}");
        let output = get(&repo, id, &fields).run();
        match refused {
            None => assert!(output.ok().is_object()),
            Some(cause) => is_refused(&output, id, cause),
        }
    }
}

/// A keyserver that knows these keys by what is searched.
fn answer(keys: &[(String, String)], target: &str) -> Response {
    match keys
        .iter()
        .find(|(id, _)| target.ends_with(&format!("search=0x{id}")))
    {
        Some((_, key)) => Response::text(key),
        None => Response::status(404),
    }
}

#[test]
fn keys_are_downloaded_by_their_ids() {
    let (repo, gpg) = (fixture_r(), Gpg::new());
    let key = gpg.key("ada", "ed25519", "cert", "never");
    gpg.run(&["--quick-add-key", &key, "ed25519", "sign", "never"], b"");
    let subkey = gpg.fingerprints(&key)[1].clone();
    let other = gpg.key("bob", "ed25519", "sign", "never");
    let id = signed_commit(&repo, "signed", |payload| gpg.sign(&subkey, &[], payload));
    with_branches(&repo, &[&id]);
    let ids = [&key[..], &key[24..], &key[32..], &subkey[..], &subkey[24..]];
    let mut known: Vec<(String, String)> = ids
        .iter()
        .map(|id| ((*id).to_owned(), gpg.public(&key)))
        .collect();
    // A server that sends another key than it was asked for.
    known.push((other.clone(), gpg.public(&key)));
    let open = Server::start();
    let secure = Server::start_tls(Identity::new(&["127.0.0.1"]));
    for server in [&open, &secure] {
        let known = known.clone();
        server.fallback(move |request| answer(&known, &request.target));
    }
    let ca = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(ca.path(), secure.ca_pem()).expect("the CA");
    let with = |server: &str, ids: Value| {
        let fields =
            json!({ "commit_verification_key_ids": ids, "gpg_keyserver": server, "fetch_tags": true });
        get(&repo, &id, &fields).env("SSL_CERT_FILE", ca.path()).run()
    };
    let servers = [
        format!("hkp://{}", open.address()),
        format!("hkps://{}/", secure.address()),
    ];
    for server in &servers {
        for id in ids {
            with(server, json!([id])).ok();
            with(server, json!([format!("0x{}", id.to_lowercase())])).ok();
        }
        for (ids, line) in [
            (json!([other]), "no such key is in the answer"),
            (
                json!([key, "0123456789ABCDEF"]),
                "the server answered 404 Not Found",
            ),
            (
                json!(["ada@ex.org"]),
                "source.commit_verification_key_ids[0]: \"ada@ex.org\" is no key id",
            ),
        ] {
            let output = with(server, ids);
            output.fails(123);
            assert!(output.stderr.contains(line), "{}", output.stderr);
        }
    }
    let asked = &open.requests()[0].target;
    assert_eq!(asked, &format!("/pks/lookup?op=get&options=mr&search=0x{key}"));
    with("hkps://127.0.0.1:1", json!([key])).fails(123);
    with("ldap://127.0.0.1", json!([key]))
        .fails(123)
        .says("source.gpg_keyserver: keyservers by ldap:// cannot be asked, only hkp:// and hkps://");
}
