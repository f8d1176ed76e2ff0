//! Pushes of which all lands or nothing, and lost races in the words of other servers.

use git_remote::{RefOutcome, Update, Why};

use crate::scene::{Scene, both, update};
use crate::server::Behaviour;

/// Moves `main` of the server after the commands were read and before it is updated.
const OVERTAKE: &str = "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main refs/heads/topic";

#[test]
fn what_the_server_has_decides_before_anything_is_sent() {
    for scene in both() {
        let main = scene.there("main");
        let new = scene.new_commit();
        let updates = [
            update(new, "refs/heads/main"),
            update(new, "refs/tags/light"),
            update(new, "refs/tags/new"),
        ];
        assert_eq!(
            scene.push_together(&updates),
            [
                RefOutcome::Withheld,
                RefOutcome::RejectedHere(Why::AlreadyExists),
                RefOutcome::Withheld
            ]
        );
        assert_eq!(scene.there("main"), main);
        let yielding = Update {
            yields: true,
            ..update(new, "refs/tags/light")
        };
        assert_eq!(
            scene.push_together(&[updates[0].clone(), yielding, updates[2].clone()]),
            [
                RefOutcome::FastForwarded,
                RefOutcome::LeftAlone,
                RefOutcome::Created
            ]
        );
        assert_eq!((scene.there("main"), scene.there("new")), (new, new));
        assert_ne!(scene.there("light"), new);
    }
}

#[test]
fn a_server_that_can_refuses_all() {
    let scene = Scene::new(false);
    scene.hook("update", "test $1 != refs/tags/new");
    let main = scene.there("main");
    let new = scene.new_commit();
    let outcomes = scene.push_together(&[update(new, "refs/heads/main"), update(new, "refs/tags/new")]);
    assert_eq!(
        outcomes,
        [
            RefOutcome::Withheld,
            RefOutcome::RejectedThere("hook declined".to_owned())
        ]
    );
    assert_eq!(scene.there("main"), main);
}

#[test]
fn without_atomic_the_branch_goes_first() {
    let scene = Scene::new(false);
    scene
        .world
        .git("r.git", &["config", "receive.advertiseAtomic", "false"]);
    scene.hook("update", "test $1 != refs/tags/new");
    let new = scene.new_commit();
    let updates = [update(new, "refs/heads/main"), update(new, "refs/tags/new")];
    assert_eq!(
        scene.push_together(&updates),
        [
            RefOutcome::FastForwarded,
            RefOutcome::RejectedThere("hook declined".to_owned())
        ]
    );
    assert_eq!(scene.there("main"), new);
    scene.hook("update", "test $1 != refs/heads/main");
    let newer = scene.world.commit("work", "newer", "newer\n");
    let updates = [update(newer, "refs/heads/main"), update(newer, "refs/tags/other")];
    assert_eq!(
        scene.push_together(&updates),
        [
            RefOutcome::RejectedThere("hook declined".to_owned()),
            RefOutcome::Withheld
        ]
    );
    assert!(
        !scene
            .world
            .try_git("r.git", &["rev-parse", "--verify", "-q", "other"])
            .0
    );
}

#[test]
fn a_lost_race_lands_nothing_and_is_told_as_one() {
    for atomic in ["true", "false"] {
        let scene = Scene::new(false);
        scene
            .world
            .git("r.git", &["config", "receive.advertiseAtomic", atomic]);
        scene.hook("pre-receive", OVERTAKE);
        let new = scene.new_commit();
        let outcomes = scene.push_together(&[update(new, "refs/heads/main"), update(new, "refs/tags/new")]);
        assert!(
            matches!(
                outcomes.as_slice(),
                [RefOutcome::LostRace(_), RefOutcome::Withheld]
            ),
            "{atomic}: {outcomes:?}"
        );
        assert!(
            !scene
                .world
                .try_git("r.git", &["rev-parse", "--verify", "-q", "new"])
                .0
        );
    }
}

/// Found in an attack: with git 2.51 and later on the server, lost races were not told from other refusals.
#[test]
fn a_lost_race_is_one_in_the_words_of_any_server() {
    for words in [
        "incorrect old value provided",
        "failed to update ref",
        "failed to lock",
        "something new",
    ] {
        for atomic in ["true", "false"] {
            let behaviour = Behaviour {
                words: Some(("failed to update ref", words)),
                ..Behaviour::default()
            };
            let scene = Scene::with(false, behaviour);
            scene
                .world
                .git("r.git", &["config", "receive.advertiseAtomic", atomic]);
            scene.hook("pre-receive", OVERTAKE);
            let new = scene.new_commit();
            let outcomes = scene.push_together(&[update(new, "refs/heads/main")]);
            assert_eq!(outcomes, [RefOutcome::LostRace(words.to_owned())]);
        }
    }
}

/// Found in a review: a branch whose name has a word of a refusal in it never lost a race.
#[test]
fn the_name_of_a_branch_is_no_reason() {
    let scene = Scene::with(false, Behaviour::default());
    let overtake = "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/protected/x refs/heads/topic";
    scene
        .world
        .git("r.git", &["update-ref", "refs/heads/protected/x", "main"]);
    scene.hook("pre-receive", overtake);
    let outcomes = scene.push_together(&[update(scene.new_commit(), "refs/heads/protected/x")]);
    assert!(
        matches!(outcomes.as_slice(), [RefOutcome::LostRace(_)]),
        "{outcomes:?}"
    );
}

/// Found in a review: a push of which the server refused all, and named none that is at fault, was a success.
#[test]
fn a_refusal_of_all_for_the_sake_of_none_is_a_refusal_of_each() {
    let words = "atomic push failure";
    let scene = Scene::with(
        false,
        Behaviour {
            words: Some(("pre-receive hook declined", words)),
            ..Behaviour::default()
        },
    );
    scene.hook("pre-receive", "exit 1");
    let new = scene.new_commit();
    let outcomes = scene.push_together(&[update(new, "refs/heads/main"), update(new, "refs/tags/new")]);
    let refused = || RefOutcome::RejectedThere(words.to_owned());
    assert_eq!(outcomes, [refused(), refused()]);
}

/// The same words, and nobody moved the ref.
#[test]
fn a_refusal_without_a_race_is_a_refusal() {
    for (words, expected) in [
        (
            "something new",
            RefOutcome::RejectedThere("something new".to_owned()),
        ),
        (
            "failed to update ref",
            RefOutcome::RejectedThere("failed to update ref".to_owned()),
        ),
        (
            "pre-receive hook declined",
            RefOutcome::RejectedThere("pre-receive hook declined".to_owned()),
        ),
    ] {
        let behaviour = Behaviour {
            words: Some(("pre-receive hook declined", words)),
            ..Behaviour::default()
        };
        let scene = Scene::with(false, behaviour);
        scene.hook("pre-receive", "exit 1");
        let outcomes = scene.push_together(&[update(scene.new_commit(), "refs/heads/main")]);
        assert_eq!(outcomes, [expected]);
    }
}
