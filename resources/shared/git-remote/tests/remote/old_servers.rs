//! Servers of protocol version 0 that differ from git's.

use git_remote::{Depth, Fetch};

use crate::server::Behaviour;
use crate::world::{World, open, run};

/// Found in an attack: they answer 400 to clients that do not say how they would negotiate.
#[test]
fn a_server_that_wants_multi_ack_gets_it() {
    let world = World::new();
    let server = world.serve(Behaviour {
        version_0: true,
        wants_multi_ack: true,
        ..Behaviour::default()
    });
    let uri = format!("{}/r.git", server.url);
    let old = world.id("r.git", "main~10");
    for (haves, depth) in [
        (vec![], Depth::Keep),
        (vec![old], Depth::Keep),
        (vec![], Depth::To(1)),
        (vec![old, world.id("r.git", "topic")], Depth::Keep),
    ] {
        let git_dir = world.bare("new.git");
        if !haves.is_empty() {
            world.git(
                "new.git",
                &[
                    "fetch",
                    "-q",
                    &world.path("r.git").display().to_string(),
                    &old.to_string(),
                ],
            );
        }
        let fetch = Fetch {
            wants: vec![world.id("r.git", "main")],
            haves,
            depth,
            ..Fetch::default()
        };
        run(|| open(&uri).fetch(&git_dir, &fetch, &world.cx()).unwrap());
        let main = world.id("r.git", "main");
        if depth == Depth::Keep {
            world.git("new.git", &["rev-list", "--objects", &main.to_string()]);
        } else {
            world.git("new.git", &["cat-file", "-e", &format!("{main}^{{tree}}")]);
        }
        std::fs::remove_dir_all(git_dir).unwrap();
    }
}

#[test]
fn the_branch_of_head_is_guessed() {
    let world = World::new();
    let server = world.serve(Behaviour {
        version_0: true,
        no_symref: true,
        ..Behaviour::default()
    });
    let refs = run(|| open(&format!("{}/r.git", server.url)).refs(&["HEAD"]).unwrap());
    assert_eq!(refs[0].target.as_deref(), Some(&b"refs/heads/main"[..]));
}

#[test]
fn commits_beside_the_refs_are_asked_for_where_that_is_allowed() {
    let world = World::new();
    let server = world.serve(Behaviour {
        version_0: true,
        ..Behaviour::default()
    });
    let uri = format!("{}/r.git", server.url);
    let dangling = world.git("r.git", &["commit-tree", "main^{tree}", "-m", "dangling"]);
    let dangling = dangling.trim().parse().unwrap();
    for allowed in [true, false] {
        world.git(
            "r.git",
            &[
                "config",
                "uploadpack.allowAnySHA1InWant",
                if allowed { "true" } else { "false" },
            ],
        );
        assert_eq!(run(|| open(&uri).supports_any_want().unwrap()), allowed);
        let git_dir = world.bare("new.git");
        let fetch = Fetch {
            wants: vec![dangling],
            depth: Depth::To(1),
            ..Fetch::default()
        };
        let fetched = run(|| open(&uri).fetch(&git_dir, &fetch, &world.cx()));
        assert_eq!(fetched.is_ok(), allowed, "{fetched:?}");
        std::fs::remove_dir_all(git_dir).unwrap();
    }
}

#[test]
fn a_server_that_serves_the_tips_of_hidden_refs_does_not_tell_which_commits_it_has() {
    let world = World::new();
    let server = world.serve(Behaviour {
        version_0: true,
        ..Behaviour::default()
    });
    let uri = format!("{}/r.git", server.url);
    for (name, any) in [("Tip", false), ("Reachable", true), ("Any", true)] {
        // Git reads them in this order.
        for (key, value) in [("Any", false), (name, true)] {
            let key = format!("uploadpack.allow{key}SHA1InWant");
            world.git("r.git", &["config", &key, if value { "true" } else { "false" }]);
        }
        let told = run(|| {
            let mut remote = open(&uri);
            let wanted = remote.supports_any_want().unwrap();
            (wanted, remote.serves_any_commit().unwrap())
        });
        assert_eq!(told, (true, any), "{name}");
        let key = format!("uploadpack.allow{name}SHA1InWant");
        world.git("r.git", &["config", "--unset-all", &key]);
    }
}
