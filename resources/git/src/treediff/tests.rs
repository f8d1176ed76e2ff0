use std::cell::RefCell;
use std::collections::BTreeMap;

use git2::Repository;

use super::*;
use stock_git::StockGit;

struct Odb {
    repo: Repository,
    read: RefCell<Vec<Oid>>,
}

impl TreeStore for Odb {
    type Error = Oid;

    fn tree(&self, id: Oid) -> Result<Vec<u8>, Oid> {
        self.read.borrow_mut().push(id);
        Ok(self
            .repo
            .odb()
            .map_err(|_| id)?
            .read(id)
            .map_err(|_| id)?
            .data()
            .to_vec())
    }

    fn malformed(id: Oid) -> Oid {
        id
    }
}

fn selection(paths: &[&str]) -> Selection {
    Selection::new(
        Some(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>()),
        &[],
    )
    .unwrap()
}

/// Files of a tree: what stands at a path, as mode and content.
type Files = BTreeMap<String, (i32, u8)>;

/// A fixed sequence of numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

const NAMES: [&str; 6] = ["a", "a.b", "a0", "b", "a-", "[a]"];
const MODES: [i32; 4] = [0o100_644, 0o100_755, 0o120_000, 0o160_000];

fn change(files: &mut Files, random: &mut Random) {
    for _ in 0..random.below(4) {
        let depth = 1 + random.below(3);
        let parts: Vec<_> = (0..depth).map(|_| NAMES[random.below(NAMES.len())]).collect();
        let path = parts.join("/");
        // Whatever is in the way of the new file goes.
        files.retain(|old, _| {
            *old != path && !old.starts_with(&format!("{path}/")) && !path.starts_with(&format!("{old}/"))
        });
        if random.below(3) > 0 {
            files.insert(
                path,
                (
                    MODES[random.below(MODES.len())],
                    u8::try_from(random.below(3)).unwrap(),
                ),
            );
        }
    }
}

fn write(repo: &Repository, files: &Files) -> Oid {
    let mut builder = repo.treebuilder(None).unwrap();
    let mut below: BTreeMap<&str, Files> = BTreeMap::new();
    for (path, &(mode, content)) in files {
        if let Some((dir, rest)) = path.split_once('/') {
            below
                .entry(dir)
                .or_default()
                .insert(rest.to_owned(), (mode, content));
        } else {
            let id = if mode == 0o160_000 {
                Oid::from_str(&format!("{:040}", content + 1)).unwrap()
            } else {
                repo.blob(&[content]).unwrap()
            };
            builder.insert(path, id, mode).unwrap();
        }
    }
    for (dir, files) in below {
        builder.insert(dir, write(repo, &files), 0o040_000).unwrap();
    }
    builder.write().unwrap()
}

#[test]
fn random_trees_differ_where_stock_git_says_so() {
    const SPECS: &[&[&str]] = &[
        &["a"],
        &["a/"],
        &["a/b"],
        &["*b"],
        &["a/*"],
        &["*/a*"],
        &["[a]"],
        &["[a]/*b"],
        &[":!a"],
        &["a", ":!a/b"],
        &[":!*b"],
        &[":(glob)*"],
        &[":(glob)**/b"],
        &["./"],
        &[":(icase)A/B"],
        &["a?"],
    ];
    let git = StockGit::new();
    let store = Odb {
        repo: git.repo(),
        read: RefCell::default(),
    };
    store.repo.set_odb(&store.repo.odb().unwrap()).unwrap();
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut files = Files::new();
    let mut outcomes = [0, 0];
    for round in 0..400 {
        let old = write(&store.repo, &files);
        change(&mut files, &mut random);
        let new = write(&store.repo, &files);
        let specs = SPECS[round % SPECS.len()];
        let (old_text, new_text) = (old.to_string(), new.to_string());
        let args = [
            &[
                "diff-tree",
                "-r",
                "--name-only",
                "--no-renames",
                &old_text,
                &new_text,
                "--",
            ],
            specs,
        ]
        .concat();
        let stock = git.run(&args);
        let ours = touches(&store, Some(old), Some(new), &selection(specs)).unwrap();
        assert_eq!(
            ours,
            !stock.is_empty(),
            "round {round}: {specs:?} gives {stock:?} of {}",
            git.run(&["diff-tree", "-r", "--no-renames", &old_text, &new_text])
        );
        outcomes[usize::from(ours)] += 1;
    }
    assert!(outcomes.iter().all(|&count| count > 50), "{outcomes:?}");
}

/// A repository with the given trees.
fn trees(all: &[&[(&str, i32, u8)]]) -> (StockGit, Odb, Vec<Oid>) {
    let git = StockGit::new();
    let store = Odb {
        repo: git.repo(),
        read: RefCell::default(),
    };
    let ids = all
        .iter()
        .map(|files| {
            let files = files
                .iter()
                .map(|&(path, mode, content)| (path.to_owned(), (mode, content)))
                .collect();
            write(&store.repo, &files)
        })
        .collect();
    (git, store, ids)
}

#[test]
fn what_counts_as_a_change() {
    let file = 0o100_644;
    for (old, new, spec, touched) in [
        (&[("a", file, 1)][..], &[("a", 0o100_755, 1)][..], "a", true),
        (&[("a", file, 1)], &[("a", 0o120_000, 1)], "a", true),
        (&[("a", file, 1)], &[("a/b", file, 1)], "a", true),
        (&[("a", file, 1)], &[("a/b", file, 1)], "a/b", true),
        (&[("a", file, 1)], &[("a/b", file, 1)], "a/c", false),
        (&[("a", file, 1)], &[("a/b", file, 1)], "?", true),
        (&[("s", 0o160_000, 1)], &[("s", 0o160_000, 2)], "s/", true),
        (&[("s", 0o160_000, 1)], &[("s", 0o160_000, 2)], "s/x", false),
        (
            &[("a", file, 1), ("a.b", file, 1)],
            &[("a/x", file, 1), ("a.b", file, 1)],
            "a.b",
            false,
        ),
        (
            &[("a", file, 1), ("a0", file, 1)],
            &[("a/x", file, 1), ("a0", file, 1)],
            "a0",
            false,
        ),
        (&[], &[("a/b/c", file, 1)], "a/b", true),
        (&[("a/b/c", file, 1)], &[], "*c", true),
        (&[("a", file, 1)], &[("b", file, 1)], "a", true),
        (&[("a", file, 1)], &[("a", file, 1)], "a", false),
    ] {
        let (_git, store, ids) = trees(&[old, new]);
        assert_eq!(
            touches(&store, Some(ids[0]), Some(ids[1]), &selection(&[spec])),
            Ok(touched),
            "{old:?} {new:?} {spec}"
        );
    }
}

#[test]
fn no_tree_is_an_empty_tree() {
    let (_git, store, ids) = trees(&[&[], &[("a", 0o100_644, 1)]]);
    let all = selection(&["./"]);
    assert_eq!(touches(&store, None, Some(ids[1]), &all), Ok(true));
    assert_eq!(touches(&store, Some(ids[1]), None, &all), Ok(true));
    assert_eq!(touches(&store, None, Some(ids[0]), &all), Ok(false));
    assert_eq!(touches(&store, None, None, &all), Ok(false));
    assert!(
        !store.read.borrow().contains(&ids[0]),
        "the empty tree is read from nowhere"
    );
}

#[test]
fn equal_and_unselected_trees_are_not_read_and_a_missing_one_is_named() {
    let file = 0o100_644;
    let (_git, store, ids) = trees(&[
        &[("same/x", file, 1), ("other/x", file, 1), ("a/x", file, 1)],
        &[("same/x", file, 1), ("other/x", file, 2), ("a/x", file, 2)],
    ]);
    assert_eq!(
        touches(&store, Some(ids[0]), Some(ids[1]), &selection(&["a/y", "same"])),
        Ok(false)
    );
    assert_eq!(store.read.borrow().len(), 4, "both roots, and `a` of both");
    let gone: Oid = "1234567890123456789012345678901234567890".parse().unwrap();
    assert_eq!(
        touches(&store, Some(ids[0]), Some(gone), &selection(&["a"])),
        Err(gone)
    );
}

#[test]
fn what_is_no_tree_is_named() {
    struct Content(&'static [u8]);
    impl TreeStore for Content {
        type Error = Oid;

        fn tree(&self, _: Oid) -> Result<Vec<u8>, Oid> {
            Ok(self.0.to_vec())
        }

        fn malformed(id: Oid) -> Oid {
            id
        }
    }
    let id: Oid = "1234567890123456789012345678901234567890".parse().unwrap();
    for content in [
        &b"x"[..],
        b"100644",
        b"100644 a",
        b"100644 a\0short",
        b"9 a\0aaaaaaaaaaaaaaaaaaaa",
        b"100644 \0aaaaaaaaaaaaaaaaaaaa",
    ] {
        assert_eq!(
            touches(&Content(content), None, Some(id), &selection(&["a"])),
            Err(id),
            "{content:?}"
        );
    }
}
