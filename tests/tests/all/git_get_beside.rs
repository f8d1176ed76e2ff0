//! `in` with more than the branch, or with less than all files: `fetch`, `all_branches`, `search_remote_refs`, `sparse_paths`.

use serde_json::{Value, json};
use tests::{fixture_r, git};

use crate::git_get::gets;
use crate::support::{Served, get};

#[test]
fn git_g30_further_branches_are_local_ones() {
    let served = Served::new(fixture_r());
    let t1 = served.repo.id("t1");
    let params = json!({ "fetch": ["topic", "main"], "fetch_tags": false });
    for got in gets(&served, &json!({}), &Value::Null, &params) {
        assert_eq!(got.git(&["rev-parse", "topic"]), t1);
        assert_eq!(got.git(&["tag"]), "");
        assert!(!got.git(&["branch", "-r"]).contains("topic"));
        assert_eq!(got.git(&["config", "remote.origin.tagOpt"]), "--no-tags");
        assert!(!got.git(&["config", "--list"]).contains("branch.topic"));
        assert_eq!(got.git(&["fsck", "--strict", "--no-dangling"]), "");
    }
    let params = json!({ "fetch": ["topic"], "depth": 1 });
    for got in gets(&served, &json!({}), &Value::Null, &params) {
        assert_eq!(got.git(&["rev-parse", "topic"]), t1);
        assert!(got.git(&["tag"]).contains("topic-1"));
    }
    for source in served.sources() {
        let request = json!({ "source": source, "params": { "fetch": ["gone"] } });
        let output = get(&served.server, &request).run();
        output.fails(128).says("couldn't find remote ref gone");
    }
}

#[test]
fn a_version_beside_the_branch_is_searched_for_in_all_refs() {
    let served = Served::new(fixture_r());
    let path = served.server.path("r.git");
    let t1 = served.repo.id("t1");
    let pull = git(&path, &["commit-tree", "main^{tree}", "-p", &t1, "-m", "pull"]);
    git(&path, &["update-ref", "refs/pull/1/head", &pull]);
    let source = &served.sources()[0];
    let with = |reference: &str, searches: bool| {
        let mut source = source.clone();
        source["search_remote_refs"] = json!(searches);
        get(
            &served.server,
            &json!({ "source": source, "version": { "ref": reference } }),
        )
        .run()
    };
    with(&pull, false).fails(128);
    let output = with(&pull, true);
    assert_eq!(output.ok()["version"], json!({ "ref": pull }));
    output.says(&format!(
        "{pull} not found locally, but search_remote_refs is enabled. Attempting to fetch refs/pull/1/head first."
    ));
    assert_eq!(git(output.work(), &["rev-parse", "HEAD"]), pull);
    let vanished = "d".repeat(40);
    with(&vanished, true).fails(128).says(&format!(
        "WARNING: couldn't find a ref for {vanished} listed on the remote"
    ));
}

#[test]
fn git_g32_a_sparse_checkout_is_clean_and_known_to_git() {
    let served = Served::new(fixture_r());
    for params in [json!({}), json!({ "depth": 1 })] {
        for got in gets(
            &served,
            &json!({ "sparse_paths": ["docs/*"] }),
            &Value::Null,
            &params,
        ) {
            assert_eq!(got.git(&["ls-files", "-t"]), "H docs/a.md\nS src/x.rs");
            assert!(!got.path().join("src").exists());
            assert_eq!(got.git(&["status", "--porcelain"]), "");
            assert_eq!(got.file("describe_ref"), "rel-2\n");
            assert_eq!(got.git(&["config", "core.sparseCheckout"]), "true");
            // Git goes on with it.
            got.git(&["checkout", "-q", "--detach", "HEAD"]);
            got.git(&["sparse-checkout", "disable"]);
            assert!(got.path().join("src/x.rs").exists());
        }
    }
    for got in gets(
        &served,
        &json!({ "sparse_paths": ["nothing"] }),
        &Value::Null,
        &json!({}),
    ) {
        assert_eq!(got.git(&["status", "--porcelain"]), "");
        assert_eq!(got.file("describe_ref"), "rel-2\n");
    }
}

#[test]
fn git_g32_all_branches_are_there_like_those_of_a_stock_clone() {
    let served = Served::new(fixture_r());
    let params = json!({ "clean_tags": true, "all_branches": "TRUE" });
    let stock = tempfile::tempdir().unwrap();
    let url = served.repo.path().to_str().expect("a path").to_owned();
    git(stock.path(), &["clone", "-q", "-b", "main", &url, "stock"]);
    let refs = [
        "for-each-ref",
        "--format=%(refname) %(objectname)",
        "refs/remotes",
    ];
    for got in gets(&served, &json!({}), &Value::Null, &params) {
        assert_eq!(got.git(&["tag"]), "");
        assert_eq!(got.file("tags"), "rel-2\n");
        assert_eq!(got.git(&refs), git(stock.path().join("stock"), &refs));
        assert_eq!(got.git(&["rev-parse", "origin/topic"]), served.repo.id("t1"));
        assert_eq!(
            got.git(&["config", "--get-all", "remote.origin.fetch"]),
            "+refs/heads/*:refs/remotes/origin/*"
        );
        assert_eq!(got.git(&["branch", "--format=%(refname)"]), "refs/heads/main");
        assert_eq!(got.git(&["fsck", "--strict", "--no-dangling"]), "");
        assert_eq!(got.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn git_g32_all_branches_bring_their_tags_and_name_the_default_branch() {
    let served = Served::new(fixture_r());
    let params = json!({ "all_branches": true });
    for got in gets(&served, &json!({ "branch": "topic" }), &Value::Null, &params) {
        assert_eq!(got.git(&["symbolic-ref", "HEAD"]), "refs/heads/topic");
        assert_eq!(
            got.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]),
            "refs/remotes/origin/main"
        );
        assert_eq!(got.git(&["tag"]), "nightly\nrel-1\nrel-2\ntopic-1");
    }
    let cut = json!({ "all_branches": true, "depth": 1 });
    for got in gets(&served, &json!({}), &Value::Null, &cut) {
        assert!(!got.git(&["branch", "-r"]).contains("topic"));
    }
}
