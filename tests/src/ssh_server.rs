//! `sshd` with a configuration of its own, and `git daemon`: both serve bare repositories of a directory.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::git_repo::{GitRepo, git};

const READY_WITHIN: Duration = Duration::from_secs(10);
const ATTEMPTS: usize = 5;

/// Which protocol version an SSH server lets clients choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Version 2, by the environment variable `GIT_PROTOCOL`.
    Any,
    /// The variable is refused: version 0 only.
    Old,
}

/// An SSH server on loopback, for the user who runs the tests. Ends when it is dropped.
pub struct SshServer {
    address: SocketAddr,
    directory: TempDir,
    process: Child,
    user: String,
}

impl SshServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(protocol: Protocol) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        fs::create_dir(root.join("repos")).expect("a directory");
        for (kind, file) in [
            ("ed25519", "host_ed25519"),
            ("rsa", "host_rsa"),
            ("ed25519", "key"),
        ] {
            generate(&root.join(file), &["-t", kind, "-N", ""]);
        }
        fs::copy(root.join("key.pub"), root.join("authorized_keys")).expect("the key");
        let user = output(Command::new("id").arg("-un"));
        if output(Command::new("id").arg("-u")) == "0" {
            // sshd insists on it when it runs as root.
            fs::create_dir_all("/run/sshd").expect("sshd's directory");
        }
        for _ in 0..ATTEMPTS {
            let address = free_address();
            fs::write(root.join("sshd_config"), configuration(root, address, protocol))
                .expect("a configuration");
            let log = root.join("sshd.log");
            let mut process = Command::new("/usr/sbin/sshd")
                .arg("-D")
                .arg("-f")
                .arg(root.join("sshd_config"))
                .arg("-E")
                .arg(&log)
                .stdin(Stdio::null())
                .spawn()
                .expect("sshd");
            if listens(address, &mut process) {
                return Self {
                    address,
                    directory,
                    process,
                    user,
                };
            }
        }
        panic!(
            "sshd does not start: {}",
            fs::read_to_string(root.join("sshd.log")).unwrap_or_default()
        );
    }

    /// Serves a repository.
    pub fn publish(&self, repo: &GitRepo, name: &str) {
        publish(repo, &self.path(name));
    }

    /// Where a repository is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("repos").join(name)
    }

    /// The address of a repository, with user and port.
    pub fn url(&self, name: &str) -> String {
        format!(
            "ssh://{}@{}{}",
            self.user,
            self.address,
            self.path(name).display()
        )
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The private key that it accepts.
    pub fn key(&self) -> String {
        fs::read_to_string(self.directory.path().join("key")).expect("the key")
    }

    /// Makes a key with `ssh-keygen` and accepts it.
    pub fn new_key(&self, args: &[&str]) -> String {
        let count = fs::read_dir(self.directory.path())
            .expect("the directory")
            .count();
        let file = self.directory.path().join(format!("key-{count}"));
        generate(&file, args);
        let public = fs::read(file.with_extension("pub")).expect("the public key");
        let accepted = fs::OpenOptions::new()
            .append(true)
            .open(self.directory.path().join("authorized_keys"));
        accepted
            .expect("the accepted keys")
            .write_all(&public)
            .expect("the accepted keys");
        fs::read_to_string(file).expect("the key")
    }

    /// Makes a program that sessions find, of this shell script.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.directory.path().join("bin").join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, format!("#!/bin/sh\n{script}")).expect("a program");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("a mode");
    }

    /// Lines of `known_hosts` with the keys of the server.
    pub fn known_hosts(&self) -> String {
        let mut lines = String::new();
        for file in ["host_ed25519.pub", "host_rsa.pub"] {
            let key = fs::read_to_string(self.directory.path().join(file)).expect("a host key");
            let host = format!("[{}]:{}", self.address.ip(), self.address.port());
            lines.extend([host.as_str(), " ", key.as_str()]);
        }
        lines
    }

    /// What the server wrote into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("sshd.log")).unwrap_or_default()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A `git daemon` on loopback. Ends when it is dropped.
pub struct GitDaemon {
    address: SocketAddr,
    directory: TempDir,
    process: Child,
}

impl GitDaemon {
    /// Starts a daemon that takes pushes, too.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for _ in 0..ATTEMPTS {
            let address = free_address();
            // Not by way of git, which would leave it behind.
            let mut process = Command::new(Path::new(&git("/", &["--exec-path"])).join("git-daemon"))
                .args([
                    "--export-all",
                    "--enable=receive-pack",
                    "--reuseaddr",
                    "--listen=127.0.0.1",
                ])
                .arg(format!("--port={}", address.port()))
                .arg(format!("--base-path={}", directory.path().display()))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("git daemon");
            if listens(address, &mut process) {
                return Self {
                    address,
                    directory,
                    process,
                };
            }
        }
        panic!("git daemon does not start");
    }

    /// Serves a repository.
    pub fn publish(&self, repo: &GitRepo, name: &str) {
        publish(repo, &self.path(name));
    }

    /// Where a repository is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The address of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("git://{}/{name}", self.address)
    }
}

impl Drop for GitDaemon {
    fn drop(&mut self) {
        // It answers each request in a process of its own, which ends with its connection.
        end(&mut self.process);
    }
}

fn publish(repo: &GitRepo, path: &Path) {
    let source = repo.path().display().to_string();
    git(
        "/",
        &["clone", "--quiet", "--bare", &source, &path.display().to_string()],
    );
    for setting in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        git(path, &["config", setting, "true"]);
    }
}

/// The shell of a session must not read what the machine has in HOME: there it may take longer than all of git.
fn configuration(root: &Path, address: SocketAddr, protocol: Protocol) -> String {
    let root = root.display();
    let accepted = match protocol {
        Protocol::Any => "AcceptEnv GIT_PROTOCOL\n",
        Protocol::Old => "",
    };
    format!(
        "ListenAddress {address}\nHostKey {root}/host_ed25519\nHostKey {root}/host_rsa\nPidFile none\n\
         AuthorizedKeysFile {root}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         PermitRootLogin yes\nMaxStartups 200\n{accepted}\
         SetEnv GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME={root} \
         PATH={root}/bin:/usr/local/bin:/usr/bin:/bin\n"
    )
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

fn listens(address: SocketAddr, process: &mut Child) -> bool {
    let began = Instant::now();
    while began.elapsed() < READY_WITHIN && matches!(process.try_wait(), Ok(None)) {
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    end(process);
    false
}

fn end(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}

fn generate(file: &Path, args: &[&str]) {
    output(Command::new("ssh-keygen").args(["-q", "-f"]).arg(file).args(args));
}

fn output(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("a program that runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
