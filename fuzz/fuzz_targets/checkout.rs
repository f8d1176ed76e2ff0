//! Trees to be checked out: each byte of the input decides on a name, a kind, or what an entry leads to. Nothing beside the work tree may change, and
//! whatever is written is what the index says.
#![no_main]

use std::path::Path;

use concourse_resource_sdk::{Context, Step};
use git_source::CheckedOut;
use git2::{ObjectType, Oid, Repository};

const MODES: [&str; 8] = [
    "100644", "100755", "120000", "40000", "160000", "100600", "0", "777777",
];

/// Parts that names are made of.
const PARTS: [&[u8]; 24] = [
    b"a",
    b"b",
    b".git",
    b".GIT",
    b"..",
    b".",
    b"/",
    b"\\",
    b"git~1",
    b".gitattributes",
    b".gitmodules",
    b" ",
    b"\0",
    b"\x1b[",
    b"\xff",
    b":",
    b"link",
    b"../outside/",
    b"GITMOD~1",
    b"~",
    b"\n",
    b"C:",
    b"x.txt",
    b"-",
];

const CONTENTS: [&[u8]; 7] = [
    b"* text eol=crlf ident working-tree-encoding=UTF-16\n[attr]m text\n",
    b"line\n$Id$\n",
    b"../outside",
    b"../outside/file",
    b"",
    b"\0",
    b"* working-tree-encoding=latin1 -text\n",
];

struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    fn below(&mut self, count: usize) -> Option<usize> {
        Some(usize::from(*self.0.next()?) % count)
    }
}

fn tree(repo: &Repository, input: &mut Input<'_>) -> Option<Oid> {
    let mut trees: Vec<Oid> = Vec::new();
    while trees.len() < 6 {
        let mut entries = Vec::new();
        for _ in 0..input.below(5).unwrap_or(0) {
            let Some(mode) = input.below(MODES.len()) else {
                break;
            };
            let mut name = Vec::new();
            for _ in 0..=input.below(3)? {
                name.extend_from_slice(PARTS[input.below(PARTS.len())?]);
            }
            let id = match (MODES[mode], trees.len()) {
                ("40000", 1..) => trees[input.below(trees.len())?],
                _ => repo.blob(CONTENTS[input.below(CONTENTS.len())?]).ok()?,
            };
            entries.extend([MODES[mode].as_bytes(), b" ", &name, b"\0", id.as_bytes()].concat());
        }
        trees.push(repo.odb().ok()?.write(ObjectType::Tree, &entries).ok()?);
        if input.0.as_slice().is_empty() {
            break;
        }
    }
    trees.pop()
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    entries.map(|entry| entry.file_name()).collect()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    git_remote::init();
    let top = tempfile::tempdir().expect("a directory");
    let outside = top.path().join("outside");
    std::fs::create_dir(&outside).expect("a directory");
    std::fs::write(outside.join("file"), "untouched").expect("a file");
    let repo = Repository::init(top.path().join("work")).expect("a repository");
    let Some(tree) = tree(&repo, &mut Input(data.iter())) else {
        return;
    };
    let commit = format!("tree {tree}\nauthor A <a@ex.org> 1 +0000\ncommitter A <a@ex.org> 1 +0000\n\nx\n");
    let commit = repo
        .odb()
        .expect("objects")
        .write(ObjectType::Commit, commit.as_bytes())
        .expect("a commit");
    let cx = Context::builder("fuzz", Step::Get)
        .tmp(top.path())
        .log_to(std::io::sink())
        .finish();
    let got = git_source::checkout(&cx, &repo, commit, CheckedOut::Detached, None);
    assert_eq!(names(top.path()).len(), 2);
    assert_eq!(names(&outside), ["file"]);
    assert_eq!(std::fs::read(outside.join("file")).expect("a file"), b"untouched");
    assert!(!top.path().join("work/.git/outside").exists());
    if got.is_ok() {
        let repo = Repository::open(repo.path()).expect("a repository");
        git_source::move_to(&cx, &repo, commit, git_source::InTheWay::Refused)
            .expect("what is there can be left there");
        assert_eq!(names(&outside), ["file"]);
    }
});
