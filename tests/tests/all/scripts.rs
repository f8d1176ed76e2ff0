//! What `make` runs for people: `tests/scripts`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The top of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A machine with some programs, on which a script is run.
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    /// One with what scripts of the shell stand on.
    fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for name in ["bash", "cat", "env", "mktemp", "rm"] {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|directory| directory.join(name))
                .find(|path| path.exists())
                .unwrap();
            symlink(found, machine.path(name)).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Adds a program, as lines of the shell.
    fn with(self, name: &str, lines: &str) -> Self {
        let path = self.path(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn install(&self, target: &str) -> Output {
        // The script looks for servers where an administrator's PATH has them: not on this machine.
        let script = fs::read_to_string(root().join("tests/scripts/install")).unwrap();
        let here = self.path("install");
        fs::write(&here, script.replace("PATH=$PATH:/usr/sbin:/sbin", "")).unwrap();
        Command::new(self.path("bash"))
            .arg(here)
            .arg(target)
            .env_clear()
            .env("PATH", self.directory.path())
            .env("TMPDIR", self.directory.path())
            .output()
            .unwrap()
    }

    /// What the programs of [`with`](Self::with) noted.
    fn noted(&self) -> String {
        fs::read_to_string(self.path("noted")).unwrap_or_default()
    }
}

/// Lines of a program that notes how it was called.
const NOTES: &str = r#"echo "${0##*/} $*" >>"${0%/*}/noted""#;

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn without_root_and_sudo_all_that_is_missing_is_named_in_one_message() {
    let machine = Machine::new()
        .with("id", "echo 1000")
        .with("cargo", "[ \"$1\" != clippy ]")
        .with("apt-get", NOTES);
    let output = machine.install("test");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    for name in [
        "clippy (rustup component add clippy)",
        "gcc",
        "nginx-light|nginx",
        "umoci",
        "(neither root nor sudo to install them with)",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(machine.noted(), "");
}

#[test]
fn without_rust_it_says_which() {
    let machine = Machine::new().with("id", "echo 0").with("apt-get", NOTES);
    let output = machine.install("build");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "install: missing: Rust 1.90 or newer (with rustup)\n"
    );
}

#[test]
fn without_root_sudo_installs() {
    let machine = Machine::new()
        .with("id", "echo 1000")
        .with("cargo", ":")
        .with("git", ":")
        .with("cc", ":")
        .with("make", ":")
        .with("sudo", &format!("{NOTES}\n\"$@\""))
        .with("apt-cache", ":")
        .with("apt-get", ":");
    let output = machine.install("demo");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        machine.noted(),
        "sudo apt-get install --yes --no-install-recommends jq\n"
    );
}

#[test]
fn of_two_names_of_a_package_the_known_one_is_installed() {
    let machine = Machine::new()
        .with("id", "echo 0")
        .with("cargo", ":")
        .with("apt-cache", "[ \"$2\" != nginx-light ]")
        .with("apt-get", NOTES);
    let output = machine.install("test");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        machine.noted().contains(" nginx fcgiwrap "),
        "{}",
        machine.noted()
    );
}

/// Where the executables are is cargo's affair.
#[test]
fn an_image_is_made_of_what_cargo_built_wherever_that_is() {
    let project = tempfile::tempdir().unwrap();
    for name in ["images", "Cargo.toml"] {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(root().join(name))
            .arg(project.path())
            .status()
            .unwrap();
        assert!(copied.success());
    }
    let cargo = r#"[ "$1" = build ] || exit 1
mkdir -p "$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release"
echo built >"$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release/slack-resource""#;
    // What would go into the image is kept, and an archive is there in the end.
    let buildah = r#"case " $* " in
*" bud "*) cat "${!#}/rootfs/opt/resource/slack-resource" >>"${0%/*}/noted" ;;
*" push "*) archive=${!##oci-archive:}; echo x >"${archive%:latest}" ;;
esac"#;
    let machine = Machine::new().with("cargo", cargo).with("buildah", buildah);
    let path = std::env::join_paths(
        [machine.directory.path().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = Command::new(project.path().join("images/build"))
        .arg("slack")
        .env("PATH", path.unwrap())
        .env("CARGO_TARGET_DIR", project.path().join("elsewhere"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(machine.noted(), "built\n");
}

#[test]
fn the_demo_says_what_it_does_and_shows_every_resource() {
    let output = Command::new(root().join("tests/scripts/demo"))
        .current_dir(root())
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{shown}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        shown.starts_with("Building the resource types (from nothing some "),
        "{shown}"
    );
    for said in [
        "check: which versions",
        "pool-lock: build 12",
        "slack: tell people",
        "grafana-annotation: a",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}
