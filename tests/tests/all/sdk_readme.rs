//! The SDK's README, followed word by word outside of this workspace.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use concourse_resource_sdk::testing::{Response, Server};
use serde_json::json;
use tests::build_directory;

use crate::readme::blocks;
use crate::scripts::root;

fn cargo(directory: &Path, args: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(args)
        .arg("--offline")
        .current_dir(directory)
        // What was built for another run is there still.
        .env("CARGO_TARGET_DIR", build_directory().join("outside"));
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    cargo.output().expect("cargo")
}

fn assert_succeeds(output: &Output) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
}

#[test]
fn a_new_user_gets_a_resource_with_a_test() {
    let readme = fs::read_to_string(root().join("sdk/README.md")).unwrap();
    let (toml, rust) = (blocks(&readme, "toml"), blocks(&readme, "rust"));
    let example = fs::read_to_string(root().join("sdk/examples/counter.rs")).unwrap();
    assert_eq!(rust[0], example, "the README shows the example as it is");

    let work = tempfile::tempdir().unwrap();
    let package = "[package]\nname = \"counter-resource\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    let sdk = format!("path = \"{}\"", root().join("sdk").display());
    let dependencies = toml[0]
        .replace(
            "concourse-resource-sdk = \"0.1\"",
            &format!("concourse-resource-sdk = {{ {sdk} }}"),
        )
        .replace("{ version = \"0.1\",", &format!("{{ {sdk},"));
    fs::write(work.path().join("Cargo.toml"), format!("{package}{dependencies}")).unwrap();
    fs::copy(root().join("Cargo.lock"), work.path().join("Cargo.lock")).unwrap();
    fs::create_dir(work.path().join("src")).unwrap();
    fs::write(
        work.path().join("src/main.rs"),
        format!("{}\n{}", rust[0], rust[1]),
    )
    .unwrap();
    assert_succeeds(&cargo(work.path(), &["test", "--quiet"]));
    assert_succeeds(&cargo(work.path(), &["build", "--quiet"]));

    // The commands, with a server in place of the one that is not there.
    let server = Server::start();
    server.on("GET", "/builds", Response::json(&json!({ "number": 7 })));
    let executable = build_directory().join("outside/debug/counter-resource");
    let shell = &blocks(&readme, "sh")[0];
    let mut said = Vec::new();
    for line in shell.lines().filter(|line| !line.starts_with("cargo ")) {
        let line = line
            .replace("https://counter.example.org/builds", &server.url("/builds"))
            .replace("target/debug/counter-resource", &executable.display().to_string());
        let output = Command::new("bash")
            .args(["-euc", &line])
            .env("no_proxy", "*")
            .output()
            .unwrap();
        assert_succeeds(&output);
        said.push(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(said.len(), 3);
    assert_eq!(said[0], "[{\"number\":\"7\"}]\n");
    assert!(
        said[1].contains("  token (string, secret, required)\n      Token that may read it.\n"),
        "{}",
        said[1]
    );
    assert!(
        said[2].contains("\"required\": [\n    \"url\",\n    \"token\"\n  ]"),
        "{}",
        said[2]
    );

    // What it says of a wrong pipeline.
    let wrong = "source: {token: [3], tokne: x}";
    let output = Command::new("bash")
        .args(["-c", &format!("echo '{wrong}' | {} check", executable.display())])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    for line in blocks(&readme, "text")[0].lines() {
        assert!(told.lines().any(|told| told == line), "{line} is not in:\n{told}");
    }
}
