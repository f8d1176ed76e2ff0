//! The examples that a new user copies.

use concourse_resource_sdk::testing::{Response, Server};

use super::*;

#[test]
fn a_counter_behind_http_is_followed() {
    let server = Server::start();
    server.on("GET", "/builds", Response::json(&json!({ "number": 7 })));
    let source = json!({ "url": server.url("/builds"), "token": "hunter22" });
    let check = |version: Value| {
        let request = json!({ "source": source, "version": version });
        Run::check(example("counter")).request(&request).run().ok()
    };
    assert_eq!(check(Value::Null), json!([{ "number": "7" }]));
    assert_eq!(
        check(json!({ "number": "5" })),
        json!([{ "number": "5" }, { "number": "7" }])
    );
    assert_eq!(check(json!({ "number": "7" })), json!([{ "number": "7" }]));
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer hunter22")
    );
    let got = Run::get(example("counter"))
        .request(&json!({ "source": source, "version": { "number": "7" } }))
        .run();
    assert_eq!(
        got.ok(),
        json!({ "version": { "number": "7" }, "metadata": [{ "name": "number", "value": "7" }] })
    );
    assert_eq!(std::fs::read_to_string(got.work().join("number")).unwrap(), "7");
    server.on(
        "GET",
        "/builds",
        Response::text("not for hunter22").with_status(403),
    );
    let refused = Run::check(example("counter"))
        .request(&json!({ "source": source }))
        .run();
    refused.fails(1).says(&format!(
        "GET {} was answered with 403 Forbidden: not for ((redacted))",
        server.url("/builds")
    ));
}

#[test]
fn a_notifier_has_no_versions_of_its_own() {
    let server = Server::start();
    server.on("POST", "/hook-of-ours", Response::text("ok"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("notes"), " it is hook-of-ours").unwrap();
    let source = json!({ "hook": server.url("/hook-of-ours") });
    let put = |params: &Value| {
        Run::put(example("notifier"))
            .request(&json!({ "source": source, "params": params }))
            .work(directory.path())
            .run()
    };
    let answer = put(&json!({ "text": "deployed:", "file": "notes" })).ok();
    assert!(
        answer["version"]["put_at"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1_700_000_000_000
    );
    assert_eq!(
        server.requests()[0].json(),
        json!({ "text": "deployed: it is hook-of-ours" })
    );
    // Concourse gets what was put; there is nothing to write.
    let request = json!({ "source": source, "version": answer["version"] });
    let got = Run::get(example("notifier")).request(&request).run();
    assert_eq!(got.ok()["version"], answer["version"]);
    let checked = Run::check(example("notifier")).request(&request).run();
    assert_eq!(checked.ok(), json!([answer["version"]]));
    put(&json!({ "text": "", "file": "missing" }))
        .fails(1)
        .says("params.text: is required");
    put(&json!({ "text": "a", "file": "missing" }))
        .fails(1)
        .says("params.file: No such file or directory (os error 2)");
}

#[test]
fn an_inventory_has_nested_configuration() {
    let shelf = tempfile::tempdir().unwrap();
    std::fs::write(shelf.path().join("big"), "12345").unwrap();
    std::fs::write(shelf.path().join("small"), "1").unwrap();
    let check = |order: &str, items: Value| {
        let source = json!({ "shelf": { "path": shelf.path(), "order": order }, "items": items });
        Run::check(example("inventory"))
            .request(&json!({ "source": source, "version": { "item": "big", "bytes": "4" } }))
            .run()
    };
    let items = json!([{ "name": "big" }, { "name": "small" }]);
    let (big, small) = (
        json!({ "item": "big", "bytes": "5" }),
        json!({ "item": "small", "bytes": "1" }),
    );
    assert_eq!(check("given", items.clone()).ok(), json!([big, small]));
    assert_eq!(check("largest", items).ok(), json!([small, big]));
    let wrong = check("lagest", json!([{ "nam": 1 }, {}])).fails(1).stderr.clone();
    assert_eq!(
        wrong,
        "warning: source.items[0].nam is not a field of the inventory resource and is ignored; did you mean \"name\"?\n\
         source.shelf.order: expected \"given\" or \"largest\", found string \"lagest\"\n  hint: did you mean \"largest\"?\n\
         source.items[0].name: is required\n\
         source.items[1].name: is required\n"
    );
}

/// The issue of a new user: none is long.
#[test]
fn the_examples_are_short() {
    for name in ["counter", "notifier", "inventory"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
        let lines = std::fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= 60, "{name}: {lines}");
    }
}
