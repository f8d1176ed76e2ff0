//! Serves git repositories for scripts: `git_server login|open NAME=BARE-REPOSITORY…`.
//!
//! Prints one JSON line (`url`, `ca`, `user`, `password`, `log`) and serves until its stdin ends.

use std::io::Read as _;

use serde_json::json;
use tests::{Access, GitServer, PASSWORD, USER};

fn main() {
    let mut args = std::env::args().skip(1);
    let access = match args.next().as_deref() {
        Some("login") => Access::Login,
        Some("open") => Access::Open,
        _ => panic!("usage: git_server login|open NAME=BARE-REPOSITORY…"),
    };
    let server = GitServer::start(access);
    for link in args {
        let (name, repository) = link.split_once('=').expect("NAME=BARE-REPOSITORY");
        std::os::unix::fs::symlink(repository, server.path(name)).expect("a link to the repository");
    }
    let ready = json!({
        "url": server.url(""),
        "ca": server.ca(),
        "user": USER,
        "password": PASSWORD,
        "log": server.log(),
    });
    println!("{ready}");
    // Whoever started this closes the pipe, or ends.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
