//! Beside stock git, which reads the same tree into an index.

use git2::{FileMode, ObjectType};
use stock_git::StockGit;

use super::*;

/// Names that something is odd about.
fn names() -> Vec<String> {
    let mut names = vec![
        "a",
        "...",
        ".g",
        ".gi",
        ".git",
        ".GIT",
        ".gIt",
        ".git ",
        ".git.",
        ".git. .",
        ".git..x",
        ".git:x",
        ".git::$INDEX_ALLOCATION",
        ".git\\x",
        ".gitx",
        ".gitignore",
        ".gitmodules",
        ".GITMODULES",
        ".gitmodules.",
        ".gitmodules :x",
        ".gitmodulesx",
        "git~1",
        "GIT~1",
        "git~1 .",
        "git~1x",
        "git~2",
        "git~1:x",
        "a\\b",
        "a\\.git",
        "a\\.git\\x",
        "a\\git~1",
        "a\\.gitmodules",
        "\\.git",
        "gitmod~1",
        "GITMOD~4",
        "gitmod~5",
        "gitmod~1.",
        "gi7eba~1",
        "gi7eb~10",
        "gi7eba~0",
        "gi7eba~9",
        "GI7EBA~1",
        "gi7~1234",
        "gi~00001",
        "~1000000",
        "gi7ebaa~1",
        "gi7d29~1",
        "c:",
        "c:x",
        "C:\\x",
        "nul",
        "con",
        "aux.txt",
        " ",
        ".",
        "..",
        "-",
        "\u{1b}[31m",
        "a\nb",
        ".g\u{200c}it",
        ".\u{feff}git",
        "ä",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    names.push("n".repeat(255));
    names
}

/// Whether stock git takes a tree with one entry.
fn is_taken(git: &StockGit, name: &str, mode: &str) -> bool {
    let repo = git.repo();
    let blob = repo.blob(b"x").unwrap();
    let entry = [mode.as_bytes(), b" ", name.as_bytes(), b"\0", blob.as_bytes()].concat();
    let tree = repo.odb().unwrap().write(ObjectType::Tree, &entry).unwrap();
    let output = git
        .command(&["read-tree", "--reset", &tree.to_string()])
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn names_are_refused_that_stock_git_refuses() {
    git2::opts::strict_object_creation(false);
    let git = StockGit::new();
    for hfs in ["false", "true"] {
        git.run(&["config", "core.protectHFS", hfs]);
        let rules = Rules::new(&git.repo().config().unwrap());
        for name in names() {
            for (mode, kind) in [("100644", Kind::File), ("120000", Kind::Link)] {
                let ours = rules.check(name.clone().into_bytes(), kind);
                assert_eq!(
                    ours.is_ok(),
                    is_taken(&git, &name, mode),
                    "{name:?} {kind:?} hfs {hfs}: {ours:?}"
                );
            }
        }
    }
    git.run(&["config", "core.protectNTFS", "false"]);
    let rules = Rules::new(&git.repo().config().unwrap());
    for name in names() {
        let ours = rules.check(name.clone().into_bytes(), Kind::File);
        assert_eq!(
            ours.is_ok(),
            is_taken(&git, &name, "100644"),
            "{name:?} without NTFS: {ours:?}"
        );
    }
    assert_eq!(i32::from(FileMode::Link), 0o120_000);
}
