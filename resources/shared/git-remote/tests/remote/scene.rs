//! Something to push, and somewhere to push it.

use std::os::unix::fs::PermissionsExt as _;

use git_remote::{Error, Oid, Push, Pushed, RefOutcome, Update};

use crate::server::{Behaviour, Server};
use crate::world::{World, open, repository, run};

/// `work` with a new commit, and two ways to the repository that it is pushed to.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) server: Server,
    near: bool,
}

impl Scene {
    pub(crate) fn new(near: bool) -> Self {
        Self::with(near, Behaviour::default())
    }

    pub(crate) fn with(near: bool, behaviour: Behaviour) -> Self {
        let world = World::new();
        let server = world.serve(behaviour);
        Self { world, server, near }
    }

    /// Pushes all updates or none.
    pub(crate) fn push_together(&self, updates: &[Update]) -> Vec<RefOutcome> {
        let push = Push {
            together: true,
            ..Push::new(updates)
        };
        let cx = self.world.cx();
        let pushed =
            run(|| open(&self.uri()).push(&repository(&self.world.path("work")), &push, &cx)).unwrap();
        pushed.into_iter().map(|pushed| pushed.outcome).collect()
    }

    pub(crate) fn uri(&self) -> String {
        let path = self.world.path("r.git");
        if self.near {
            path.display().to_string()
        } else {
            format!("{}/r.git", self.server.url)
        }
    }

    pub(crate) fn try_push(&self, updates: &[Update], options: &[&str]) -> Result<Vec<Pushed>, Error> {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let cx = self.world.cx();
        let push = Push {
            options: &options,
            ..Push::new(updates)
        };
        run(|| open(&self.uri()).push(&repository(&self.world.path("work")), &push, &cx))
    }

    pub(crate) fn push(&self, updates: &[Update]) -> Vec<RefOutcome> {
        let pushed = self.try_push(updates, &[]).unwrap();
        let names: Vec<&str> = pushed.iter().map(|pushed| pushed.name.as_str()).collect();
        assert_eq!(
            names,
            updates
                .iter()
                .map(|update| update.dst.as_str())
                .collect::<Vec<_>>()
        );
        self.world.git("r.git", &["fsck", "--full", "--strict"]);
        pushed.into_iter().map(|pushed| pushed.outcome).collect()
    }

    pub(crate) fn new_commit(&self) -> Oid {
        self.world.commit("work", "new", "new\n")
    }

    /// Somebody else pushes to `main`.
    pub(crate) fn overtake(&self) -> Oid {
        let world = &self.world;
        if !world.path("other").exists() {
            world.git(".", &["clone", "-q", "r.git", "other"]);
        }
        let id = world.commit("other", "theirs", "theirs\n");
        world.git("other", &["push", "-q", "origin", "main"]);
        id
    }

    pub(crate) fn there(&self, name: &str) -> Oid {
        self.world.id("r.git", name)
    }

    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.world.path("r.git/hooks").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub(crate) fn both() -> [Scene; 2] {
    [Scene::new(false), Scene::new(true)]
}

pub(crate) fn update(src: Oid, dst: &str) -> Update {
    Update {
        src: Some(src),
        dst: dst.to_owned(),
        ..Update::default()
    }
}

pub(crate) fn forced(src: Oid, dst: &str) -> Update {
    Update {
        force: true,
        ..update(src, dst)
    }
}
