//! The acceptance cases of the s3 resource, by their numbers, against moto with authorisation.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tests::{Bucket, Moto};

use crate::s3_support::{L, R, check, file, get, getting, inputs, names, p, put};

fn bucket(name: &str) -> Bucket {
    Moto::shared().bucket(name, &L)
}

#[test]
fn s3_cases_1_to_6_versions_from_the_requested_one_on() {
    let source = bucket("case-1").source(&json!({ "regexp": R }));
    let newest = json!([p("1.0.0")]);
    let from_10 = json!([p("0.10.0"), p("1.0.0-beta.2"), p("1.0.0")]);
    for (case, version, answer) in [
        (1, Value::Null, &newest),
        (2, p("0.10.0"), &from_10),
        (3, p("0.9.7"), &from_10),
        (4, p("5.0.0"), &json!([])),
        (5, json!({ "path": "old/x" }), &newest),
    ] {
        assert_eq!(check(&source, &version).ok(), *answer, "case {case}");
    }
    let other = bucket("case-6").source(&json!({ "regexp": "zip/cli-(.*)" }));
    assert_eq!(check(&other, &Value::Null).ok(), json!([]), "case 6");
}

#[test]
fn s3_cases_7_to_10_patterns() {
    for (case, keys, regexp, answer) in [
        (7, vec!["logs/", "logs/a-1"], "logs/(.*)", "logs/a-1"),
        (
            8,
            vec!["eu/svc-3.1.zip", "us/svc-3.0.zip"],
            r"(eu|us)/svc-(?P<version>[0-9.]+)\.zip",
            "eu/svc-3.1.zip",
        ),
        (9, vec!["bin/tool.exe"], r"bin/(tool)\.exe", "bin/tool.exe"),
        (10, vec!["r-2024.09", "r-2024.10"], "r-(.*)", "r-2024.09"),
    ] {
        let source = Moto::shared()
            .bucket(&format!("case-{case}"), &keys)
            .source(&json!({ "regexp": regexp }));
        assert_eq!(
            check(&source, &Value::Null).ok(),
            json!([{ "path": answer }]),
            "case {case}"
        );
    }
}

#[test]
fn s3_cases_11_and_12_the_initial_path_is_first() {
    let fields = json!({ "regexp": R, "initial_path": "out/cli-0.0.0.tgz" });
    let empty = Moto::shared().bucket("case-11", &[]).source(&fields);
    assert_eq!(check(&empty, &Value::Null).ok(), json!([p("0.0.0")]));
    let full = bucket("case-12").source(&fields);
    let all = json!([p("0.0.0"), p("0.9.0"), p("0.10.0"), p("1.0.0-beta.2"), p("1.0.0")]);
    assert_eq!(check(&full, &p("0.0.0")).ok(), all);
}

fn ids(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({ "version_id": id })).collect()
}

#[test]
fn s3_cases_13_to_16_versions_of_one_object() {
    let bucket = Moto::shared().bucket("case-13", &[]);
    bucket.versioning("Enabled");
    let kept: Vec<String> = ["1", "2", "3"]
        .iter()
        .map(|content| bucket.put("a/k", content.as_bytes()).unwrap())
        .collect();
    bucket.put("a/k2", b"another key that begins so");
    let [k1, k2, k3] = [0, 1, 2].map(|index| kept[index].as_str());
    let source = bucket.source(&json!({ "versioned_file": "a/k" }));
    let from = |id: &str| json!({ "version_id": id });
    assert_eq!(check(&source, &from(k2)).ok(), ids(&[k2, k3]), "case 13");
    assert_eq!(check(&source, &from("gone")).ok(), ids(&[k3]), "case 14");
    assert_eq!(check(&source, &Value::Null).ok(), ids(&[k3]));
    let seeded = bucket.source(&json!({ "versioned_file": "a/k", "initial_version": "0.0.0" }));
    assert_eq!(
        check(&seeded, &from("0.0.0")).ok(),
        ids(&["0.0.0", k1, k2, k3]),
        "case 15"
    );
    bucket.versioning("Suspended");
    let output = check(&source, &Value::Null);
    assert_eq!(
        output.fails(1).first_error_line(),
        "error finding versions: bucket is not versioned",
        "case 16"
    );
}

/// The source of case 17: no endpoint, so the address is that of AWS, and the requests go to moto all the same.
fn get_of_aws(bucket: &Bucket, fields: &Value) -> concourse_resource_sdk::testing::Output {
    let mut source = bucket.source(fields);
    let endpoint = source.as_object_mut().unwrap().remove("endpoint").unwrap();
    source["regexp"] = R.into();
    source["region_name"] = "eu-west-1".into();
    getting(&source, &p("1.0.0"), &Value::Null)
        .env("AWS_ENDPOINT_URL", endpoint.as_str().unwrap())
        .run()
}

#[test]
fn s3_cases_17_and_18_the_address_of_an_object() {
    let bucket = bucket("arts");
    let output = get_of_aws(&bucket, &json!({}));
    let url = "https://arts.s3.eu-west-1.amazonaws.com/out/cli-1.0.0.tgz";
    let metadata = json!([
        { "name": "filename", "value": "cli-1.0.0.tgz" },
        { "name": "url", "value": url },
    ]);
    assert_eq!(
        output.ok(),
        json!({ "version": p("1.0.0"), "metadata": metadata }),
        "case 17"
    );
    for (name, content) in [
        ("version", "1.0.0"),
        ("s3_uri", "s3://arts/out/cli-1.0.0.tgz"),
        ("url", url),
        ("cli-1.0.0.tgz", "out/cli-1.0.0.tgz"),
    ] {
        assert_eq!(file(&output, name), content, "case 17: {name}");
    }
    let output = get_of_aws(&bucket, &json!({ "private": true }));
    assert_eq!(
        output.ok()["metadata"],
        json!([{ "name": "filename", "value": "cli-1.0.0.tgz" }]),
        "case 18"
    );
    let url = file(&output, "url");
    assert!(
        url.contains("/arts/out/cli-1.0.0.tgz?") && url.contains("X-Amz-Expires=86400"),
        "case 18: {url}"
    );
    let right = Moto::shared().call("presigned", &url, &Value::Null);
    assert_eq!(right, json!({ "right": true }), "case 18");
}

#[test]
fn s3_cases_19_and_20_skipped_downloads() {
    let source = bucket("case-19").source(&json!({ "regexp": R }));
    let output = get(
        &source,
        &p("1.0.0"),
        &json!({ "skip_download": "true", "unpack": true }),
    );
    output.ok();
    assert_eq!(names(output.work()), ["s3_uri", "url", "version"], "case 19");
    let output = get(&source, &p("1.0.0"), &json!({ "skip_download": "maybe" }));
    let line = "skip_download defined but invalid value: maybe";
    assert_eq!(output.fails(1).first_error_line(), line, "case 20");
}

fn tgz(files: &[&str]) -> Vec<u8> {
    let mut tar = Vec::new();
    for file in files {
        let mut header = [0_u8; 512];
        header[..file.len()].copy_from_slice(file.as_bytes());
        header[100..107].copy_from_slice(b"0000755");
        let size = format!("{:011o}", file.len());
        header[124..135].copy_from_slice(size.as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend_from_slice(&header);
        let mut block = file.as_bytes().to_vec();
        block.resize(512, 0);
        tar.extend_from_slice(&block);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn s3_cases_21_and_22_unpacking() {
    let bucket = bucket("case-21");
    bucket.put("out/cli-2.tgz", &tgz(&["a", "s/b"]));
    let source = bucket.source(&json!({ "regexp": R }));
    let output = get(&source, &p("2"), &json!({ "unpack": true }));
    output.ok();
    assert_eq!(
        names(output.work()),
        ["a", "s", "s3_uri", "url", "version"],
        "case 21"
    );
    assert_eq!(
        (file(&output, "a"), file(&output, "s/b")),
        ("a".to_owned(), "s/b".to_owned())
    );
    let output = get(&source, &p("1.0.0"), &json!({ "unpack": "true" }));
    assert_eq!(
        output.fails(1).first_error_line(),
        "not an archive: cli-1.0.0.tgz",
        "case 22"
    );
}

#[test]
fn s3_case_23_the_initial_version_is_made_from_the_source() {
    let fields = json!({ "regexp": R, "initial_path": "out/cli-0.0.0.tgz", "initial_content_text": "seed" });
    let source = Moto::shared().bucket("case-23", &[]).source(&fields);
    let output = get(&source, &p("0.0.0"), &json!({ "skip_download": "maybe" }));
    let metadata = json!([{ "name": "filename", "value": "cli-0.0.0.tgz" }]);
    assert_eq!(
        output.ok(),
        json!({ "version": p("0.0.0"), "metadata": metadata })
    );
    assert_eq!(names(output.work()), ["cli-0.0.0.tgz", "version"]);
    assert_eq!(
        (file(&output, "cli-0.0.0.tgz"), file(&output, "version")),
        ("seed".to_owned(), "0.0.0".to_owned())
    );
}

#[test]
fn s3_cases_24_and_25_a_put_of_the_file_that_a_glob_names() {
    let bucket = bucket("case-24");
    let source = bucket.source(&json!({ "regexp": R }));
    let params = json!({ "file": "pkg/*.tgz" });
    let sources = inputs(&["pkg/cli-2.0.0.tgz"]);
    let answer = put(&source, &params, &sources).ok();
    assert_eq!(answer["version"], p("2.0.0"), "case 24");
    let acl = bucket.call("get_object_acl", &json!({ "Key": "out/cli-2.0.0.tgz" }));
    let rights: Vec<&Value> = acl["Grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| &grant["Permission"])
        .collect();
    assert_eq!(rights, ["FULL_CONTROL"], "case 24: private");
    let sources = inputs(&["pkg/cli-2.0.0.tgz", "pkg/cli-3.0.0.tgz"]);
    let output = put(&source, &params, &sources);
    let error = output.fails(1);
    assert_eq!(
        error.first_error_line(),
        "more than one match found for pattern: pkg/*.tgz",
        "case 25"
    );
    let path = |name: &str| sources.path().join("pkg").join(name).display().to_string();
    error.says(&format!("[{} {}]", path("cli-2.0.0.tgz"), path("cli-3.0.0.tgz")));
}

#[test]
fn s3_cases_26_and_27_deprecated_params_and_unversioned_buckets() {
    let bucket = Moto::shared().bucket("case-26", &[]);
    let params = json!({ "from": r"build/pkg-(\d+)\.deb", "to": "debs/${1}/pkg.deb" });
    let output = put(
        &bucket.source(&json!({})),
        &params,
        &inputs(&["build/pkg-42.deb"]),
    );
    assert_eq!(
        output.ok()["version"],
        json!({ "path": "debs/42/pkg.deb" }),
        "case 26"
    );
    output.says("Parameters 'from/to' are deprecated, use 'file' instead");
    let source = bucket.source(&json!({ "versioned_file": "k" }));
    let output = put(&source, &json!({ "file": "f" }), &inputs(&["f"]));
    assert_eq!(
        output.fails(1).first_error_line(),
        "object versioning not enabled",
        "case 27"
    );
}

#[test]
fn s3_cases_28_and_29_addresses_and_rules() {
    let bucket = Moto::shared().bucket("case-28", &["k-1"]);
    let source = bucket.source(&json!({ "regexp": "k-(.*)" }));
    let output = get(&source, &json!({ "path": "k-1" }), &Value::Null);
    output.ok();
    let endpoint = &Moto::shared().endpoint;
    assert_eq!(file(&output, "url"), format!("{endpoint}/case-28/k-1"), "case 28");
    let output = check(
        &bucket.source(&json!({ "regexp": "a", "versioned_file": "b" })),
        &Value::Null,
    );
    let line = "please specify either regexp or versioned_file";
    assert_eq!(output.fails(1).first_error_line(), line, "case 29");
}
