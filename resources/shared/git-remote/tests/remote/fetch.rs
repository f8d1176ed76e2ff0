use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git_remote::{Depth, Error, Fetch, FetchOutcome, Fetched, Filter, Oid, Options, Remote, Uri};

use crate::server::{Behaviour, Server};
use crate::world::{World, fetched, open, options, run, want, write_shallow};

/// A new bare repository beside a served one.
struct Scene {
    world: World,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        Self::with(Behaviour::default())
    }

    fn with(behaviour: Behaviour) -> Self {
        let world = World::new();
        world.bare("new.git");
        let server = world.serve(behaviour);
        Self { world, server }
    }

    fn uri(&self) -> String {
        format!("{}/r.git", self.server.url)
    }

    fn try_fetch(&self, fetch: &Fetch) -> Result<FetchOutcome, Error> {
        let (cx, git_dir) = (self.world.cx(), self.world.path("new.git"));
        run(|| open(&self.uri()).fetch(&git_dir, fetch, &cx))
    }

    fn fetch(&self, fetch: &Fetch) -> Fetched {
        fetched(self.try_fetch(fetch).unwrap())
    }

    /// Checks, as git sees it, that `tip` and all it needs up to the cuts is there.
    fn assert_whole(&self, tip: Oid, commits: usize) {
        self.world
            .git("new.git", &["update-ref", "refs/heads/main", &tip.to_string()]);
        self.world.git("new.git", &["fsck", "--full", "--strict"]);
        let count = self.world.git("new.git", &["rev-list", "--count", "main"]);
        assert_eq!(count, commits.to_string());
    }

    fn packs(&self) -> Vec<String> {
        let directory = self.world.path("new.git/objects/pack");
        std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn tip(&self) -> Oid {
        self.world.id("r.git", "main")
    }
}

fn both() -> [(&'static str, Scene); 2] {
    [
        ("version 2", Scene::new()),
        (
            "version 0",
            Scene::with(Behaviour {
                version_0: true,
                ..Behaviour::default()
            }),
        ),
    ]
}

#[test]
fn a_whole_branch_arrives() {
    for (way, scene) in both() {
        let pack = scene.fetch(&want(vec![scene.tip()])).pack.unwrap();
        assert_eq!(pack.objects, 60, "{way}");
        assert!(
            pack.contains(scene.tip()) && !pack.contains(Oid::ZERO_SHA1),
            "{way}"
        );
        scene.assert_whole(scene.tip(), 20);
        let mut kinds: Vec<_> = scene
            .packs()
            .iter()
            .map(|name| name.rsplit('.').next().unwrap().to_owned())
            .collect();
        kinds.sort();
        assert_eq!(kinds, ["idx", "pack"], "{way}");
    }
}

#[test]
fn fetching_after_listing_needs_no_second_handshake() {
    let scene = Scene::new();
    let (cx, git_dir) = (scene.world.cx(), scene.world.path("new.git"));
    run(|| {
        let mut remote = open(&scene.uri());
        let id = remote.refs(&["refs/heads/main"]).unwrap()[0].id;
        remote.fetch(&git_dir, &want(vec![id]), &cx).unwrap();
    });
    let lines: Vec<_> = scene.server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn only_what_is_new_is_sent() {
    for (way, scene) in both() {
        let old = scene.world.id("r.git", "main~4");
        scene.fetch(&want(vec![old]));
        let fetch = Fetch {
            haves: vec![old],
            ..want(vec![scene.tip()])
        };
        let pack = scene.fetch(&fetch).pack.unwrap();
        assert_eq!(pack.objects, 12, "{way}");
        scene.assert_whole(scene.tip(), 20);
        let again = scene.fetch(&Fetch {
            haves: vec![scene.tip()],
            ..fetch
        });
        assert!(again.pack.is_none(), "{way}: {again:?}");
    }
}

#[test]
fn many_haves_that_are_unknown_there_do_no_harm() {
    for (way, scene) in both() {
        let old = scene.world.id("r.git", "main~4");
        scene.fetch(&want(vec![old]));
        let mut haves: Vec<Oid> = (0..3000)
            .map(|number| format!("{number:040x}").parse().unwrap())
            .collect();
        haves[0] = old;
        let pack = scene
            .fetch(&Fetch {
                haves,
                ..want(vec![scene.tip()])
            })
            .pack
            .unwrap();
        assert_eq!(pack.objects, 12, "{way}");
    }
}

#[test]
fn filters_leave_out_files_and_directories() {
    for (way, scene) in both() {
        for (filter, objects) in [(Filter::BlobNone, 40), (Filter::TreeZero, 20)] {
            let pack = scene
                .fetch(&Fetch {
                    filter,
                    ..want(vec![scene.tip()])
                })
                .pack
                .unwrap();
            assert_eq!(pack.objects, objects, "{way} {filter:?}");
        }
    }
}

#[test]
fn a_server_without_filters_sends_all() {
    let scene = Scene::new();
    scene
        .world
        .git("r.git", &["config", "uploadpack.allowFilter", "false"]);
    assert!(!run(|| open(&scene.uri()).supports_filter().unwrap()));
    let pack = scene
        .fetch(&Fetch {
            filter: Filter::TreeZero,
            ..want(vec![scene.tip()])
        })
        .pack
        .unwrap();
    assert_eq!(pack.objects, 60);
}

#[test]
fn history_is_cut_deepened_and_made_whole() {
    for (way, scene) in both() {
        let git_dir = scene.world.path("new.git");
        let tip = scene.tip();
        let mut shallow = Vec::new();
        for (depth, commits) in [(1, 1), (3, 3), (7, 7)] {
            let before = shallow.clone();
            let haves = if before.is_empty() { Vec::new() } else { vec![tip] };
            let deeper = Fetch {
                depth: Depth::To(depth),
                shallow: before.clone(),
                haves,
                ..want(vec![tip])
            };
            let got = scene.fetch(&deeper);
            assert_eq!(
                got.new_shallow,
                [scene.world.id("r.git", &format!("main~{}", depth - 1))],
                "{way} {depth}"
            );
            assert_eq!(got.unshallow, before, "{way} {depth}");
            shallow.clone_from(&got.new_shallow);
            write_shallow(&git_dir, &shallow);
            scene.assert_whole(tip, commits);
        }
        let rest = Fetch {
            depth: Depth::Unlimited,
            shallow: shallow.clone(),
            haves: vec![tip],
            ..want(vec![tip])
        };
        let got = scene.fetch(&rest);
        assert_eq!((got.new_shallow, got.unshallow), (Vec::new(), shallow), "{way}");
        std::fs::remove_file(git_dir.join("shallow")).unwrap();
        scene.assert_whole(tip, 20);
    }
}

#[test]
fn a_shallow_server_says_where_its_history_ends() {
    for (way, scene) in both() {
        let source = format!("file://{}", scene.world.path("r.git").display());
        std::fs::remove_dir_all(scene.world.path("work")).unwrap();
        scene
            .world
            .git(".", &["clone", "-q", "--bare", "--depth", "4", &source, "s.git"]);
        std::fs::rename(scene.world.path("r.git"), scene.world.path("full.git")).unwrap();
        std::fs::rename(scene.world.path("s.git"), scene.world.path("r.git")).unwrap();
        let got = scene.fetch(&want(vec![scene.tip()]));
        assert_eq!(got.new_shallow, [scene.world.id("full.git", "main~3")], "{way}");
        write_shallow(&scene.world.path("new.git"), &got.new_shallow);
        scene.assert_whole(scene.tip(), 4);
    }
}

#[test]
fn probing_takes_nothing_when_there_is_nothing_in_common() {
    let scene = Scene::new();
    let stranger = scene.world.id("work", "HEAD^{tree}");
    let unknown: Oid = "12".repeat(20).parse().unwrap();
    let probe = |haves: Vec<Oid>| Fetch {
        haves,
        need_common: true,
        ..want(vec![scene.tip()])
    };
    for haves in [
        vec![unknown],
        vec![unknown, "ab".repeat(20).parse().unwrap()],
        Vec::new(),
    ] {
        assert!(matches!(
            scene.try_fetch(&probe(haves)).unwrap(),
            FetchOutcome::NothingInCommon
        ));
    }
    assert_eq!(scene.packs(), Vec::<String>::new());
    let known = scene.world.id("r.git", "main~2");
    let pack = scene.fetch(&probe(vec![unknown, known])).pack.unwrap();
    assert_eq!(pack.objects, 6);
    // A branch beside: known, and not an ancestor.
    let world = &scene.world;
    world.git("work", &["checkout", "-q", "topic"]);
    let aside = world.commit("work", "aside", "x");
    world.git("work", &["push", "-q", "origin", "topic"]);
    let pack = scene.fetch(&probe(vec![aside])).pack.unwrap();
    assert_eq!(pack.objects, 30);
    assert_ne!(stranger, unknown);
}

#[test]
fn probing_needs_version_2() {
    let scene = Scene::with(Behaviour {
        version_0: true,
        ..Behaviour::default()
    });
    assert!(!run(|| open(&scene.uri()).supports_probing().unwrap()));
    let fetch = Fetch {
        haves: vec![scene.tip()],
        need_common: true,
        ..want(vec![scene.tip()])
    };
    assert!(scene.try_fetch(&fetch).is_err());
}

#[test]
fn an_object_that_is_not_there_is_not_our_ref() {
    for (way, scene) in both() {
        let gone = "12".repeat(20);
        let error = scene.try_fetch(&want(vec![gone.parse().unwrap()])).unwrap_err();
        let Error::NotOurRef { message } = error else {
            panic!("{way}: {error}")
        };
        assert!(message.contains(&gone), "{way}: {message}");
        assert_eq!(scene.packs(), Vec::<String>::new());
    }
}

#[test]
fn tags_come_along_when_asked_for() {
    for (way, scene) in both() {
        let tag = scene.world.id("r.git", "v1");
        for include_tags in [false, true] {
            let pack = scene
                .fetch(&Fetch {
                    include_tags,
                    ..want(vec![scene.tip()])
                })
                .pack
                .unwrap();
            assert_eq!(pack.contains(tag), include_tags, "{way}");
        }
    }
}

#[test]
fn a_broken_pack_leaves_nothing() {
    for truncate in [0, 30, 700, 2500] {
        let scene = Scene::with(Behaviour {
            truncate: Some(truncate),
            ..Behaviour::default()
        });
        let error = scene.try_fetch(&want(vec![scene.tip()])).unwrap_err();
        assert!(matches!(error, Error::Broken(_)), "{truncate}: {error}");
        assert_eq!(scene.packs(), Vec::<String>::new(), "{truncate}");
    }
}

#[test]
fn an_interrupt_stops_before_anything_is_sent() {
    let scene = Scene::new();
    let interrupt = Arc::new(AtomicBool::new(false));
    let (cx, git_dir) = (scene.world.cx(), scene.world.path("new.git"));
    run(|| {
        let given = Options {
            interrupt: Arc::clone(&interrupt),
            ..options(None)
        };
        let mut remote = Remote::open(&Uri::new(scene.uri()), given).unwrap();
        remote.refs(&["HEAD"]).unwrap();
        scene.server.seen();
        interrupt.store(true, Ordering::Relaxed);
        let error = remote.fetch(&git_dir, &want(vec![scene.tip()]), &cx).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
    });
    assert_eq!(scene.server.seen(), []);
}

#[test]
fn nothing_wanted_is_nothing_fetched() {
    let scene = Scene::new();
    assert!(scene.fetch(&Fetch::default()).pack.is_none());
    assert_eq!(scene.server.seen(), []);
}
