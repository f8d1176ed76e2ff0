mod every_way_to_a_secret;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::compat::Compat;
use crate::compat::lenient::{List, SecretText, Text};
use crate::config::{KeyPolicy, NoParams};
use crate::metadata::MetadataRow;
use crate::resource::{Outcome, Put, Resource};
use crate::secret::Secret;
use crate::validate::Validator;
use crate::version::VersionMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Fast,
    Thorough,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Source {
    uri: String,
    depth: u32,
    mode: Mode,
    password: Secret,
    token: SecretText,
    keys: List<SecretText>,
    nested: Option<Nested>,
    items: Vec<Nested>,
    free: Option<Value>,
    map: std::collections::BTreeMap<String, Secret>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema and its decoding matter")]
struct Nested {
    host: String,
    #[serde(default)]
    secret: Secret,
    #[serde(default)]
    inner: Option<Box<Nested>>,
}

impl Config for Source {}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Params {
    file: Text,
}

impl Config for Params {
    fn validate(&self, v: &mut Validator<'_>) {
        if self.file.non_empty() == Some("bad") {
            v.at("file").refuse("is bad");
            v.at("file").refuse("really");
        }
    }
}

struct Example;

impl Resource for Example {
    const NAME: &'static str = "example";
    const ABOUT: &'static str = "An example.";
    const VERSION: &'static str = "1.2.3";
    const KEYS: KeyPolicy = KeyPolicy::WARN.source(Step::Check, UnknownKeys::Reject);
    const COMPAT: Compat = Compat::NONE.wrong_type_exit(5);
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = Params;
    type Version = VersionMap;

    async fn put(&self, _: &Context, put: Put<'_, Self>) -> Result<Outcome<VersionMap>> {
        let file = put.params.file.get().unwrap_or_default();
        Ok(Outcome::new(VersionMap::new("file", file)))
    }
}

struct Ran {
    answer: Result<Value>,
    cx: Context,
    log: crate::console::tests::Recorded,
}

fn run(step: Step, request: Value) -> Ran {
    let (console, log) = crate::console::tests::recording(false);
    let cx = Context::builder("example", step).console(console).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let destination = tempfile::tempdir().unwrap();
    let answer = input::request(request, 5)
        .and_then(|request| runtime.block_on(Example.run(&cx, request, destination.path())))
        .map(|answer| answer.value);
    Ran { answer, cx, log }
}

fn check_failure(source: &Value) -> String {
    run(Step::Check, json!({ "source": source }))
        .answer
        .unwrap_err()
        .to_string()
}

#[test]
fn a_type_error_names_path_expectation_and_value() {
    for (source, expected) in [
        (
            json!({ "uri": 3 }),
            "source.uri: expected a string, found number 3",
        ),
        (
            json!({ "uri": 1.5 }),
            "source.uri: expected a string, found number 1.5",
        ),
        (
            json!({ "uri": true }),
            "source.uri: expected a string, found boolean true",
        ),
        (
            json!({ "uri": ["a"] }),
            "source.uri: expected a string, found a list",
        ),
        (
            json!({ "depth": "x, expected y" }),
            "source.depth: expected a whole number from 0 to 4294967295, found string \"x, expected y\"",
        ),
        (
            json!({ "depth": -1 }),
            "source.depth: expected a whole number from 0 to 4294967295, found number -1",
        ),
        (
            json!({ "mode": "throrough" }),
            "source.mode: expected \"fast\" or \"thorough\", found string \"throrough\"\n  hint: did you mean \"thorough\"?",
        ),
        (
            json!({ "nested": { "host": {} } }),
            "source.nested.host: expected a string, found an object",
        ),
        (json!({ "nested": {} }), "source.nested.host: is required"),
        (
            json!({ "items": [{ "host": "a" }, { "host": 1 }] }),
            "source.items[1].host: expected a string, found number 1",
        ),
        (
            json!({ "items": "a" }),
            "source.items: expected a list, found string",
        ),
        (
            json!({ "nested": ["host"] }),
            "source.nested: expected an object, found a list",
        ),
        (
            json!({ "items": [["host"]] }),
            "source.items[0]: expected an object, found a list",
        ),
        (
            json!({ "items": [null] }),
            "source.items[0]: expected an object, found null",
        ),
    ] {
        let failure = check_failure(&source);
        assert_eq!(failure, expected, "{source}");
    }
    let failure = run(Step::Check, json!({ "source": { "uri": 3 } }))
        .answer
        .unwrap_err();
    assert_eq!(failure.exit_status(), 5);
}

#[test]
fn the_value_at_a_secret_field_is_never_shown() {
    for (source, expected) in [
        (
            json!({ "password": 123 }),
            "source.password: expected a string, found number",
        ),
        (
            json!({ "password": ["abc"] }),
            "source.password: expected a string, found a list",
        ),
        (json!({ "token": {"abc": 1} }), "found an object"),
        (
            json!({ "keys": "abc" }),
            "source.keys: expected a list, found string",
        ),
        (
            json!({ "nested": { "host": "x", "secret": 12 } }),
            "source.nested.secret: expected a string, found number",
        ),
    ] {
        let failure = check_failure(&source);
        assert!(failure.contains(expected), "{failure}");
        assert!(!failure.contains("abc") && !failure.contains("12"), "{failure}");
    }
}

#[test]
fn every_secret_is_registered_before_anything_can_fail() {
    let source = json!({
        "unknown": 1,
        "uri": "https://me:url-password@host/x",
        "password": ["in-an-array", 1_234_567],
        "keys": { "a": "in-an-object" },
        "items": [{ "host": "h", "secret": "in-an-item", "inner": { "host": "h", "secret": "deep-down" } }],
        "free": ["http://free-token@host"],
        "map": { "a": "in-a-map" },
        "nested": ["in-a-list"],
        "passwrod": "misspelt-password",
    });
    let ran = run(
        Step::Check,
        json!({ "source": source, "version": { "x": "http://version-token@h" } }),
    );
    assert!(ran.answer.is_err());
    for secret in [
        "url-password",
        "in-an-array",
        "1234567",
        "in-an-object",
        "in-an-item",
        "deep-down",
        "free-token",
        "in-a-map",
        "in-a-list",
        "misspelt-password",
        "version-token",
    ] {
        assert_eq!(ran.cx.log().redacted(secret), "((redacted))", "{secret}");
    }
    for ordinary in ["host", "https", "unknown", "me"] {
        assert_eq!(ran.cx.log().redacted(ordinary), ordinary);
    }
}

#[test]
fn rejected_keys_come_first_and_everything_else_after_them() {
    assert_eq!(
        check_failure(
            &json!({ "zz": 1, "uri": 3, "dpth": null, "nested": 1, "items": [{ "host": "a" }, { "host": [] }, 3] })
        ),
        "Found unknown keys in source:\n\"zz\"\n\"dpth\"\n  hint: source.zz: there is no field of that name\n  \
         hint: source.dpth: did you mean \"depth\"?\n\
         source.uri: expected a string, found number 3\n\
         source.nested: expected an object, found number\n\
         source.items[1].host: expected a string, found a list\n\
         source.items[2]: expected an object, found number"
    );
}

#[test]
fn source_and_params_are_told_together_and_nothing_twice() {
    let failure = run(
        Step::Put,
        json!({ "source": { "depth": "x", "nested": { "secret": 7 } }, "params": { "file": ["bad"], "fiel": 1 } }),
    );
    assert_eq!(
        failure.answer.unwrap_err().to_string(),
        "source.depth: expected a whole number from 0 to 4294967295, found string \"x\"\n\
         source.nested.secret: expected a string, found number\n\
         source.nested.host: is required\n\
         params.file: expected a string, number or boolean, found a list"
    );
}

#[test]
fn a_put_that_says_nothing_it_knows_is_refused() {
    let failure = run(Step::Put, json!({ "params": { "fiel": "q", "x": null } }));
    assert_eq!(
        failure.answer.unwrap_err().to_string(),
        "Found unknown keys in put params:\n\"fiel\"\n\"x\"\n  hint: params.fiel: did you mean \"file\"?\n  \
         hint: params.x: there is no field of that name"
    );
    assert!(failure.log.text().is_empty());
}

#[test]
fn metadata_is_redacted_unless_a_contract_wants_it() {
    let cx = Context::builder("x", Step::Get).finish();
    cx.log().redact("hunter22");
    let mut metadata = crate::Metadata::default();
    metadata.push(("url", "https://a:hunter22@h/"));
    metadata.push(MetadataRow::new("hunter22", "now").typed("time"));
    metadata.push_optional("none", None::<String>);
    metadata.push(MetadataRow::new("shown", "hunter22").revealed());
    assert_eq!(
        json!(metadata.redacted(|text| cx.log().redacted(text))),
        json!([
            { "name": "url", "value": "https://a:((redacted))@h/" },
            { "name": "((redacted))", "value": "now", "type": "time" },
            { "name": "none", "value": null },
            { "name": "shown", "value": "hunter22" },
        ])
    );
}

#[test]
fn unknown_keys_are_warned_about_once_each_where_the_policy_says_so() {
    let ran = run(
        Step::Put,
        json!({ "source": { "dpth": 1, "nested": { "host": "a", "x": 1 }, "free": { "y": 1 }, "map": { "z": "a" } }, "params": { "fiel": "q", "file": "" } }),
    );
    assert_eq!(
        ran.answer.unwrap(),
        json!({ "version": { "file": "" }, "metadata": [] })
    );
    assert_eq!(
        ran.log.text(),
        "warning: source.dpth is not a field of the example resource and is ignored; did you mean \"depth\"?\n\
         warning: source.nested.x is not a field of the example resource and is ignored\n\
         warning: params.fiel is not a field of the example resource and is ignored; did you mean \"file\"?\n"
    );
}

#[test]
fn a_resource_without_params_knows_no_key_of_them() {
    let ran = run(
        Step::Get,
        json!({ "version": { "a": "b" }, "params": { "x": 1 } }),
    );
    assert_eq!(
        ran.answer.unwrap(),
        json!({ "version": { "a": "b" }, "metadata": [] })
    );
    assert_eq!(
        ran.log.text(),
        "warning: params.x is not a field of the example resource and is ignored\n"
    );
}

#[test]
fn null_equals_absent_for_every_field() {
    let source = json!({
        "uri": null, "depth": null, "mode": null, "password": null, "token": null, "keys": null, "nested": null,
        "items": null, "free": null, "map": null
    });
    assert_eq!(
        run(Step::Check, json!({ "source": source })).answer.unwrap(),
        json!([])
    );
    let nested = json!({ "nested": { "host": "a", "secret": null, "inner": null } });
    assert_eq!(
        run(Step::Check, json!({ "source": nested })).answer.unwrap(),
        json!([])
    );
    assert_eq!(
        check_failure(&json!({ "nested": { "host": null } })),
        "source.nested.host: is required"
    );
}

#[test]
fn all_problems_of_a_part_are_reported_together() {
    let failure = run(Step::Put, json!({ "params": { "file": "bad" } }))
        .answer
        .unwrap_err();
    assert_eq!(failure.to_string(), "params.file: is bad\nparams.file: really");
}
