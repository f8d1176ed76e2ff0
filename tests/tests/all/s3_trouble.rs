//! Errors and hints of the s3 resource.

use concourse_resource_sdk::testing::{Request, Response, Run, Server};
use serde_json::{Value, json};
use tests::{Moto, executable};

use crate::s3_support::{R, check, get, inputs, names, p, put};

#[test]
fn s3_errors_name_bucket_key_and_right() {
    let moto = Moto::shared();
    let bucket = moto.bucket("errors", &["out/cli-1.tgz"]);
    let (key, secret) = moto.user("lister", &["s3:ListBucket"]);
    let limited = |fields: &Value| {
        let mut source = bucket.source(fields);
        source["access_key_id"] = key.as_str().into();
        source["secret_access_key"] = secret.as_str().into();
        source
    };
    check(&limited(&json!({ "regexp": R })), &Value::Null).ok();
    let output = get(&limited(&json!({ "regexp": R })), &p("1"), &Value::Null);
    let line = "error getting the object: access to object \"out/cli-1.tgz\" in bucket \"errors\" is denied: the right s3:GetObject is missing";
    assert_eq!(output.fails(1).first_error_line(), line);
    assert_eq!(names(output.work()), [""; 0]);
    output.hides(&secret);
    let output = put(&limited(&json!({})), &json!({ "file": "f" }), &inputs(&["f"]));
    let line = output.fails(1).first_error_line();
    assert!(line.starts_with("error putting the object: access to object \"f\" in bucket \"errors\" is denied: the right s3:PutObject"), "{line}");
    let (key, secret) = moto.user("getter", &["s3:GetObject"]);
    let source = bucket.source(&json!({ "regexp": R, "access_key_id": key, "secret_access_key": secret }));
    let line =
        "error listing files: access to bucket \"errors\" is denied: the right s3:ListBucket is missing";
    assert_eq!(check(&source, &Value::Null).fails(1).first_error_line(), line);
}

#[test]
fn s3_errors_tell_a_missing_key_from_a_missing_bucket_and_wrong_credentials() {
    let bucket = Moto::shared().bucket("missing", &[]);
    let source = bucket.source(&json!({ "regexp": R }));
    let line = "error getting the object: there is no object \"out/cli-9.tgz\" in bucket \"missing\"";
    assert_eq!(
        get(&source, &p("9"), &Value::Null).fails(1).first_error_line(),
        line
    );
    let elsewhere = bucket.source(&json!({ "regexp": R, "bucket": "no-such-bucket" }));
    let line = "error listing files: bucket \"no-such-bucket\" does not exist";
    assert_eq!(check(&elsewhere, &Value::Null).fails(1).first_error_line(), line);
    let wrong = bucket.source(&json!({ "regexp": R, "secret_access_key": "hunter2hunter2" }));
    let output = check(&wrong, &Value::Null);
    let line = output.fails(1).first_error_line();
    assert!(
        line.starts_with("error listing files: bucket \"missing\": the signature is wrong"),
        "{line}"
    );
    output.hides("hunter2hunter2");
    let unknown = bucket.source(&json!({ "regexp": R, "access_key_id": "AKIANOBODY" }));
    let line = "error listing files: bucket \"missing\": the store does not know this access key";
    assert_eq!(check(&unknown, &Value::Null).fails(1).first_error_line(), line);
}

#[test]
fn s3_a_bucket_in_another_region_is_named() {
    let server = Server::start();
    let body = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>";
    let answer = Response::status(301)
        .header("x-amz-bucket-region", "eu-central-1")
        .body(body);
    server.on("GET", "/b/", answer);
    let source = json!({ "bucket": "b", "endpoint": server.url(""), "regexp": "x-(.*)" });
    let line = "error listing files: bucket \"b\" is in region eu-central-1, not in us-east-1";
    assert_eq!(check(&source, &Value::Null).fails(1).first_error_line(), line);
}

#[test]
fn s3_hints_where_nothing_matches() {
    let bucket = Moto::shared().bucket("hints", &["a/v-1", "c++/v-1", "r-0999", "r-1000", "dots-1."]);
    let says = |regexp: &str, version: &Value, text: &str| {
        let output = check(&bucket.source(&json!({ "regexp": regexp })), version);
        output.ok();
        assert!(output.stderr.contains(text), "{regexp}: {}", output.stderr);
    };
    says("/a/v-(.*)", &Value::Null, "no key begins with \"/\"");
    says("c++/v-(.*)", &Value::Null, "would match \"c++/v-1\"");
    says("a/v-1", &Value::Null, "source.regexp has no group");
    says(
        "a/v-(.*)",
        &json!({ "path": "old/v-1" }),
        "the version \"old/v-1\" does not match source.regexp",
    );
    says("r-(.*)", &Value::Null, "version_order: natural");
    says(
        "dots-(.*)",
        &Value::Null,
        "skipping keys whose version cannot be read: \"dots-1.\"",
    );
    let natural = bucket.source(&json!({ "regexp": "r-(.*)", "version_order": "natural" }));
    let output = check(&natural, &Value::Null);
    assert_eq!(output.ok(), json!([{ "path": "r-1000" }]));
    assert!(!output.stderr.contains("version_order"), "{}", output.stderr);
}

#[test]
fn s3_a_store_that_refuses_checksums_is_served_without() {
    let server = Server::start();
    server.on_fn("PUT", "/b/f", |request| {
        if request.header("x-amz-sdk-checksum-algorithm").is_some() {
            return Response::status(501).body("<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>");
        }
        Response::status(200).header("etag", "\"1\"")
    });
    let source = json!({ "bucket": "b", "endpoint": server.url("") });
    let output = put(&source, &json!({ "file": "f" }), &inputs(&["f"]));
    assert_eq!(output.ok()["version"], json!({ "path": "f" }));
    assert_eq!(
        output.stderr.matches("the store refuses checksums").count(),
        1,
        "{}",
        output.stderr
    );
    let silent = json!({ "bucket": "b", "endpoint": server.url(""), "skip_s3_checksums": "true" });
    let output = put(&silent, &json!({ "file": "f" }), &inputs(&["f"]));
    output.ok();
    assert!(!output.stderr.contains("checksums"), "{}", output.stderr);
}

#[test]
fn s3_a_listing_is_narrowed_by_the_literal_text_of_each_section() {
    let server = Server::start();
    server.fallback(|request| {
        let folders = request.query_pairs().contains(&("prefix".to_owned(), "release-1".to_owned()));
        let inside = if folders {
            "<CommonPrefixes><Prefix>release-1.2/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>release-10/</Prefix></CommonPrefixes>"
        } else {
            "<Contents><Key>release-1.2/app-7</Key></Contents>"
        };
        Response::status(200).body(format!("<ListBucketResult>{inside}</ListBucketResult>"))
    });
    let source = json!({ "bucket": "b", "endpoint": server.url(""), "regexp": "release-1.2/app-(.*)" });
    assert_eq!(
        check(&source, &Value::Null).ok(),
        json!([{ "path": "release-1.2/app-7" }])
    );
    let prefixes: Vec<String> = server
        .requests()
        .iter()
        .flat_map(Request::query_pairs)
        .filter_map(|(name, value)| (name == "prefix").then_some(value))
        .collect();
    assert_eq!(prefixes, ["release-1", "release-1.2/app-"]);
}

#[test]
fn s3_an_object_that_changes_under_a_download_is_noticed() {
    let server = Server::start();
    let body = vec![7; 6 * 1024 * 1024];
    server.on(
        "HEAD",
        "/b/f-1",
        Response::status(200)
            .header("etag", "\"old\"")
            .declared_length(body.len() as u64),
    );
    server.on_fn("GET", "/b/f-1", |request| {
        if request.header("if-match") == Some("\"old\"") {
            return Response::status(412).body("<Error><Code>PreconditionFailed</Code></Error>");
        }
        Response::status(200).body("unconditional")
    });
    let source = json!({ "bucket": "b", "endpoint": server.url(""), "regexp": "f-(.*)", "part_size": 5 * 1024 * 1024 });
    let output = get(&source, &json!({ "path": "f-1" }), &Value::Null);
    let line = "error getting the object: object \"f-1\" in bucket \"b\" changed in the meantime";
    assert_eq!(output.fails(1).first_error_line(), line);
    assert_eq!(names(output.work()), [""; 0]);
}

#[test]
fn s3_a_role_is_assumed_with_the_keys_and_its_session_is_used() {
    let moto = Moto::shared();
    let bucket = moto.bucket("with-role", &["out/cli-1.tgz"]);
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" }],
    });
    let args = json!({ "RoleName": "ci", "AssumeRolePolicyDocument": trust.to_string() });
    let role = moto.call("iam", "create_role", &args)["Role"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*" }],
    });
    let args = json!({ "RoleName": "ci", "PolicyName": "some", "PolicyDocument": policy.to_string() });
    moto.call("iam", "put_role_policy", &args);
    let source = bucket.source(&json!({ "regexp": R, "aws_role_arn": role }));
    let run = |source: &Value| {
        Run::check(executable("s3"))
            .request(&json!({ "source": source }))
            .env("AWS_ENDPOINT_URL_STS", &moto.endpoint)
            .run()
    };
    assert_eq!(run(&source).ok(), json!([p("1")]));
    let wrong =
        bucket.source(&json!({ "regexp": R, "aws_role_arn": role, "secret_access_key": "hunter2hunter2" }));
    let output = run(&wrong);
    let line = output.fails(1).first_error_line();
    assert!(line.starts_with("error assuming role: "), "{line}");
    output.hides("hunter2hunter2");
}

#[test]
fn s3_nobody_is_anybody_whatever_the_environment_holds() {
    let server = Server::start();
    let body = "<ListBucketResult><Contents><Key>k-1</Key></Contents></ListBucketResult>";
    server.on("GET", "/b/", Response::status(200).body(body));
    // Half a pair counts as none.
    let source =
        json!({ "bucket": "b", "endpoint": server.url(""), "regexp": "k-(.*)", "access_key_id": "AKIAHALF" });
    let output = Run::check(executable("s3"))
        .request(&json!({ "source": source }))
        .env("AWS_ACCESS_KEY_ID", "AKIAENV")
        .env("AWS_SECRET_ACCESS_KEY", "of-the-environment")
        .run();
    assert_eq!(output.ok(), json!([{ "path": "k-1" }]));
    assert_eq!(server.requests()[0].header("authorization"), None);
}
