use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use git_remote::{Depth, Error, Fetch, Fetched, Oid, Options, Remote, Uri};

use crate::world::{World, fetched, open, options, run, want, write_shallow};

fn try_fetch(world: &World, uri: &str, fetch: &Fetch) -> Result<Fetched, Error> {
    let (cx, git_dir) = (world.cx(), world.path("new.git"));
    run(|| open(uri).fetch(&git_dir, fetch, &cx)).map(fetched)
}

fn uri(world: &World) -> String {
    format!("file://{}", world.path("r.git").display())
}

fn assert_whole(world: &World, tip: Oid, commits: usize) {
    world.git("new.git", &["update-ref", "refs/heads/main", &tip.to_string()]);
    world.git("new.git", &["fsck", "--full", "--strict"]);
    assert_eq!(
        world.git("new.git", &["rev-list", "--count", "main"]),
        commits.to_string()
    );
}

#[test]
fn packed_and_loose_objects_and_those_of_alternates_arrive_without_a_process() {
    let world = World::new();
    world.git("r.git", &["gc", "-q"]);
    world.git(".", &["clone", "-q", "--bare", "--shared", "r.git", "a b.git"]);
    world.git(".", &["clone", "-q", "a b.git", "w2"]);
    let tip = world.commit("w2", "loose", "loose\n");
    world.git("w2", &["push", "-q", "origin", "main"]);
    world.bare("new.git");
    let uri = format!("file://{}", world.path("a%20b.git").display());
    try_fetch(&world, &uri, &want(vec![tip])).unwrap();
    assert_whole(&world, tip, 21);
    assert!(!world.path("new.git/objects/info/alternates").exists());
    // Nothing is copied twice, nor left behind.
    try_fetch(&world, &uri, &want(vec![tip])).unwrap();
    assert_eq!(
        world
            .git("new.git", &["count-objects", "-v"])
            .lines()
            .find(|line| line.starts_with("garbage")),
        Some("garbage: 0")
    );
}

#[test]
fn objects_are_linked_and_a_linked_source_directory_is_followed() {
    let world = World::new();
    world.git("r.git", &["gc", "-q"]);
    std::fs::rename(world.path("r.git/objects"), world.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("r.git/objects")).unwrap();
    world.bare("new.git");
    let tip = world.id("r.git", "main");
    try_fetch(&world, &uri(&world), &want(vec![tip])).unwrap();
    assert_whole(&world, tip, 20);
    let packs = |directory: &Path| -> BTreeSet<u64> {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        let packs = entries.filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "pack")
        });
        packs.map(|entry| entry.metadata().unwrap().ino()).collect()
    };
    assert_eq!(
        packs(&world.path("new.git/objects/pack")),
        packs(&world.path("elsewhere/pack"))
    );
}

#[test]
fn packs_that_are_links_are_copied() {
    let world = World::new();
    world.git("r.git", &["gc", "-q"]);
    std::fs::rename(world.path("r.git/objects/pack"), world.path("packs")).unwrap();
    std::fs::create_dir(world.path("r.git/objects/pack")).unwrap();
    for entry in std::fs::read_dir(world.path("packs")).unwrap() {
        let entry = entry.unwrap();
        std::os::unix::fs::symlink(
            entry.path(),
            world.path("r.git/objects/pack").join(entry.file_name()),
        )
        .unwrap();
    }
    world.bare("new.git");
    let tip = world.id("r.git", "main");
    try_fetch(&world, &uri(&world), &want(vec![tip])).unwrap();
    std::fs::remove_dir_all(world.path("packs")).unwrap();
    assert_whole(&world, tip, 20);
}

#[test]
fn history_is_cut_where_git_cuts_it() {
    let world = World::new();
    world.git(
        "work",
        &["merge", "-q", "--no-ff", "-m", "merge", "-s", "ours", "topic"],
    );
    world.git("work", &["checkout", "-q", "--orphan", "other"]);
    world.commit("work", "orphan", "x");
    world.git("work", &["checkout", "-q", "main"]);
    world.git(
        "work",
        &[
            "merge",
            "-q",
            "--allow-unrelated-histories",
            "-m",
            "join",
            "other",
        ],
    );
    world.git("work", &["push", "-q", "origin", "main"]);
    let tip = world.id("r.git", "main");
    for depth in ["1", "2", "3", "5", "19", "22", "100"] {
        let shallow = |repo: &str| -> BTreeSet<String> {
            let text = std::fs::read_to_string(world.path(repo).join("shallow")).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        };
        let clone = format!("by-git-{depth}.git");
        world.git(
            ".",
            &[
                "clone",
                "-q",
                "--bare",
                "--single-branch",
                "--depth",
                depth,
                &uri(&world),
                &clone,
            ],
        );
        let _ = std::fs::remove_dir_all(world.path("new.git"));
        world.bare("new.git");
        let fetch = Fetch {
            depth: Depth::To(depth.parse().unwrap()),
            ..want(vec![tip])
        };
        let got = try_fetch(&world, &uri(&world), &fetch).unwrap();
        write_shallow(&world.path("new.git"), &got.new_shallow);
        assert_eq!(shallow("new.git"), shallow(&clone), "{depth}");
        let commits = world
            .git(&clone, &["rev-list", "--count", "main"])
            .parse()
            .unwrap();
        assert_whole(&world, tip, commits);
    }
}

#[test]
fn deepening_moves_only_the_cuts_that_the_wants_lead_to() {
    let world = World::new();
    world.bare("new.git");
    let (tip, aside) = (world.id("r.git", "main"), world.id("work", "main~3"));
    let deeper = |depth, shallow: &[Oid]| {
        let fetch = Fetch {
            depth,
            shallow: shallow.to_vec(),
            ..want(vec![tip])
        };
        let got = try_fetch(&world, &uri(&world), &fetch).unwrap();
        (got.new_shallow, got.unshallow)
    };
    assert_eq!(deeper(Depth::To(1), &[aside]), (vec![tip], vec![]));
    assert_eq!(
        deeper(Depth::To(2), &[tip]),
        (vec![world.id("r.git", "main~1")], vec![tip])
    );
    assert_eq!(deeper(Depth::Keep, &[tip]), (vec![], vec![]));
    assert_eq!(deeper(Depth::Unlimited, &[tip]), (vec![], vec![tip]));
}

#[test]
fn the_cuts_of_a_shallow_source_are_handed_on() {
    let world = World::new();
    world.git(".", &["clone", "-q", "--depth", "3", &uri(&world), "shallow"]);
    world.bare("new.git");
    let tip = world.id("shallow", "main");
    let source = world.path("shallow").display().to_string();
    let got = try_fetch(&world, &source, &want(vec![tip])).unwrap();
    assert_eq!(got.new_shallow, [world.id("r.git", "main~2")]);
    write_shallow(&world.path("new.git"), &got.new_shallow);
    assert_whole(&world, tip, 3);
}

#[test]
fn what_is_not_there_is_not_our_ref() {
    let world = World::new();
    world.bare("new.git");
    let gone = "12".repeat(20).parse().unwrap();
    let error = try_fetch(&world, &uri(&world), &want(vec![gone])).unwrap_err();
    assert!(matches!(error, Error::NotOurRef { .. }), "{error}");
    assert_eq!(world.objects("new.git"), 0);
}

#[test]
fn an_interrupt_stops_it() {
    let world = World::new();
    let git_dir = world.bare("new.git");
    let (cx, tip) = (world.cx(), world.id("r.git", "main"));
    let error = run(|| {
        let given = Options {
            interrupt: Arc::new(AtomicBool::new(true)),
            ..options(None)
        };
        Remote::open(&Uri::new(uri(&world)), given)
            .unwrap()
            .fetch(&git_dir, &want(vec![tip]), &cx)
            .unwrap_err()
    });
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert_eq!(world.objects("new.git"), 0);
}

#[test]
fn a_suffix_or_a_worktree_is_found_and_a_login_is_of_no_use() {
    let world = World::new();
    for place in ["r.git", "r", "work", "work/.git"] {
        let uri = world.path(place).display().to_string();
        assert!(
            run(|| open(&uri).local().unwrap().join("objects").is_dir()),
            "{place}"
        );
    }
}

#[test]
fn objects_that_cannot_be_read_are_not_called_missing() {
    let world = World::new();
    world.bare("new.git");
    let tip = world.id("r.git", "main");
    let objects = world.path("r.git/objects");
    let mode =
        |mode| std::fs::set_permissions(objects.join("pack"), std::fs::Permissions::from_mode(mode)).unwrap();
    world.git("r.git", &["gc", "-q"]);
    mode(0o000);
    // Root reads everything: then there is nothing to see.
    let is_root = std::fs::read_dir(objects.join("pack")).is_ok();
    let outcome = try_fetch(&world, &uri(&world), &want(vec![tip]));
    mode(0o755);
    match outcome {
        Ok(_) => assert!(is_root),
        Err(error) => assert!(error.to_string().contains("ermission denied"), "{error}"),
    }
}

#[test]
fn a_source_that_is_repacked_meanwhile_arrives_whole() {
    let world = World::new();
    let tip = world.id("r.git", "main");
    std::thread::scope(|scope| {
        let repacking = scope.spawn(|| {
            for round in 0..8 {
                let window = format!("--window={}", round + 1);
                world.git("r.git", &["repack", "-q", "-a", "-d", "-f", &window]);
            }
        });
        let mut number = 0;
        while !repacking.is_finished() {
            number += 1;
            let name = format!("copy{number}.git");
            let git_dir = world.bare(&name);
            let cx = world.cx();
            run(|| open(&uri(&world)).fetch(&git_dir, &want(vec![tip]), &cx)).unwrap();
            world.git(&name, &["update-ref", "refs/heads/main", &tip.to_string()]);
            world.git(&name, &["fsck", "--full"]);
        }
        assert!(number > 0);
    });
}
