//! However serde reaches a secret, the log knows it.

use std::collections::BTreeMap;

use super::*;
use crate::config::Step;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
struct Holder {
    plain: Secret,
    #[serde(alias = "pw", alias = "pass")]
    password: Secret,
    #[schemars(skip)]
    hidden: Secret,
    #[schemars(with = "String")]
    passed_off: Secret,
    #[schemars(with = "BTreeMap<String, String>")]
    map: BTreeMap<String, Secret>,
    #[schemars(with = "Vec<String>")]
    list: Vec<Option<Secret>>,
    #[schemars(skip)]
    tagged: Option<Tagged>,
    #[schemars(skip)]
    untagged: Option<Untagged>,
    #[schemars(skip)]
    adjacent: Option<Adjacent>,
    #[schemars(skip)]
    newtype: Option<Newtype>,
    #[schemars(skip)]
    pair: Option<(Secret, u8)>,
    #[schemars(skip)]
    lenient: SecretText,
    #[schemars(skip)]
    lenient_list: List<SecretText>,
    #[serde(deserialize_with = "by_hand")]
    #[schemars(skip)]
    by_hand: Option<Secret>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "only its decoding matters")]
    flat: Flat,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Flat {
    #[schemars(with = "String")]
    #[serde(alias = "flat-alias")]
    flat_secret: Secret,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
#[expect(dead_code, reason = "only its decoding matters")]
enum Tagged {
    A { token: Secret },
    B { key: Newtype },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its decoding matters")]
enum Untagged {
    Number(u8),
    Login { key: Secret },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", content = "value")]
#[expect(dead_code, reason = "only its decoding matters")]
enum Adjacent {
    A(Secret),
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only its decoding matters")]
struct Newtype(Secret);

fn by_hand<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Option::<Secret>::deserialize(deserializer)
}

impl Config for Holder {}

struct Holding;

impl Resource for Holding {
    const NAME: &'static str = "holding";
    const ABOUT: &'static str = "An example.";
    const VERSION: &'static str = "1.2.3";
    type Source = Holder;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = VersionMap;
}

fn check(source: &Value) -> (String, crate::context::Context) {
    let (console, log) = crate::console::tests::recording(false);
    let cx = Context::builder("holding", Step::Check).console(console).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = input::request(json!({ "source": source }), 1).unwrap();
    let answer = runtime.block_on(Holding.run(&cx, request, std::path::Path::new("")));
    let failure = answer.map_or_else(|error| cx.log().redacted(&error.to_string()), |_| String::new());
    (format!("{}{failure}", log.text()), cx)
}

#[test]
fn is_known() {
    for source in [
        json!({ "plain": "hunter22" }),
        json!({ "password": "hunter22" }),
        json!({ "pw": "hunter22" }),
        json!({ "pass": "hunter22" }),
        json!({ "hidden": "hunter22" }),
        json!({ "passed-off": "hunter22" }),
        json!({ "map": { "a": "b", "c": "hunter22" } }),
        json!({ "list": [null, "hunter22"] }),
        json!({ "tagged": { "kind": "A", "token": "hunter22" } }),
        json!({ "tagged": { "key": "hunter22", "kind": "B" } }),
        json!({ "untagged": { "key": "hunter22" } }),
        json!({ "adjacent": { "kind": "A", "value": "hunter22" } }),
        json!({ "newtype": "hunter22" }),
        json!({ "pair": ["hunter22", 1] }),
        json!({ "lenient": "hunter22" }),
        json!({ "lenient-list": { "a": "hunter22" } }),
        json!({ "by-hand": "hunter22" }),
        json!({ "flat_secret": "hunter22" }),
        json!({ "flat-alias": "hunter22" }),
    ] {
        let (said, cx) = check(&source);
        assert_eq!(cx.log().redacted("-hunter22-"), "-((redacted))-", "{source}");
        // None of these keys is unknown.
        assert_eq!(said, "", "{source}");
    }
}

#[test]
fn is_known_where_the_value_is_of_the_wrong_type() {
    for field in [
        "plain",
        "password",
        "pw",
        "hidden",
        "passed-off",
        "newtype",
        "by-hand",
        "flat_secret",
        "flat-alias",
        "lenient",
    ] {
        for value in [
            json!(12_345_678),
            json!(["12345678"]),
            json!({ "12345678": 1 }),
            json!(77),
        ] {
            if field == "lenient" && !value.is_array() && !value.is_object() {
                continue;
            }
            let (said, cx) = check(&json!({ field: value }));
            // Of a field that is flattened serde does not tell the name.
            let place = if field.starts_with("flat") {
                "source: ".to_owned()
            } else {
                format!("source.{field}: ")
            };
            assert!(said.contains(&place), "{field} {value}: {said}");
            assert!(
                !said.contains("1234") && !said.contains("77"),
                "{field} {value}: {said}"
            );
            if value != json!(77) {
                assert_eq!(cx.log().redacted("12345678"), "((redacted))", "{field} {value}");
            }
        }
    }
}

#[test]
fn others_are_unknown_all_the_same() {
    let (said, _) = check(&json!({ "pww": 1, "pw": "a", "map": {} }));
    assert!(
        said.starts_with("warning: source.pww is not a field of the holding resource"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}
