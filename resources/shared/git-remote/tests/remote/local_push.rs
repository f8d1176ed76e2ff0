use git_remote::{Error, Push, RefOutcome};

use crate::scene::{Scene, forced, update};
use crate::world::{World, open, repository, run};

#[test]
fn a_local_repository_with_hooks_is_refused_untouched() {
    for hook in [
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "reference-transaction",
        "proc-receive",
    ] {
        let scene = Scene::new(true);
        scene.hook(hook, "exit 0");
        let (old, objects) = (scene.there("main"), scene.world.objects("r.git"));
        let error = scene
            .try_push(&[update(scene.new_commit(), "refs/heads/main")], &[])
            .unwrap_err();
        assert!(
            matches!(error, Error::Hooks { hook: found, .. } if found == hook),
            "{error}"
        );
        assert_eq!(
            (scene.there("main"), scene.world.objects("r.git")),
            (old, objects)
        );
    }
}

#[test]
fn a_branch_that_is_checked_out_is_left_alone() {
    let checked_out = "branch is currently checked out";
    for (setting, wanted) in [
        ("", Some(checked_out)),
        ("refuse", Some(checked_out)),
        ("true", Some(checked_out)),
        (
            "updateInstead",
            Some("receive.denyCurrentBranch=updateInstead is not supported for local repositories"),
        ),
        ("ignore", None),
        ("warn", None),
        ("false", None),
    ] {
        let world = World::new();
        world.git(".", &["clone", "-q", "r.git", "target"]);
        if !setting.is_empty() {
            world.git("target", &["config", "receive.denyCurrentBranch", setting]);
        }
        let new = world.commit("work", "new", "new\n");
        let (cx, uri) = (world.cx(), world.path("target").display().to_string());
        let updates = [update(new, "refs/heads/main"), update(new, "refs/heads/other")];
        let pushed =
            run(|| open(&uri).push(&repository(&world.path("work")), &Push::new(&updates), &cx)).unwrap();
        let wanted = wanted.map_or(RefOutcome::FastForwarded, |why| {
            RefOutcome::RejectedThere(why.to_owned())
        });
        assert_eq!(pushed[0].outcome, wanted, "{setting}");
        assert_eq!(pushed[1].outcome, RefOutcome::Created, "{setting}");
    }
}

#[test]
fn a_branch_in_a_linked_worktree_is_left_alone() {
    let scene = Scene::new(true);
    scene
        .world
        .git("r.git", &["worktree", "add", "-q", "../tree", "topic"]);
    let outcomes = scene.push(&[forced(scene.new_commit(), "refs/heads/topic")]);
    assert_eq!(
        outcomes,
        [RefOutcome::RejectedThere(
            "branch is currently checked out".to_owned()
        )]
    );
}

#[test]
fn a_name_in_the_way_is_no_lost_race() {
    let scene = Scene::new(true);
    let outcomes = scene.push(&[update(scene.new_commit(), "refs/heads/main/x")]);
    let [RefOutcome::RejectedThere(why)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert!(why.starts_with("failed to update ref"), "{why}");
}

#[test]
fn a_local_push_is_in_the_reflog() {
    let scene = Scene::new(true);
    scene
        .world
        .git("r.git", &["config", "core.logAllRefUpdates", "always"]);
    scene.push(&[update(scene.new_commit(), "refs/heads/main")]);
    assert!(scene.world.git("r.git", &["reflog", "main"]).ends_with(": push"));
}
