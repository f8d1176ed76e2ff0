//! Stock `gpg` and `ssh-keygen`, to sign commits with, and commits with any signature.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::git_repo::GitRepo;

/// A keyring of its own.
pub struct Gpg {
    home: TempDir,
}

impl Default for Gpg {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent that gpg has started.
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "all"])
            .output();
    }
}

impl Gpg {
    /// A keyring without keys.
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        Self { home }
    }

    /// Where it is.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What gpg prints; it must succeed.
    pub fn run(&self, args: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(self.home.path())
            .args([
                "--batch",
                "--quiet",
                "--no-permission-warning",
                "--yes",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ])
            .args(args);
        piped(&mut command, input)
    }

    /// Makes a key, such as `ed25519` for `sign`, lasting for `expire`, and answers its fingerprint.
    pub fn key(&self, name: &str, algorithm: &str, usage: &str, expire: &str) -> String {
        self.key_at(NOW, name, algorithm, usage, expire)
    }

    /// The same as if it were made at another time, in seconds since 1970.
    pub fn key_at(&self, time: u64, name: &str, algorithm: &str, usage: &str, expire: &str) -> String {
        let uid = format!("{name} <{name}@ex.org>");
        let time = format!("--faked-system-time={time}");
        self.run(
            &[&time, "--quick-generate-key", &uid, algorithm, usage, expire],
            b"",
        );
        self.fingerprints(name)[0].clone()
    }

    /// The fingerprints of a key and of its subkeys.
    pub fn fingerprints(&self, key: &str) -> Vec<String> {
        let listing = self.run(
            &["--with-colons", "--with-subkey-fingerprint", "--list-keys", key],
            b"",
        );
        let lines = listing.lines().filter_map(|line| line.strip_prefix("fpr:"));
        lines
            .filter_map(|line| line.split(':').find(|field| field.len() == 40))
            .map(str::to_owned)
            .collect()
    }

    /// Its public key, armoured.
    pub fn public(&self, key: &str) -> String {
        self.run(&["--armor", "--export", key], b"")
    }

    /// An armoured signature of exactly this key, or subkey.
    pub fn sign(&self, key: &str, options: &[&str], payload: &[u8]) -> String {
        let key = format!("{key}!");
        let args = [options, &["--armor", "--detach-sign", "--local-user", &key]].concat();
        self.run(&args, payload)
    }

    /// Revokes a key, by the certificate that gpg has made with it.
    pub fn revoke(&self, fingerprint: &str) {
        let path = self
            .home
            .path()
            .join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let text = std::fs::read_to_string(path).expect("a revocation certificate");
        self.run(
            &["--import"],
            text.replace(":-----BEGIN", "-----BEGIN").as_bytes(),
        );
    }

    /// Commands for `--edit-key`, a line each.
    pub fn edit(&self, key: &str, commands: &str) {
        self.run(
            &[
                "--no-tty",
                "--command-fd",
                "0",
                "--no-batch",
                "--expert",
                "--edit-key",
                key,
            ],
            commands.as_bytes(),
        );
    }
}

/// The time at which test keys are made: long enough ago for all that is signed with them.
const NOW: u64 = 1_600_000_000;

/// A key of OpenSSH's, made by `ssh-keygen`.
pub struct SshKey {
    directory: TempDir,
}

impl SshKey {
    /// A key of a type, such as `ed25519`.
    pub fn new(kind: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-N", "", "-C", "ada@ex.org", "-f"])
            .arg(directory.path().join("key"));
        piped(command.arg("-t").args(kind), b"");
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("key")
    }

    /// Its public key, as a line.
    pub fn public(&self) -> String {
        std::fs::read_to_string(self.path().with_extension("pub")).expect("a public key")
    }

    /// A signature for a purpose, which for git is `git`.
    pub fn sign(&self, namespace: &str, payload: &[u8]) -> String {
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-Y", "sign", "-n", namespace, "-f"])
            .arg(self.path());
        piped(&mut command, payload)
    }
}

/// Commits what the last commit holds again, signed, and answers the new commit's id; no branch moves.
///
/// `sign` gets what is to be signed, and answers the signature.
pub fn signed_commit(repo: &GitRepo, message: &str, sign: impl FnOnce(&[u8]) -> String) -> String {
    let head = repo.git(&["cat-file", "commit", "HEAD"]);
    let (headers, _) = head.split_once("\n\n").expect("a commit");
    let payload = format!("{headers}\n\n{message}\n");
    let signature = sign(payload.as_bytes());
    let lines: Vec<&str> = signature.trim_end().lines().collect();
    let object = format!("{headers}\ngpgsig {}\n\n{message}\n", lines.join("\n "));
    let mut command = Command::new("git");
    command
        .args(["hash-object", "-t", "commit", "-w", "--stdin"])
        .current_dir(repo.path());
    piped(&mut command, object.as_bytes()).trim_end().to_owned()
}

/// What a command prints with this input; it must succeed.
fn piped(command: &mut Command, input: &[u8]) -> String {
    let mut child = command
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input)
        .expect("its input");
    let output = child.wait_with_output().expect("its output");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}
