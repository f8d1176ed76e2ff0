//! Serves git repositories for scripts: `git_server login|open|ssh NAME=BARE-REPOSITORY…`.
//!
//! Prints one JSON line (`url`, `ca`, `user`, `password`, `log`; over SSH `url` and `key`) and serves until its stdin ends.

use std::io::Read as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{Access, GitServer, PASSWORD, Protocol, SshServer, USER};

fn main() {
    let mut args = std::env::args().skip(1);
    let kind = args.next().unwrap_or_default();
    let links: Vec<(String, String)> = args
        .map(|link| {
            let (name, repository) = link.split_once('=').expect("NAME=BARE-REPOSITORY");
            (name.to_owned(), repository.to_owned())
        })
        .collect();
    match kind.as_str() {
        "login" => serve(Access::Login, &links),
        "open" => serve(Access::Open, &links),
        "ssh" => serve_ssh(&links),
        _ => panic!("usage: git_server login|open|ssh NAME=BARE-REPOSITORY…"),
    }
}

fn serve(access: Access, links: &[(String, String)]) {
    let server = GitServer::start(access);
    link(links, |name| server.path(name));
    until_stdin_ends(&json!({
        "url": server.url(""),
        "ca": server.ca(),
        "user": USER,
        "password": PASSWORD,
        "log": server.log(),
    }));
}

fn serve_ssh(links: &[(String, String)]) {
    let server = SshServer::start(Protocol::Any);
    link(links, |name| server.path(name));
    until_stdin_ends(&json!({ "url": server.url(""), "key": server.key() }));
}

fn link(links: &[(String, String)], to: impl Fn(&str) -> PathBuf) {
    for (name, repository) in links {
        std::os::unix::fs::symlink(repository, to(name)).expect("a link to the repository");
    }
}

fn until_stdin_ends(ready: &Value) {
    println!("{ready}");
    // Whoever started this closes the pipe, or ends.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
