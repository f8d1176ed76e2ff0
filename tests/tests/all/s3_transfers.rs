//! Large objects, checksums, versions, tags, and odd keys of the s3 resource.

use std::time::Duration;

use concourse_resource_sdk::testing::{Run, Signal};
use serde_json::{Value, json};
use tests::{Moto, executable};

use crate::s3_support::{check, file, get, inputs, noise, put};

const MIB: usize = 1024 * 1024;

#[test]
fn s3_large_objects_go_and_come_in_parts_with_every_checksum() {
    let bucket = Moto::shared().bucket("large", &[]);
    let content = noise(17 * MIB + 3);
    let sources = inputs(&[]);
    std::fs::write(sources.path().join("big-1"), &content).unwrap();
    for algorithm in ["", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let fields = json!({ "regexp": "big-(.*)", "part_size": 5 * MIB, "checksum_algorithm": algorithm });
        let source = bucket.source(&fields);
        let answer = put(&source, &json!({ "file": "big-1" }), &sources).ok();
        let head = bucket.call("head_object", &json!({ "Key": "big-1" }));
        assert!(
            head["ETag"].as_str().unwrap().ends_with("-4\""),
            "{algorithm}: {head}"
        );
        let output = get(&source, &answer["version"], &Value::Null);
        output.ok();
        assert!(
            std::fs::read(output.work().join("big-1")).unwrap() == content,
            "{algorithm}"
        );
        assert_eq!(
            bucket.call("list_multipart_uploads", &json!({})).get("Uploads"),
            None,
            "{algorithm}"
        );
    }
}

#[test]
fn s3_one_request_is_enough_where_parts_are_turned_off() {
    let bucket = Moto::shared().bucket("single", &[]);
    let content = noise(9 * MIB);
    let sources = inputs(&[]);
    std::fs::write(sources.path().join("big-1"), &content).unwrap();
    for fields in [
        json!({ "disable_multipart": true }),
        json!({ "disable_multipart": "true", "skip_s3_checksums": true }),
    ] {
        let mut fields = fields;
        fields["regexp"] = "big-(.*)".into();
        let source = bucket.source(&fields);
        put(&source, &json!({ "file": "big-1" }), &sources).ok();
        let head = bucket.call("head_object", &json!({ "Key": "big-1" }));
        assert!(!head["ETag"].as_str().unwrap().contains('-'), "{head}");
        let output = get(&source, &json!({ "path": "big-1" }), &Value::Null);
        output.ok();
        assert!(std::fs::read(output.work().join("big-1")).unwrap() == content);
    }
}

#[test]
fn s3_objects_keep_what_the_params_say_of_them() {
    let bucket = Moto::shared().bucket("kept", &[]);
    let source = bucket.source(&json!({ "server_side_encryption": "AES256" }));
    let params = json!({
        "file": "f", "to": "d/", "acl": "public-read", "content_type": "text/x-test",
        "cache_control": "max-age=60", "metadata": { "build": "7" },
    });
    let answer = put(&source, &params, &inputs(&["f"])).ok();
    assert_eq!(answer["version"], json!({ "path": "d/f" }));
    let head = bucket.call("head_object", &json!({ "Key": "d/f" }));
    for (field, value) in [
        ("ContentType", json!("text/x-test")),
        ("CacheControl", json!("max-age=60")),
        ("Metadata", json!({ "build": "7" })),
        ("ServerSideEncryption", json!("AES256")),
    ] {
        assert_eq!(head[field], value, "{field}");
    }
    let acl = bucket
        .call("get_object_acl", &json!({ "Key": "d/f" }))
        .to_string();
    assert!(acl.contains("AllUsers"), "{acl}");
}

#[test]
fn s3_a_version_of_an_object_is_put_and_got_by_its_id() {
    let bucket = Moto::shared().bucket("versions", &[]);
    bucket.versioning("Enabled");
    let source = bucket.source(&json!({ "versioned_file": "d/name" }));
    let first = put(&source, &json!({ "file": "one" }), &inputs(&["one"])).ok();
    let second = put(&source, &json!({ "file": "two" }), &inputs(&["two"])).ok();
    let id = first["version"]["version_id"].as_str().unwrap();
    let url = first["metadata"][1]["value"].as_str().unwrap();
    assert!(
        url.ends_with(&format!("/versions/d/name?versionId={id}")),
        "{url}"
    );
    assert_eq!(
        check(&source, &first["version"]).ok(),
        json!([first["version"], second["version"]])
    );
    let output = get(&source, &first["version"], &Value::Null);
    assert_eq!(output.ok()["version"], first["version"]);
    assert_eq!(
        (file(&output, "name"), file(&output, "version")),
        ("one".to_owned(), id.to_owned())
    );
    // CONTRACT K10.
    let output = get(&source, &Value::Null, &Value::Null);
    assert_eq!(output.ok()["version"], json!({ "path": "d/name" }));
    assert_eq!(
        (file(&output, "name"), file(&output, "version")),
        ("two".to_owned(), String::new())
    );
}

#[test]
fn s3_tags_are_written_sorted() {
    let bucket = Moto::shared().bucket("tags", &["f-1", "f-2"]);
    let tags = json!({ "TagSet": [{ "Key": "b", "Value": "2" }, { "Key": "a", "Value": "1" }] });
    bucket.call("put_object_tagging", &json!({ "Key": "f-1", "Tagging": tags }));
    let source = bucket.source(&json!({ "regexp": "f-(.*)", "skip_download": true }));
    for (key, tags) in [("f-1", r#"{"a":"1","b":"2"}"#), ("f-2", "{}")] {
        let output = get(
            &source,
            &json!({ "path": key }),
            &json!({ "download_tags": "true" }),
        );
        output.ok();
        assert_eq!(file(&output, "tags.json"), tags, "{key}");
    }
}

#[test]
fn s3_odd_keys_are_found_fetched_and_put() {
    let keys = [
        "a b/v-1",
        "c+d/v-1",
        "e%2Ff/v-1",
        "ü/v-é1",
        "g//v-1",
        "/h/v-1",
        "c++/v-1",
    ];
    let bucket = Moto::shared().bucket("odd-keys", &keys);
    for (key, regexp) in [
        ("a b/v-1", "a b/v-(.*)"),
        ("c+d/v-1", r"c\+d/v-(.*)"),
        ("e%2Ff/v-1", "e%2Ff/v-(.*)"),
        ("ü/v-é1", "ü/v-é(.*)"),
        ("g//v-1", "g//v-(.*)"),
        ("/h/v-1", "/h/v-(.*)"),
        ("c++/v-1", r".*\+\+/v-(.*)"),
    ] {
        let source = bucket.source(&json!({ "regexp": regexp }));
        let version = json!({ "path": key });
        assert_eq!(check(&source, &Value::Null).ok(), json!([version]), "{regexp}");
        let output = get(&source, &version, &Value::Null);
        output.ok();
        assert_eq!(file(&output, key.rsplit('/').next().unwrap()), key);
    }
    let sources = inputs(&["x + %.txt"]);
    let answer = put(
        &bucket.source(&json!({})),
        &json!({ "file": "x*", "to": "t/" }),
        &sources,
    )
    .ok();
    assert_eq!(answer["version"], json!({ "path": "t/x + %.txt" }));
    let url = answer["metadata"][1]["value"].as_str().unwrap();
    assert!(url.ends_with("/odd-keys/t/x%20%2B%20%25.txt"), "{url}");
}

#[test]
fn s3_empty_objects_are_objects() {
    let bucket = Moto::shared().bucket("empty-object", &[]);
    bucket.put("e-1", b"");
    let output = get(
        &bucket.source(&json!({ "regexp": "e-(.*)" })),
        &json!({ "path": "e-1" }),
        &Value::Null,
    );
    output.ok();
    assert_eq!(file(&output, "e-1"), "");
}

#[test]
fn s3_an_aborted_upload_leaves_nothing_open() {
    let bucket = Moto::shared().bucket("aborted", &[]);
    let sources = inputs(&[]);
    std::fs::File::create(sources.path().join("big"))
        .unwrap()
        .set_len(600 * MIB as u64)
        .unwrap();
    let source = bucket.source(&json!({ "part_size": 5 * MIB, "concurrency": 2 }));
    let uploads = || {
        Moto::shared()
            .call("s3", "list_multipart_uploads", &json!({ "Bucket": "aborted" }))
            .get("Uploads")
            .cloned()
    };
    let output = Run::put(executable("s3"))
        .request(&json!({ "source": source, "params": { "file": "big" } }))
        .work(sources.path())
        .signal_when(move || uploads().is_some(), Signal::Term)
        .run();
    output.fails(143);
    let left = bucket.call("list_multipart_uploads", &json!({}));
    assert_eq!(left.get("Uploads"), None, "{left}");
    assert!(
        output.after_signal.unwrap() < Duration::from_secs(2),
        "{:?}",
        output.after_signal
    );
}
