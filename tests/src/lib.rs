//! Fixtures of the integration tests: the built executables, git repositories, git servers, chat servers, Grafana, S3.

use std::path::PathBuf;

mod git_repo;
mod git_server;
mod grafana;
mod moto;
mod slack;
mod ssh_server;

pub use git_repo::{GitRepo, fixture_m, fixture_r, git};
pub use git_server::{Access, GitServer, PASSWORD, USER};
pub use grafana::{Annotation, GrafanaServer};
pub use moto::{Bucket, Moto};
pub use slack::{HOOK, SlackServer, TOKEN};
pub use ssh_server::{GitDaemon, Protocol, SshServer};

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
