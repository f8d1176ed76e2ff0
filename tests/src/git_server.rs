//! A git server: nginx, fcgiwrap and `git http-backend`, over HTTPS with basic auth or over plain HTTP without.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::git_repo::{GitRepo, git};

/// The login that servers with [`Access::Login`] want.
pub const USER: &str = "ada";
/// Its password.
pub const PASSWORD: &str = "corr3ct-h0rse%/+battery";

/// CGI processes of a server: as many requests are answered at a time.
const WORKERS: usize = 3;
const READY_WITHIN: Duration = Duration::from_secs(10);
const ATTEMPTS: usize = 5;

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// HTTPS with a private CA, and basic auth.
    Login,
    /// Plain HTTP for everyone.
    Open,
}

/// A git server on loopback. Ends when it is dropped.
pub struct GitServer {
    access: Access,
    address: SocketAddr,
    directory: TempDir,
    processes: Vec<Child>,
}

impl GitServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When a program is missing or does not start.
    pub fn start(access: Access) -> Self {
        for attempt in 1.. {
            match Self::try_start(access) {
                Ok(server) => return server,
                // The port that was free may have been taken meanwhile.
                Err(error) => assert!(attempt < ATTEMPTS, "the git server does not start: {error}"),
            }
        }
        unreachable!("the loop ends by answer or panic")
    }

    fn try_start(access: Access) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let root = directory.path();
        // nginx may run as another user than the one who owns the directory.
        fs::create_dir(root.join("repos")).map_err(|error| error.to_string())?;
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?;
        if access == Access::Login {
            certificates(root)?;
            fs::write(root.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n"))
                .map_err(|error| error.to_string())?;
        }
        fs::write(root.join("nginx.conf"), configuration(root, access, address))
            .map_err(|error| error.to_string())?;
        let mut server = Self {
            access,
            address,
            directory,
            processes: Vec::new(),
        };
        server.spawn()?;
        server.wait()?;
        Ok(server)
    }

    fn spawn(&mut self) -> Result<(), String> {
        let root = self.directory.path().to_owned();
        for worker in 0..WORKERS {
            let mut fcgiwrap = Command::new("fcgiwrap");
            fcgiwrap
                .arg("-s")
                .arg(format!("unix:{}", socket(&root, worker).display()));
            self.processes.push(started(&mut fcgiwrap, &root)?);
        }
        let mut nginx = Command::new(if Path::new("/usr/sbin/nginx").exists() {
            "/usr/sbin/nginx"
        } else {
            "nginx"
        });
        nginx.arg("-p").arg(&root).arg("-c").arg(root.join("nginx.conf"));
        self.processes.push(started(&mut nginx, &root)?);
        Ok(())
    }

    fn wait(&mut self) -> Result<(), String> {
        let root = self.directory.path().to_owned();
        let began = Instant::now();
        loop {
            let sockets = (0..WORKERS).all(|worker| socket(&root, worker).exists());
            if sockets && TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            let ended = self
                .processes
                .iter_mut()
                .any(|process| !matches!(process.try_wait(), Ok(None)));
            if ended || began.elapsed() > READY_WITHIN {
                return Err(fs::read_to_string(root.join("error.log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The address of a repository; below `v0/`, it is served in protocol version 0.
    pub fn url(&self, name: &str) -> String {
        self.url_at(self.address, name)
    }

    /// The address of a repository behind a proxy.
    pub fn url_at(&self, address: SocketAddr, name: &str) -> String {
        let scheme = match self.access {
            Access::Login => "https",
            Access::Open => "http",
        };
        format!("{scheme}://127.0.0.1:{}/{name}", address.port())
    }

    /// The directory of a repository.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("repos").join(name)
    }

    /// Serves a copy of a repository, to which anyone who may connect may push.
    pub fn publish(&self, repo: &GitRepo, name: &str) -> PathBuf {
        let path = repo.bare_copy(&self.path(name));
        for (key, value) in [
            ("http.receivepack", "true"),
            ("uploadpack.allowFilter", "true"),
            ("receive.advertisePushOptions", "true"),
            ("core.logAllRefUpdates", "true"),
        ] {
            git(&path, &["config", key, value]);
        }
        path
    }

    /// Serves an empty repository.
    pub fn publish_empty(&self, name: &str) -> PathBuf {
        self.publish(&GitRepo::new(), name)
    }

    /// The file that has a line for each request.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("access.log")
    }

    /// The requests so far, such as `GET /r.git/info/refs 200`.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // One that ended by itself cannot be killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn socket(root: &Path, worker: usize) -> PathBuf {
    root.join(format!("cgi-{worker}"))
}

/// Starts a process that ends with this one, however this one ends.
fn started(command: &mut Command, root: &Path) -> Result<Child, String> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(root.join("error.log"))
        .map_err(|error| error.to_string())?;
    let program = command.get_program().to_owned();
    let args: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let mut guarded = Command::new("setpriv");
    guarded
        .args(["--pdeathsig", "KILL", "--"])
        .arg(&program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", root.join("gitconfig"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    // Repositories may belong to another user than the one who serves them.
    fs::write(root.join("gitconfig"), "[safe]\n\tdirectory = *\n").map_err(|error| error.to_string())?;
    guarded
        .spawn()
        .map_err(|error| format!("{}: {error}", program.to_string_lossy()))
}

fn configuration(root: &Path, access: Access, address: SocketAddr) -> String {
    let root = root.display();
    let mut text = String::new();
    // As another user, nginx warns that this line means nothing.
    text.push_str("user root;\ndaemon off;\nmaster_process off;\n");
    let _ = writeln!(
        text,
        "pid {root}/nginx.pid;\nerror_log {root}/error.log;\nevents {{ worker_connections 256; }}"
    );
    text.push_str("http {\n  log_format plain '$request_method $uri $status';\n");
    let _ = writeln!(
        text,
        "  access_log {root}/access.log plain;\n  client_max_body_size 0;"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "  {kind}_temp_path {root}/{kind};");
    }
    text.push_str("  upstream cgi {\n    least_conn;\n");
    for worker in 0..WORKERS {
        let _ = writeln!(text, "    server unix:{root}/cgi-{worker};");
    }
    text.push_str("  }\n  server {\n");
    match access {
        Access::Open => {
            let _ = writeln!(text, "    listen {address};");
        }
        Access::Login => {
            let _ = writeln!(text, "    listen {address} ssl http2;");
            let _ = writeln!(
                text,
                "    ssl_certificate {root}/cert.pem;\n    ssl_certificate_key {root}/key.pem;"
            );
            let _ = writeln!(
                text,
                "    auth_basic git;\n    auth_basic_user_file {root}/users;"
            );
        }
    }
    text.push_str(&location(&root, "/", "$uri", true, "off"));
    // Without the header that asks for it, git answers in protocol version 0.
    text.push_str(&location(&root, "~ ^/v0(/.*)$", "$1", false, "off"));
    // http-backend of git 2.39 reads for ever from a client that is gone: here it sees whole requests only.
    text.push_str(&location(&root, "~ ^/whole(/.*)$", "$1", true, "on"));
    text.push_str("  }\n}\n");
    text
}

fn location(
    root: &impl std::fmt::Display,
    pattern: &str,
    path: &str,
    version_2: bool,
    buffering: &str,
) -> String {
    let mut text =
        format!("    location {pattern} {{\n      fastcgi_pass cgi;\n      fastcgi_buffering off;\n");
    let _ = writeln!(
        text,
        "      fastcgi_request_buffering {buffering};\n      fastcgi_read_timeout 300s;"
    );
    let projects = format!("{root}/repos");
    let mut params = vec![
        ("SCRIPT_FILENAME", "/usr/lib/git-core/git-http-backend"),
        ("GIT_PROJECT_ROOT", projects.as_str()),
        ("GIT_HTTP_EXPORT_ALL", "1"),
        ("PATH_INFO", path),
        ("QUERY_STRING", "$query_string"),
        ("REQUEST_METHOD", "$request_method"),
        ("CONTENT_TYPE", "$content_type"),
        ("CONTENT_LENGTH", "$content_length"),
        ("HTTP_CONTENT_ENCODING", "$http_content_encoding"),
        ("REMOTE_USER", "$remote_user"),
    ];
    // nginx passes the header on by itself, and http-backend would find it there.
    let protocol = if version_2 { "$http_git_protocol" } else { "\"\"" };
    params.extend([("GIT_PROTOCOL", protocol), ("HTTP_GIT_PROTOCOL", protocol)]);
    for (name, value) in params {
        let _ = writeln!(text, "      fastcgi_param {name} {value};");
    }
    text.push_str("    }\n");
    text
}

/// Writes `ca.pem`, and `cert.pem` and `key.pem` signed by it.
fn certificates(root: &Path) -> Result<(), String> {
    let failed = |error: rcgen::Error| error.to_string();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().map_err(failed)?;
    let ca_certificate = ca.self_signed(&ca_key).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).map_err(failed)?;
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).map_err(failed)?;
    for (file, pem) in [
        ("ca.pem", ca_certificate.pem()),
        ("cert.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(root.join(file), pem).map_err(|error| error.to_string())?;
    }
    Ok(())
}
