//! A disk that fills up at any step of a get.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use tests::{GitRepo, executable};

use crate::support::{Served, source};

/// Runs a get onto a disk of so many kilobytes; answers its status, its log, and the files it left.
fn get_onto(served: &Served, kilobytes: usize) -> (String, String, String) {
    let directory = TempDir::new().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    let request = json!({ "source": source(&served.server, "r.git") });
    std::fs::write(file("request"), request.to_string()).expect("a file");
    std::os::unix::fs::symlink(executable("git"), file("in")).expect("a link");
    let script = format!(
        "mkdir small && mount -t tmpfs -o size={kilobytes}k tmpfs small && \
         ./in small/repo < request > answer; echo $? > status; \
         find small -name HEAD -path '*/.git/HEAD' > left; umount small"
    );
    let done = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("NO_COLOR", "1")
        .env("SSL_CERT_FILE", served.server.ca())
        .output()
        .expect("unshare");
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
    if read("status") != "0\n" {
        assert_eq!(read("answer"), "", "{stderr}");
    }
    (read("status"), stderr, read("left"))
}

#[test]
fn a_disk_that_fills_up_at_any_step_of_a_get_is_told() {
    let mut repo = GitRepo::new();
    // Small to fetch, large to check out.
    let zeros = "0".repeat(400_000);
    repo.commit(
        "c0",
        "zeros",
        &[("a/zeros", &zeros), ("b/zeros", &zeros), ("c", &zeros)],
    );
    let served = Served::new(repo);
    let mut steps = Vec::new();
    for kilobytes in [4, 16, 32, 48, 64, 72, 80, 200, 600, 1200, 4096] {
        let (status, stderr, left) = get_onto(&served, kilobytes);
        if status == "0\n" {
            steps.push("done".to_owned());
            continue;
        }
        assert_eq!(status, "128\n", "{kilobytes}: {stderr}");
        assert!(
            stderr.contains("No space left on device"),
            "{kilobytes}: {stderr}"
        );
        assert!(
            stderr.contains("  hint: the disk is full: free some space on the worker"),
            "{kilobytes}: {stderr}"
        );
        assert!(!stderr.contains("panicked"), "{kilobytes}: {stderr}");
        let first = stderr
            .lines()
            .find(|line| line.starts_with("failed to "))
            .unwrap_or_default();
        steps.push(format!("{first} {left}"));
    }
    assert_eq!(steps.last().map(String::as_str), Some("done"), "{steps:#?}");
    assert!(
        steps
            .iter()
            .any(|step| step.starts_with("failed to write a/zeros")),
        "{steps:#?}"
    );
}
