//! Fixtures of the integration tests: the built executables, git repositories, git servers, chat servers, Grafana, S3.

use std::path::PathBuf;

mod git_repo;
mod git_server;
mod gpg;
mod grafana;
mod lfs_server;
mod moto;
mod slack;
mod ssh_server;

pub use git_repo::{GitRepo, fixture_m, fixture_r, git};
pub use git_server::{Access, GitServer, PASSWORD, USER};
pub use gpg::{Gpg, SshKey, signed_commit};
pub use grafana::{Annotation, GrafanaServer};
pub use lfs_server::{LfsServer, Objects};
pub use moto::{Bucket, Moto};
pub use slack::{HOOK, SlackServer, TOKEN};
pub use ssh_server::{GitDaemon, Protocol, SshServer};

/// `target`, or wherever cargo builds.
pub fn build_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    test.ancestors().nth(3).expect("a build directory").to_owned()
}

/// The executable of a resource, built by `cargo build --workspace --bins` (which `make test` runs first).
pub fn executable(resource: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/<profile>/deps/<test>, or target/<profile>/examples/<example>
    let profile = test.ancestors().nth(2).expect("a build directory");
    let path = profile.join(format!("{resource}-resource"));
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins` first",
        path.display()
    );
    path
}
