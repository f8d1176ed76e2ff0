//! What the tests of pool-lock need: the contract's repository, and the steps on it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use concourse_resource_sdk::testing::{Output, Run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitRepo, GitServer, executable, git};

use crate::support::{merge, refs, source_at};

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Https,
    OldHttps,
    File,
}

pub(crate) const WAYS: [Way; 3] = [Way::Https, Way::OldHttps, Way::File];

/// The contract's start: R0 is an empty root, R1 sets up the pools `cars` and `vans`.
pub(crate) struct Locks {
    pub(crate) server: GitServer,
    pub(crate) repo: GitRepo,
    pub(crate) bare: PathBuf,
    way: Way,
}

impl Locks {
    pub(crate) fn new(way: Way) -> Self {
        let mut repo = GitRepo::new();
        repo.commit("R0", "root", &[]);
        repo.commit(
            "R1",
            "pools",
            &[
                ("cars/unclaimed/.gitkeep", ""),
                ("cars/claimed/.gitkeep", ""),
                ("cars/unclaimed/red", "r\n"),
                ("cars/unclaimed/blue", ""),
                ("vans/unclaimed/.gitkeep", ""),
                ("vans/claimed/.gitkeep", ""),
                ("vans/unclaimed/v1", ""),
            ],
        );
        Self::serving(repo, way)
    }

    pub(crate) fn serving(repo: GitRepo, way: Way) -> Self {
        let server = GitServer::start(Access::Login);
        let bare = server.publish(&repo, "locks.git");
        Self {
            server,
            repo,
            bare,
            way,
        }
    }

    pub(crate) fn uri(&self) -> String {
        match self.way {
            Way::Https => self.server.url("locks.git"),
            Way::OldHttps => self.server.url("v0/locks.git"),
            Way::File => format!("file://{}", self.bare.display()),
        }
    }

    pub(crate) fn source(&self) -> Value {
        let mut source = source_at(&self.uri());
        merge(&mut source, &json!({ "pool": "cars", "retry_delay": "200ms" }));
        source
    }

    fn run(&self, run: Run, request: &Value) -> Run {
        run.env("SSL_CERT_FILE", self.server.ca())
            .env("BUILD_URL", "http://ci/b/9")
            .request(request)
    }

    /// `out` with these fields of the source on top, and these params.
    pub(crate) fn put_with(&self, fields: &Value, params: &Value, work: &Path) -> Run {
        let mut source = self.source();
        merge(&mut source, fields);
        let request = json!({ "source": source, "params": params });
        self.run(Run::put(executable("pool-lock")), &request).work(work)
    }

    pub(crate) fn put(&self, params: &Value) -> Output {
        self.put_with(&json!({}), params, Path::new("/")).run()
    }

    /// `out` with a lock's files in the directory `x`; answers the version's ref.
    pub(crate) fn put_files(&self, operation: &str, name: &str, metadata: Option<&str>) -> Output {
        let files = Files::new(name, metadata);
        self.put_with(&json!({}), &json!({ operation: "x" }), files.path())
            .run()
    }

    pub(crate) fn claim(&self, lock: &str) -> String {
        version(&self.put(&json!({ "claim": lock })).ok())
    }

    pub(crate) fn release(&self, lock: &str) -> String {
        version(&self.put_files("release", lock, None).ok())
    }

    pub(crate) fn check_with(&self, fields: &Value, from: Option<&str>) -> Vec<String> {
        let mut source = self.source();
        merge(&mut source, fields);
        let version = from.map(|from| json!({ "ref": from }));
        let request = json!({ "source": source, "version": version });
        refs(&self.run(Run::check(executable("pool-lock")), &request).run().ok())
    }

    pub(crate) fn check(&self, from: Option<&str>) -> Vec<String> {
        self.check_with(&json!({}), from)
    }

    pub(crate) fn get_with(&self, fields: &Value, version: &str, params: &Value) -> Run {
        let mut source = self.source();
        merge(&mut source, fields);
        let request = json!({ "source": source, "version": { "ref": version }, "params": params });
        self.run(Run::get(executable("pool-lock")), &request)
    }

    pub(crate) fn get(&self, version: &str) -> Output {
        self.get_with(&json!({}), version, &Value::Null).run()
    }

    /// Makes the server run a script at a step of a push.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let hook = self.bare.join("hooks").join(name);
        std::fs::create_dir_all(self.bare.join("hooks")).expect("a directory");
        std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    pub(crate) fn tip(&self) -> String {
        git(&self.bare, &["rev-parse", "main"])
    }

    pub(crate) fn message(&self, id: &str) -> String {
        git(&self.bare, &["log", "-1", "--format=%B", id])
    }

    /// The first line of the message of each commit, the newest first, without those of the start.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let range = format!("{}..main", self.repo.id("R1"));
        let messages = git(&self.bare, &["log", "--format=%B%x00", &range]);
        let messages = messages
            .split('\0')
            .map(str::trim)
            .filter(|message| !message.is_empty());
        messages
            .map(|message| message.lines().next().unwrap_or_default().to_owned())
            .collect()
    }

    /// The files of a directory at the newest commit.
    pub(crate) fn files(&self, directory: &str) -> Vec<String> {
        let listed = git(
            &self.bare,
            &[
                "--literal-pathspecs",
                "ls-tree",
                "-z",
                "--name-only",
                "main",
                &format!("{directory}/"),
            ],
        );
        let names = listed.split('\0').filter(|name| !name.is_empty());
        names
            .filter_map(|name| Some(name.rsplit_once('/')?.1.to_owned()))
            .collect()
    }

    pub(crate) fn show(&self, path: &str) -> String {
        git(&self.bare, &["cat-file", "blob", &format!("main:{path}")])
    }

    /// Commits a change of other people.
    pub(crate) fn by_hand(&self, script: &str) -> String {
        let clone = TempDir::new().expect("a directory");
        let bare = self.bare.to_str().expect("UTF-8");
        git(clone.path(), &["clone", "--quiet", bare, "."]);
        let done = std::process::Command::new("sh")
            .args(["-ec", script])
            .current_dir(clone.path())
            .status()
            .expect("sh");
        assert!(done.success(), "{script}");
        git(clone.path(), &["add", "--all"]);
        git(
            clone.path(),
            &["commit", "--quiet", "--allow-empty", "--message", "by hand"],
        );
        git(clone.path(), &["push", "--quiet", "origin", "HEAD:main"]);
        self.tip()
    }
}

/// A directory with a lock's files in `x`.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(name: &str, metadata: Option<&str>) -> Self {
        let directory = TempDir::new().expect("a directory");
        std::fs::create_dir(directory.path().join("x")).expect("a directory");
        std::fs::write(directory.path().join("x/name"), name).expect("a file");
        if let Some(metadata) = metadata {
            std::fs::write(directory.path().join("x/metadata"), metadata).expect("a file");
        }
        Self(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The ref of an answer.
pub(crate) fn version(answer: &Value) -> String {
    answer["version"]["ref"].as_str().expect("a ref").to_owned()
}

/// A row of the metadata of an answer.
pub(crate) fn row(answer: &Value, name: &str) -> String {
    let rows = answer["metadata"].as_array().expect("metadata");
    let row = rows.iter().find(|row| row["name"] == name).expect("a row");
    row["value"].as_str().expect("a text").to_owned()
}
