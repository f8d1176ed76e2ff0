use std::fs;

use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::compat::lenient::{Flag, List, SecretText, Text};
use crate::config::{Config, NoParams};
use crate::resource::Resource;
use crate::secret::Secret;
use crate::version::VersionMap;

/// Where things are.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Source {
    /// Address of the thing,
    /// on two lines. Required.
    uri: Text,
    /// One | the other.
    ///
    /// More. Default: `3`.
    depth: Text,
    secret: SecretText,
    /// Several.
    keys: List<SecretText>,
    on: Flag,
    mode: Mode,
    /// Those who may.
    logins: Vec<Login>,
    tunnel: Option<Login>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Fast,
    Slow,
}

#[derive(Default, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema and its decoding matter")]
struct Login {
    /// Who.
    user: String,
    #[serde(default)]
    password: Secret,
}

impl Config for Source {}

struct Example;

impl Resource for Example {
    const NAME: &'static str = "example";
    const ABOUT: &'static str = "An example.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = VersionMap;
}

const TABLE: &str = "\
| Field | Type | Default | Meaning |
|---|---|---|---|
| `uri` | string | required | Address of the thing, on two lines. Required. |
| `depth` | string | `3` | One \\| the other. More. Default: `3`. |
| `secret` | string, secret | – |  |
| `keys` | list of string, secret | – | Several. |
| `on` | boolean | – |  |
| `mode` | `\"fast\"` or `\"slow\"` | – |  |
| `logins` | list of object | – | Those who may. |
| `logins[].user` | string | required | Who. |
| `logins[].password` | string, secret | – |  |
| `tunnel` | object | – |  |
| `tunnel.user` | string | required | Who. |
| `tunnel.password` | string, secret | – |  |
";

#[test]
fn a_table_has_a_row_for_every_field() {
    assert_eq!(markdown(&Example, Part::Source), TABLE);
    assert_eq!(markdown(&Example, Part::GetParams), "No fields.\n");
}

#[test]
fn help_has_the_same_fields() {
    let help = help(&Example, Part::Source);
    assert!(help.starts_with(
        "Fields of source:\n  uri (string, required)\n      Address of the thing, on two lines."
    ));
    assert!(help.contains("  depth (string, default 3)\n"), "{help}");
    assert!(
        help.lines()
            .all(|line| line.chars().count() <= super::help::HELP_WIDTH)
    );
}

#[test]
fn what_is_not_current_is_named_and_can_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let readme = directory.path().join("README.md");
    let check =
        |update| current::check(&Example, directory.path(), update).map_err(|outdated| outdated.to_string());
    assert!(check(false).unwrap_err().contains("README.md cannot be read"));

    fs::write(&readme, "# X\n").unwrap();
    assert!(
        check(true)
            .unwrap_err()
            .contains("<!-- BEGIN fields: source --> is missing")
    );

    fs::write(&readme, "# X\n<!-- BEGIN fields: source -->\nold\n").unwrap();
    assert!(check(true).unwrap_err().contains("has no <!-- END fields -->"));

    fs::write(
        &readme,
        "# X\n<!-- BEGIN fields: source -->\nold\n<!-- END fields -->\nrest\n",
    )
    .unwrap();
    assert!(
        check(false)
            .unwrap_err()
            .contains("README.md is not current; `make docs`")
    );
    assert_eq!(check(true), Ok(()));
    assert_eq!(check(false), Ok(()));
    assert_eq!(
        fs::read_to_string(&readme).unwrap(),
        format!("# X\n<!-- BEGIN fields: source -->\n{TABLE}<!-- END fields -->\nrest\n")
    );

    fs::write(directory.path().join("schema/get.json"), "{}").unwrap();
    assert!(
        check(false)
            .unwrap_err()
            .contains("schema/get.json is not current")
    );
}
