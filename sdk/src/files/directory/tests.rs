use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

/// A directory `inside`, beside something that must not change.
struct Scene {
    top: TempDir,
    directory: Directory,
}

impl Scene {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        for name in ["inside", "outside"] {
            fs::create_dir(top.path().join(name)).unwrap();
        }
        let directory = Directory::open(&top.path().join("inside")).unwrap();
        Self { top, directory }
    }

    fn inside(&self, path: &str) -> std::path::PathBuf {
        self.top.path().join("inside").join(path)
    }

    fn leaves_the_outside_alone(&self) {
        let outside = self.top.path().join("outside");
        assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    }
}

fn path(text: &str) -> RelativePath {
    RelativePath::new(text).unwrap()
}

#[test]
fn files_and_their_directories_are_made() {
    let mut scene = Scene::new();
    for name in ["a/b/c", "a/b/d", "e", "a/f"] {
        let mut file = scene.directory.create(&path(name), 0o755).unwrap();
        file.write_all(name.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(scene.inside(name)).unwrap(), name);
    }
    let mode = fs::metadata(scene.inside("e")).unwrap().permissions().mode();
    assert_eq!(mode & 0o700, 0o700);
    let found = scene.directory.find(&path("a/b/c")).unwrap().unwrap();
    assert_eq!((found.kind, found.size), (Kind::File, 5));
    let mut text = String::new();
    scene
        .directory
        .read(&path("a/f"))
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "a/f");
}

#[test]
fn what_is_there_is_not_overwritten() {
    let mut scene = Scene::new();
    scene.directory.create(&path("a"), 0o644).unwrap();
    let error = scene.directory.create(&path("a"), 0o644).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    let error = scene.directory.create_link(&path("a"), b"x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn links_are_not_followed() {
    let mut scene = Scene::new();
    symlink("../outside", scene.inside("link")).unwrap();
    symlink("../outside/file", scene.inside("file")).unwrap();
    let error = scene.directory.create(&path("link/x"), 0o644).unwrap_err();
    assert_eq!(error.to_string(), "\"link\" on the way to it is no directory");
    assert!(scene.directory.create(&path("link/x/y"), 0o644).is_err());
    assert!(scene.directory.create(&path("file"), 0o644).is_err());
    assert!(scene.directory.create_directory(&path("link/x")).is_err());
    assert!(scene.directory.read(&path("file")).is_err());
    assert_eq!(scene.directory.find(&path("link/x")).unwrap(), None);
    assert_eq!(
        scene.directory.find(&path("link")).unwrap().unwrap().kind,
        Kind::Link
    );
    assert_eq!(scene.directory.read_link(&path("link")).unwrap(), b"../outside");
    scene.leaves_the_outside_alone();
}

#[test]
fn removing_removes_links_and_not_what_they_lead_to() {
    let mut scene = Scene::new();
    let kept = scene.top.path().join("kept");
    fs::write(&kept, "kept").unwrap();
    scene.directory.create(&path("a/b/c/d"), 0o644).unwrap();
    symlink(scene.top.path(), scene.inside("a/b/link")).unwrap();
    scene.directory.remove_all(&path("a")).unwrap();
    assert!(!scene.inside("a").exists());
    assert_eq!(fs::read_to_string(kept).unwrap(), "kept");
    // The handle of the directory that is gone is not used again.
    scene.directory.create(&path("a/b/c/d"), 0o644).unwrap();
    scene.directory.remove_all(&path("nothing")).unwrap();
}

#[test]
fn a_path_may_be_longer_than_the_kernel_takes_at_once() {
    let mut scene = Scene::new();
    let deep = vec!["directory"; 600].join("/");
    scene
        .directory
        .create(&path(&format!("{deep}/file")), 0o644)
        .unwrap();
    assert_eq!(
        scene
            .directory
            .find(&path(&format!("{deep}/file")))
            .unwrap()
            .unwrap()
            .kind,
        Kind::File
    );
    scene.directory.remove_all(&path("directory")).unwrap();
    assert!(!scene.inside("directory").exists());
}

#[test]
fn a_file_gets_another_name_and_takes_the_place_of_what_had_it() {
    let mut scene = Scene::new();
    for (name, content) in [("a", "new"), ("b", "old")] {
        let mut file = scene.directory.create(&path(name), 0o644).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }
    scene.directory.rename(&path("a"), &path("b")).unwrap();
    scene.directory.rename(&path("b"), &path("deep/c")).unwrap();
    assert_eq!(fs::read_to_string(scene.inside("deep/c")).unwrap(), "new");
    assert!(!scene.inside("a").exists() && !scene.inside("b").exists());
    symlink("../outside", scene.inside("out")).unwrap();
    assert!(scene.directory.rename(&path("deep/c"), &path("out/c")).is_err());
    scene.leaves_the_outside_alone();
}
