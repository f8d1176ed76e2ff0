//! The contract's cases about `in`: the forms of the files it writes.

use serde_json::json;
use tests::{fixture_r, git};

use crate::support::{Served, get, source};

#[test]
fn git_g26_a_tag_as_version_and_the_form_of_the_short_ref() {
    let served = Served::new(fixture_r());
    let request = json!({
        "source": source(&served.server, "r.git"),
        "version": { "ref": "rel-1", "commit": served.repo.id("c1") },
        "params": { "short_ref_format": "build-%.4s" },
    });
    let output = get(&served.server, &request).run();
    assert_eq!(output.ok()["version"], json!({ "ref": "rel-1" }));
    let file = |name: &str| std::fs::read_to_string(output.work().join(".git").join(name)).unwrap();
    assert_eq!(file("ref"), "rel-1\n");
    assert_eq!(file("commit"), format!("{}\n", served.repo.id("c1")));
    assert_eq!(file("short_ref"), "build-rel-");
}

#[test]
fn git_g27_the_form_of_the_timestamp() {
    let served = Served::new(fixture_r());
    let with = |format: &str| {
        let params = json!({ "timestamp_format": format });
        let request = json!({ "source": source(&served.server, "r.git"), "params": params });
        get(&served.server, &request).run()
    };
    let output = with("short");
    output.ok();
    let written = std::fs::read_to_string(output.work().join(".git/commit_timestamp")).unwrap();
    let shown = git(output.work(), &["log", "-1", "--date=short", "--format=%cd"]);
    assert_eq!(written, format!("{shown}\n"));
    for wrong in ["blah", "", "short short", "relativ"] {
        let output = with(wrong);
        output.fails(128);
        let line = format!("params.timestamp_format: unknown date format \"{wrong}\"");
        assert_eq!(output.first_error_line(), line);
    }
}

#[test]
fn git_g32_all_local_tags_are_deleted_at_the_end() {
    let served = Served::new(fixture_r());
    for source in served.sources() {
        let request = json!({ "source": source, "params": { "clean_tags": true, "fetch_tags": true } });
        let output = get(&served.server, &request).run();
        output.ok();
        assert_eq!(git(output.work(), &["tag"]), "");
        let tags = std::fs::read_to_string(output.work().join(".git/tags")).unwrap();
        assert_eq!(tags, "rel-2\n");
    }
}
