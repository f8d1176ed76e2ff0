//! The READMEs: what they show is what is there.

use std::fs;

use serde_json::{Value, json};
use tests::GitRepo;

use crate::scripts::root;
use crate::support::{Served, check};

const READMES: [&str; 5] = [
    "README.md",
    "resources/git/README.md",
    "resources/pool-lock/README.md",
    "resources/slack/README.md",
    "resources/grafana-annotation/README.md",
];

/// The fenced blocks of a language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}");
    let mut found = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        block = match block {
            None if line.starts_with("```") => Some((line == start, String::new())),
            None => None,
            Some((is_ours, text)) if line == "```" => {
                found.extend(Some(text).filter(|_| is_ours));
                None
            }
            Some((is_ours, text)) => Some((is_ours, text + line + "\n")),
        };
    }
    found
}

/// The fields of a part of a resource, by its committed schema.
fn fields(resource: &str, part: &str) -> Vec<String> {
    let path = root().join(format!("resources/{resource}/schema/{part}.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    schema["properties"]
        .as_object()
        .map(|all| all.keys().cloned().collect())
        .unwrap_or_default()
}

fn assert_known(resource: &str, part: &str, given: &Value, place: &str) {
    let known = fields(resource, part);
    for key in given.as_object().into_iter().flat_map(serde_json::Map::keys) {
        assert!(
            known.contains(key),
            "{place}: {part} of {resource} has no field {key}"
        );
    }
}

/// The resource that a block of YAML is about: by the image of its resource types, else that of the README.
fn resource_of(document: &Value, own: &str) -> String {
    let image = document["resource_types"][0]["source"]["repository"]
        .as_str()
        .unwrap_or_default();
    let name = image
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .strip_suffix("-resource");
    name.unwrap_or(own).to_owned()
}

/// Every step, however deep, is a get or put of the resource, or something else.
fn steps(resource: &str, value: &Value, names: &[String], place: &str) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| steps(resource, item, names, place)),
        Value::Object(map) => {
            for (key, part) in [("get", "get"), ("put", "put")] {
                if map
                    .get(key)
                    .and_then(Value::as_str)
                    .is_some_and(|name| names.is_empty() || names.iter().any(|own| own == name))
                {
                    assert_known(
                        resource,
                        part,
                        &map.get("params").cloned().unwrap_or_default(),
                        place,
                    );
                }
            }
            map.values()
                .for_each(|value| steps(resource, value, names, place));
        }
        _ => {}
    }
}

#[test]
fn pipelines_in_the_readmes_have_fields_that_exist() {
    let mut seen = 0;
    for readme in READMES {
        let own = readme.split('/').nth(1).unwrap_or("git");
        let text = fs::read_to_string(root().join(readme)).unwrap();
        for block in blocks(&text, "yaml") {
            let place = format!("{readme}:\n{block}");
            let document: Value =
                serde_saphyr::from_str(&block).unwrap_or_else(|error| panic!("{place}\n{error}"));
            let resource = resource_of(&document, own);
            let mut names = Vec::new();
            for found in document["resources"].as_array().into_iter().flatten() {
                assert_known(&resource, "source", &found["source"], &place);
                names.push(found["name"].as_str().unwrap_or_default().to_owned());
            }
            assert_known(&resource, "source", &document["source"], &place);
            steps(&resource, &document, &names, &place);
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen}");
}

/// README, "In a pipeline": which pins a new history finds.
#[test]
fn a_pin_is_found_by_a_check_that_begins_there_unless_filters_leave_it_out() {
    let mut repo = GitRepo::new();
    for (name, message) in [("n0", "n0"), ("n1", "[ci skip]"), ("n2", "n2"), ("n3", "n3")] {
        repo.commit(name, message, &[("f", name)]);
    }
    for (tag, name) in [("v1.0.0", "n0"), ("v2.0.0", "n2"), ("v3.0.0", "n3")] {
        repo.tag(tag, name);
    }
    let served = Served::new(repo);
    let mut source = served.sources()[0].clone();
    let found = |source: &Value, from: Option<&str>| {
        let version = from.map(|from| json!({ "ref": from }));
        let answer = check(&served.server, &json!({ "source": source, "version": version }))
            .run()
            .ok();
        let refs: Vec<String> = answer
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["ref"].as_str().unwrap().to_owned())
            .collect();
        refs
    };
    // A commit that filters leave out is found by no check, not even one that begins there.
    let skipped = served.repo.id("n1");
    assert!(!found(&source, Some(&skipped)).contains(&skipped));
    assert!(found(&source, Some(&served.repo.id("n0"))).contains(&served.repo.id("n0")));
    source["tag_filter"] = json!("v*");
    assert_eq!(found(&source, None), ["v3.0.0"]);
    assert_eq!(found(&source, Some("v1.0.0")), ["v3.0.0"]);
    source["version_depth"] = json!(10);
    assert!(found(&source, Some("v1.0.0")).contains(&"v1.0.0".to_owned()));
}

/// README, "By hand", on a repository that is there.
#[test]
fn the_commands_by_hand_do_what_they_say() {
    let mut repo = GitRepo::new();
    repo.commit("one", "one", &[("a", "1")]);
    repo.tag("v1.2.0", "one");
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let block = blocks(&text, "sh")
        .into_iter()
        .find(|block| block.starts_with("git-resource check"))
        .unwrap();
    let work = tempfile::tempdir().unwrap();
    let bare = work.path().join("app.git");
    tests::git(
        work.path(),
        &[
            "clone",
            "--quiet",
            "--bare",
            &repo.file_url(),
            bare.to_str().unwrap(),
        ],
    );
    let executable = tests::executable("git");
    let path = format!("{}:/usr/bin:/bin", executable.parent().unwrap().display());
    let run = |script: &str| {
        let output = std::process::Command::new("bash")
            .args(["-euc", script])
            .env("PATH", &path)
            .env("HOME", work.path())
            .current_dir(work.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&block.replace(
        "https://git.example.org/team/app.git",
        &format!("file://{}", bare.display()),
    ));
    let id = repo.id("one");
    let mut answers = said.lines();
    assert_eq!(answers.next().unwrap(), format!("[{{\"ref\":\"{id}\"}}]"));
    for answer in [answers.next().unwrap(), answers.next().unwrap()] {
        let answer: Value = serde_json::from_str(answer).unwrap();
        assert!(
            answer["version"]["ref"] == "v1.2.0" || answer["version"]["ref"] == id,
            "{answer}"
        );
    }
    assert!(said.contains("\"properties\": {"), "{said}");
    assert_eq!(fs::read_to_string(work.path().join("app/a")).unwrap(), "1");
}

/// What `make` is asked for in the READMEs it can do.
#[test]
fn every_target_of_make_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut seen = 0;
    for readme in READMES {
        let text = fs::read_to_string(root().join(readme)).unwrap();
        for part in text.split("make ").skip(1).filter(|_| readme == "README.md") {
            let target: String = part.chars().take_while(char::is_ascii_lowercase).collect();
            if part[target.len()..].starts_with(['`', ' '])
                && !target.is_empty()
                && !["a", "it"].contains(&target.as_str())
            {
                assert!(
                    makefile.contains(&format!("\n{target}: ")),
                    "{readme}: make {target}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 3, "{seen}");
}

/// README, "The images": the documented options of programs that are here exist.
#[test]
fn the_commands_of_skopeo_are_known_to_it() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let lines: Vec<String> = blocks(&text, "sh")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let skopeo: Vec<&String> = lines.iter().filter(|line| line.starts_with("skopeo ")).collect();
    assert_eq!(skopeo.len(), 2);
    // Run with directories in place of the registry and the archive.
    let work = tempfile::tempdir().unwrap();
    let (from, to) = (work.path().join("from"), work.path().join("to"));
    for directory in [&from, &to] {
        fs::create_dir(directory).unwrap();
    }
    let config =
        br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let digest = |bytes: &[u8]| {
        use std::io::Write as _;
        let mut child = std::process::Command::new("sha256sum")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()[..64].to_owned()
    };
    let id = digest(config);
    fs::write(from.join(&id), config).unwrap();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": format!("sha256:{id}"), "size": config.len() },
    });
    fs::write(from.join("manifest.json"), manifest.to_string()).unwrap();
    fs::write(from.join("version"), "Directory Transport Version: 1.1\n").unwrap();
    for line in skopeo {
        let line = line
            .replace(
                "oci-archive:target/images/git-amd64.tar",
                &format!("dir:{}", from.display()),
            )
            .replace(
                "docker://registry.example.org/concourse/git-resource:0.1.0",
                &format!("dir:{}", to.display()),
            );
        let output = std::process::Command::new("bash")
            .args(["-euc", &line])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if line.contains("inspect") {
            assert!(
                output.stdout.starts_with(b"sha256:"),
                "{}",
                String::from_utf8_lossy(&output.stdout)
            );
        }
    }
}
