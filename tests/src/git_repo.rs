//! Repositories made with the stock git client, in an environment of their own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Runs git in `dir` and answers its stdout without the last line end.
///
/// # Panics
/// When git fails.
pub fn git(dir: impl AsRef<Path>, args: &[&str]) -> String {
    try_git(dir.as_ref(), args, b"").unwrap_or_else(|error| panic!("git {args:?}: {error}"))
}

fn try_git(dir: &Path, args: &[&str], input: &[u8]) -> Result<String, String> {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .envs(identity("AUTHOR"))
        .envs(identity("COMMITTER"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input)
        .map_err(|error| error.to_string())?;
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end_matches('\n')
        .to_owned())
}

fn identity(role: &str) -> [(String, String); 2] {
    [
        (format!("GIT_{role}_NAME"), "Ada".to_owned()),
        (format!("GIT_{role}_EMAIL"), "ada@ex.org".to_owned()),
    ]
}

/// A repository with a work tree, whose commits have names and strictly increasing dates.
pub struct GitRepo {
    directory: TempDir,
    names: BTreeMap<String, String>,
    /// Seconds since the epoch of the last commit.
    now: u64,
}

impl Default for GitRepo {
    fn default() -> Self {
        Self::new()
    }
}

impl GitRepo {
    /// An empty repository whose branch is `main`.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
        Self {
            directory,
            names: BTreeMap::new(),
            now: 1_700_000_000,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The address of its git directory.
    pub fn file_url(&self) -> String {
        format!("file://{}/.git", self.path().display())
    }

    /// Runs git in it.
    pub fn git(&self, args: &[&str]) -> String {
        git(self.path(), args)
    }

    /// Commits files under a name for [`GitRepo::id`]; without files, an empty commit.
    pub fn commit(&mut self, name: &str, message: &str, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            let path = self.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, content).expect("a file");
        }
        self.git(&["add", "--all"]);
        self.dated(
            name,
            &["commit", "--quiet", "--allow-empty", "--message", message],
        )
    }

    /// Merges a branch, always with a merge commit.
    pub fn merge(&mut self, name: &str, branch: &str) -> String {
        self.dated(
            name,
            &[
                "merge",
                "--quiet",
                "--no-ff",
                "--message",
                &format!("merge {branch}"),
                branch,
            ],
        )
    }

    /// Sets an annotated tag.
    pub fn tag(&mut self, tag: &str, target: &str) {
        let target = self.id(target);
        self.dated("", &["tag", "--annotate", "--message", tag, tag, &target]);
    }

    /// Runs a command at a new date, and names the `HEAD` it leaves.
    fn dated(&mut self, name: &str, args: &[&str]) -> String {
        self.now += 60;
        let date = format!("{} +0000", self.now);
        let mut command = Command::new("git");
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(identity("AUTHOR"))
            .envs(identity("COMMITTER"))
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date);
        let output = command.output().expect("git");
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let head = self.git(&["rev-parse", "HEAD"]);
        self.names.insert(name.to_owned(), head.clone());
        head
    }

    /// The id of a named commit, or of anything that git can resolve.
    pub fn id(&self, name: &str) -> String {
        match self.names.get(name) {
            Some(id) => id.clone(),
            None => self.git(&["rev-parse", &format!("{name}^{{commit}}")]),
        }
    }

    /// The name of a commit, or its id.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names
            .iter()
            .find(|entry| entry.1 == id && !entry.0.is_empty())
            .map_or(id, |entry| entry.0)
    }

    /// Imports a `git fast-import` stream.
    ///
    /// # Panics
    /// When git does not take it.
    pub fn fast_import(&self, stream: &str) {
        try_git(
            self.path(),
            &["fast-import", "--quiet", "--force"],
            stream.as_bytes(),
        )
        .unwrap_or_else(|error| panic!("git fast-import: {error}"));
    }

    /// A bare copy of it.
    pub fn bare_copy(&self, to: &Path) -> PathBuf {
        let from = self.path().display().to_string();
        git(
            "/",
            &["clone", "--quiet", "--mirror", &from, &to.display().to_string()],
        );
        to.to_owned()
    }
}

/// The contract's repository R (section 11).
pub fn fixture_r() -> GitRepo {
    let mut repo = GitRepo::new();
    repo.commit("c0", "init", &[]);
    repo.commit("c1", "docs: start", &[("docs/a.md", "one\n")]);
    repo.tag("rel-1", "c1");
    repo.commit("c2", "feat: x", &[("src/x.rs", "one\n")]);
    repo.git(&["tag", "nightly"]);
    repo.commit("c3", "bump [skip ci]", &[("src/x.rs", "two\n")]);
    repo.commit("c4", "fix: typo", &[("docs/a.md", "two\n")]);
    repo.tag("rel-2", "c4");
    let c2 = repo.id("c2");
    repo.git(&["checkout", "--quiet", "-b", "topic", &c2]);
    repo.commit("t1", "feat: t", &[("lib/t.rs", "one\n")]);
    repo.tag("topic-1", "t1");
    repo.git(&["checkout", "--quiet", "main"]);
    repo
}

/// The contract's repository M: R with merge m5 of `topic` into `main`.
pub fn fixture_m() -> GitRepo {
    let mut repo = fixture_r();
    repo.merge("m5", "topic");
    repo
}
