//! Repositories made by stock git, and remotes that lead to them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use concourse_resource_sdk::http::{HttpOptions, ProxyRules, Retries};
use concourse_resource_sdk::{Context, Secret, Step};
use git_remote::{Fetch, FetchOutcome, Fetched, Login, Oid, Options, Remote, SshOptions, Uri};
use git2::Repository;

use crate::server::{Behaviour, Server};

/// A directory with the repository `r.git` (20 commits on `main`, `topic` off the 10th, tags) and the clone `work`.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) log: Log,
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
            log: Log::default(),
        };
        world.git(".", &["init", "-q", "--bare", "-b", "main", "r.git"]);
        for setting in [
            "http.receivepack",
            "uploadpack.allowFilter",
            "uploadpack.allowAnySHA1InWant",
        ] {
            world.git("r.git", &["config", setting, "true"]);
        }
        world.import("r.git", &history());
        world.git(".", &["clone", "-q", "r.git", "work"]);
        world.git("work", &["tag", "-a", "-m", "one", "v1", "main~5"]);
        world.git("work", &["tag", "light", "main~7"]);
        world.git("work", &["branch", "topic", "main~10"]);
        world.git("work", &["push", "-q", "origin", "main", "topic", "v1", "light"]);
        world
    }

    /// Feeds a stream to `git fast-import`: one process instead of one for each commit.
    fn import(&self, repo: &str, stream: &str) {
        let mut git = self
            .command(repo, &["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(git.wait().unwrap().success());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn commit(&self, repo: &str, file: &str, content: &str) -> Oid {
        std::fs::write(self.path(repo).join(file), content).unwrap();
        self.git(repo, &["add", "-A"]);
        self.git(repo, &["commit", "-q", "-m", "change"]);
        self.id(repo, "HEAD")
    }

    pub(crate) fn id(&self, repo: &str, name: &str) -> Oid {
        self.git(repo, &["rev-parse", "--verify", name]).parse().unwrap()
    }

    pub(crate) fn ids(&self, repo: &str, names: &[&str]) -> Vec<Oid> {
        names.iter().map(|name| self.id(repo, name)).collect()
    }

    pub(crate) fn git(&self, repo: &str, arguments: &[&str]) -> String {
        let (ok, out) = self.try_git(repo, arguments);
        assert!(ok, "git {arguments:?}: {out}");
        out
    }

    pub(crate) fn try_git(&self, repo: &str, arguments: &[&str]) -> (bool, String) {
        let out = self.command(repo, arguments).output().unwrap();
        let text = if out.status.success() {
            out.stdout
        } else {
            out.stderr
        };
        (
            out.status.success(),
            String::from_utf8_lossy(&text).trim_end().to_owned(),
        )
    }

    /// Git, away from the configuration of the machine and its user.
    fn command(&self, repo: &str, arguments: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.args(arguments)
            .current_dir(self.path(repo))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@ex.org"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@ex.org"),
        ] {
            git.env(name, value);
        }
        git.env("HOME", self.dir.path());
        git
    }

    pub(crate) fn bare(&self, name: &str) -> PathBuf {
        self.git(".", &["init", "-q", "--bare", "-b", "main", name]);
        self.path(name)
    }

    pub(crate) fn serve(&self, behaviour: Behaviour) -> Server {
        Server::start(self.dir.path(), behaviour)
    }

    pub(crate) fn cx(&self) -> Context {
        Context::builder("git", Step::Put)
            .tmp(self.dir.path())
            .log_to(self.log.clone())
            .finish()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }

    /// All objects in a repository.
    pub(crate) fn objects(&self, repo: &str) -> usize {
        let arguments = ["cat-file", "--batch-all-objects", "--batch-check", "--unordered"];
        self.git(repo, &arguments).lines().count()
    }
}

/// Runs blocking code beside a runtime, as a resource does.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    std::thread::scope(|scope| {
        let (done, finished) = tokio::sync::oneshot::channel();
        let worker = scope.spawn(move || {
            let _guard = handle.enter();
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let _ = done.send(());
            result
        });
        runtime.block_on(finished).unwrap();
        worker
            .join()
            .unwrap()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

pub(crate) fn options(login: Option<(&str, &str)>) -> Options {
    Options {
        http: Box::new(|| {
            HttpOptions::default()
                .proxies(ProxyRules::none())
                .retries(Retries::none())
                .build()
        }),
        login: login.map(|(user, password)| Login {
            username: user.to_owned(),
            password: Secret::new(password),
        }),
        headers: Vec::new(),
        ssh: SshOptions::default(),
        log: Context::builder("git", Step::Check).finish().log().clone(),
        interrupt: Arc::default(),
    }
}

pub(crate) fn open(uri: &str) -> Remote {
    Remote::open(&Uri::new(uri), options(None)).unwrap()
}

pub(crate) fn want(wants: Vec<Oid>) -> Fetch {
    Fetch {
        wants,
        ..Fetch::default()
    }
}

pub(crate) fn fetched(outcome: FetchOutcome) -> Fetched {
    match outcome {
        FetchOutcome::Fetched(fetched) => fetched,
        FetchOutcome::NothingInCommon => panic!("nothing in common"),
    }
}

/// Writes cuts as a get does.
pub(crate) fn write_shallow(git_dir: &Path, cuts: &[Oid]) {
    let lines: String = cuts.iter().map(|cut| cut.to_string() + "\n").collect();
    std::fs::write(git_dir.join("shallow"), lines).unwrap();
}

pub(crate) fn repository(path: &Path) -> Repository {
    git_remote::init();
    Repository::open(path).unwrap()
}

/// 20 commits on `main`, each of which changes one of three files.
fn history() -> String {
    let mut stream = String::new();
    for number in 0..20 {
        let (time, content) = (1_700_000_000 + number, format!("content {number}\n"));
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter Ada <ada@ex.org> {time} +0000\ndata 6\nchange\n\
             M 100644 inline file{}\ndata {}\n{content}\n",
            number % 3,
            content.len(),
        );
    }
    stream
}
