use git_remote::{Error, RefOutcome, Update, Why};

use crate::scene::{Scene, both, forced, update};

#[test]
fn refs_are_created_and_moved_forward() {
    for scene in both() {
        let new = scene.new_commit();
        let updates = [
            update(new, "refs/heads/main"),
            update(new, "refs/heads/deep/er"),
            update(new, "refs/tags/t"),
            update(scene.there("topic"), "refs/heads/topic"),
        ];
        let outcomes = scene.push(&updates);
        assert_eq!(
            outcomes,
            [
                RefOutcome::FastForwarded,
                RefOutcome::Created,
                RefOutcome::Created,
                RefOutcome::UpToDate
            ]
        );
        for name in ["refs/heads/main", "refs/heads/deep/er", "refs/tags/t"] {
            assert_eq!(scene.there(name), new);
        }
    }
}

#[test]
fn what_is_up_to_date_sends_nothing() {
    let scene = Scene::new(false);
    let outcomes = scene.push(&[update(scene.there("main"), "refs/heads/main")]);
    assert_eq!(outcomes, [RefOutcome::UpToDate]);
    let lines: Vec<_> = scene.server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET /r.git/info/refs?service=git-receive-pack HTTP/1.1"]);
}

#[test]
fn every_ref_is_judged_on_its_own() {
    for scene in both() {
        let theirs = scene.overtake();
        let mine = scene.new_commit();
        let topic = scene.world.id("work", "main~15");
        let outcomes = scene.push(&[
            update(mine, "refs/heads/main"),
            update(topic, "refs/heads/topic"),
            update(mine, "refs/tags/light"),
            update(mine, "refs/heads/fine"),
        ]);
        assert_eq!(
            outcomes,
            [
                RefOutcome::RejectedHere(Why::FetchFirst),
                RefOutcome::RejectedHere(Why::NonFastForward),
                RefOutcome::RejectedHere(Why::AlreadyExists),
                RefOutcome::Created,
            ]
        );
        assert_eq!(scene.there("main"), theirs);
        assert_eq!(scene.there("fine"), mine);

        let outcomes = scene.push(&[
            forced(mine, "refs/heads/main"),
            forced(topic, "refs/heads/topic"),
            forced(mine, "refs/tags/light"),
        ]);
        assert_eq!(
            outcomes,
            [RefOutcome::Forced, RefOutcome::Forced, RefOutcome::Forced]
        );
        assert_eq!((scene.there("main"), scene.there("light")), (mine, mine));
    }
}

#[test]
fn tags_of_anything_are_pushed() {
    for scene in both() {
        let world = &scene.world;
        scene.new_commit();
        for (name, what) in [
            ("of-tree", "HEAD^{tree}"),
            ("of-blob", "HEAD:new"),
            ("of-tag", "v1"),
            ("plain", "HEAD"),
        ] {
            world.git("work", &["tag", "-a", "-m", "x", name, what]);
        }
        world.git("work", &["tag", "bare-blob", "HEAD:new"]);
        let names = ["of-tree", "of-blob", "of-tag", "plain", "bare-blob"];
        let updates: Vec<_> = names
            .iter()
            .map(|name| update(world.id("work", name), &format!("refs/tags/{name}")))
            .collect();
        assert_eq!(scene.push(&updates), [const { RefOutcome::Created }; 5]);
        assert_eq!(world.ids("r.git", &names), world.ids("work", &names));
    }
}

#[test]
fn refs_are_deleted() {
    for scene in both() {
        let gone = |name: &str| Update {
            dst: name.to_owned(),
            ..Update::default()
        };
        let outcomes = scene.push(&[gone("refs/heads/topic"), gone("refs/heads/never")]);
        assert_eq!(outcomes, [RefOutcome::Deleted, RefOutcome::UpToDate]);
        assert!(
            !scene
                .world
                .try_git("r.git", &["rev-parse", "--verify", "-q", "topic"])
                .0
        );

        scene
            .world
            .git("r.git", &["config", "receive.denyDeletes", "true"]);
        scene.push(&[update(scene.there("light"), "refs/heads/kept")]);
        let outcomes = scene.push(&[gone("refs/heads/kept"), gone("refs/tags/light")]);
        assert_eq!(
            outcomes,
            [
                RefOutcome::RejectedThere("deletion prohibited".to_owned()),
                RefOutcome::Deleted
            ]
        );
    }
}

#[test]
fn the_current_branch_is_not_deleted() {
    for scene in both() {
        let gone = Update {
            dst: "refs/heads/main".to_owned(),
            ..Update::default()
        };
        let outcomes = scene.push(&[gone]);
        assert_eq!(
            outcomes,
            [RefOutcome::RejectedThere(
                "deletion of the current branch prohibited".to_owned()
            )]
        );
    }
}

#[test]
fn a_server_may_refuse_to_lose_commits() {
    for scene in both() {
        scene
            .world
            .git("r.git", &["config", "receive.denyNonFastForwards", "true"]);
        let old = scene.world.id("work", "main~3");
        let outcomes = scene.push(&[forced(old, "refs/heads/main"), forced(old, "refs/tags/light")]);
        assert_eq!(
            outcomes,
            [
                RefOutcome::RejectedThere("non-fast-forward".to_owned()),
                RefOutcome::Forced
            ]
        );
    }
}

#[test]
fn a_hook_that_declines_is_quoted() {
    let scene = Scene::new(false);
    scene.hook(
        "pre-receive",
        "echo 'not on a Friday' >&2; printf 'really' >&2; exit 1",
    );
    let old = scene.there("main");
    let outcomes = scene.push(&[update(scene.new_commit(), "refs/heads/main")]);
    assert_eq!(
        outcomes,
        [RefOutcome::RejectedThere("pre-receive hook declined".to_owned())]
    );
    assert_eq!(scene.world.log(), "remote: not on a Friday\nremote: really\n");
    assert_eq!(scene.there("main"), old);
}

#[test]
fn a_hook_may_refuse_one_of_two() {
    let scene = Scene::new(false);
    scene.hook("update", "test $1 != refs/heads/main");
    let new = scene.new_commit();
    let outcomes = scene.push(&[update(new, "refs/heads/main"), update(new, "refs/heads/x")]);
    assert_eq!(
        outcomes,
        [
            RefOutcome::RejectedThere("hook declined".to_owned()),
            RefOutcome::Created
        ]
    );
}

#[test]
fn push_options_arrive_where_they_are_supported() {
    for scene in both() {
        let updates = [update(scene.new_commit(), "refs/heads/main")];
        let error = scene.try_push(&updates, &["ci.skip"]).unwrap_err();
        assert!(matches!(error, Error::NoPushOptions), "{error}");
    }
    let scene = Scene::new(false);
    scene
        .world
        .git("r.git", &["config", "receive.advertisePushOptions", "true"]);
    scene.hook(
        "post-receive",
        "echo \"$GIT_PUSH_OPTION_COUNT: $GIT_PUSH_OPTION_0|$GIT_PUSH_OPTION_1\" >&2",
    );
    let updates = [update(scene.new_commit(), "refs/heads/main")];
    let outcomes = scene.try_push(&updates, &["ci.skip", "a b"]).unwrap();
    assert_eq!(outcomes[0].outcome, RefOutcome::FastForwarded);
    assert_eq!(scene.world.log(), "remote: 2: ci.skip|a b\n");
}

#[test]
fn a_server_that_is_overtaken_reports_it() {
    let scene = Scene::new(false);
    // The hook moves the branch after the commands were read and before the ref is updated.
    scene.hook(
        "pre-receive",
        "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main refs/heads/topic",
    );
    let outcomes = scene.push(&[update(scene.new_commit(), "refs/heads/main")]);
    let [RefOutcome::LostRace(why)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert!(why.contains("cannot lock ref"), "{why}");
    assert_eq!(scene.there("main"), scene.there("topic"));
}

#[test]
fn small_pushes_have_a_length_and_large_ones_are_streamed() {
    for (size, chunked) in [(10, false), (5_000_000, true)] {
        let scene = Scene::new(false);
        // Incompressible, and the same each time.
        let mut state = 1_u32;
        let data: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(size)
        .collect();
        std::fs::write(scene.world.path("work/large"), &data).unwrap();
        let new = scene.new_commit();
        assert_eq!(
            scene.push(&[update(new, "refs/heads/main")]),
            [RefOutcome::FastForwarded]
        );
        assert_eq!(scene.server.seen().last().unwrap().chunked, chunked, "{size}");
        assert_eq!(scene.there("main"), new);
    }
}

#[test]
fn only_what_is_missing_there_is_sent() {
    let scene = Scene::new(false);
    let new = scene.new_commit();
    scene.push(&[update(new, "refs/heads/main")]);
    let body = scene.server.seen().pop().unwrap().body;
    let at = body.windows(4).position(|window| window == b"PACK").unwrap();
    let objects = u32::from_be_bytes(body[at + 8..at + 12].try_into().unwrap());
    assert_eq!(objects, 3);
}

#[test]
fn a_push_leaves_the_configuration_and_no_temporary_file() {
    for scene in both() {
        let config = || std::fs::read(scene.world.path("work/.git/config")).unwrap();
        let before = config();
        scene.push(&[update(scene.new_commit(), "refs/heads/main")]);
        assert_eq!(config(), before);
        let mut left: Vec<_> = std::fs::read_dir(scene.world.dir.path())
            .unwrap()
            .map(|x| x.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["r.git", "work"]);
    }
}

#[test]
fn a_shallow_history_is_pushed_where_the_rest_is_and_refused_elsewhere() {
    for scene in both() {
        let source = format!("file://{}", scene.world.path("r.git").display());
        std::fs::remove_dir_all(scene.world.path("work")).unwrap();
        scene
            .world
            .git(".", &["clone", "-q", "--depth", "2", &source, "work"]);
        let new = scene.new_commit();
        assert_eq!(
            scene.push(&[update(new, "refs/heads/main")]),
            [RefOutcome::FastForwarded]
        );
        assert_eq!(scene.world.git("r.git", &["rev-list", "--count", "main"]), "21");

        std::fs::remove_dir_all(scene.world.path("r.git")).unwrap();
        scene.world.bare("r.git");
        scene.world.git("r.git", &["config", "http.receivepack", "true"]);
        let outcomes = scene.push(&[update(new, "refs/heads/main")]);
        assert_eq!(
            outcomes,
            [RefOutcome::RejectedThere("shallow update not allowed".to_owned())]
        );
        assert!(!scene.world.path("r.git/shallow").exists());
    }
}
