//! The `git` executable, to compare answers with. For tests: what cannot be set up panics.

use std::path::Path;
use std::process::Command;

/// A repository in a temporary directory, and stock git with nothing of the developer's own settings.
#[derive(Debug)]
pub struct StockGit {
    dir: tempfile::TempDir,
}

impl StockGit {
    /// An empty repository with a branch `main`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it starts a program")]
    pub fn new() -> Self {
        let git = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        git.run(&["init", "-q", "-b", "main"]);
        git
    }

    /// Its work tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The same, for libgit2.
    #[must_use]
    pub fn repo(&self) -> git2::Repository {
        git2::Repository::open(self.path()).unwrap()
    }

    /// What git prints; it must succeed.
    pub fn run(&self, args: &[&str]) -> String {
        self.run_at(1_700_000_000, args).unwrap()
    }

    /// What git prints, with all dates at `seconds`, or its message.
    pub fn run_at(&self, seconds: i64, args: &[&str]) -> Result<String, String> {
        self.command(args)
            .env("GIT_AUTHOR_DATE", format!("{seconds} +0000"))
            .env("GIT_COMMITTER_DATE", format!("{seconds} +0000"))
            .output()
            .map(|output| {
                let text = |bytes| String::from_utf8(bytes).unwrap();
                if output.status.success() {
                    Ok(text(output.stdout))
                } else {
                    Err(text(output.stderr))
                }
            })
            .unwrap()
    }

    /// A command of git that is still to be run.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path().join(".git"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .args([
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@ex.org",
                "-c",
                "core.quotePath=false",
            ])
            .args(args)
            .current_dir(self.path());
        command
    }

    /// Writes a file of the work tree.
    pub fn write(&self, path: &str, content: &str) {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    /// Adds everything and commits it, and returns the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.run(&["add", "-A"]);
        self.run(&["commit", "-q", "--allow-empty", "-m", message]);
        self.run(&["rev-parse", "HEAD"]).trim_end().to_owned()
    }
}
