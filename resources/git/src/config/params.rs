//! `params` of get and put steps.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::compat::lenient::{AnyNumber, Flag, List, Needed, Text};
use concourse_resource_sdk::schema::both_on;
use concourse_resource_sdk::{Config, Error, Validator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use git_source::FetchTags;

use crate::dates::DateStyle;
use crate::not_built::NotBuilt;

/// What a `get` step writes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetParams {
    /// How many commits of history to fetch, counted from the version. Default: all. Ignored for plain local paths.
    #[schemars(with = "AnyNumber")]
    pub depth: Text,
    /// Further branches to fetch, each as a local branch.
    pub fetch: List<Text>,
    /// Which tags to fetch; wins over the source's `fetch_tags`.
    pub fetch_tags: FetchTags,
    /// `none` leaves submodules out, which is all that this version can do: without it, a repository that has submodules is
    /// refused.
    pub submodules: Submodules,
    /// Leaves Git LFS pointer files as they are; without it, they become the files that they point to.
    pub disable_git_lfs: Flag,
    /// Deletes all local tags at the end, after the files below `.git` were written.
    pub clean_tags: Flag,
    /// Pattern of `printf` for `.git/short_ref`, such as `build-%s`. Default: `%s`.
    pub short_ref_format: Text,
    /// How `.git/commit_timestamp` is written: `iso8601`, `iso-strict`, `rfc2822`, `short`, `raw`, `unix`, `default`, `human`,
    /// `relative`, each also with `-local`, or `format:` and a pattern of `strftime` without blanks. Default: `iso8601`.
    #[schemars(with = "TimestampFormat")]
    pub timestamp_format: Text,
    /// Options of `git describe` for `.git/describe_ref`, separated by blanks; all but `--contains`. Default:
    /// `--always --dirty --broken`.
    pub describe_ref_options: Text,
    /// Fetches all branches of the remote, not only the one that is checked out. No effect together with `depth`.
    #[schemars(with = "Flag")]
    pub all_branches: Text,
    /// Prints what is done in detail.
    pub debug: Flag,

    /// Has no effect while submodules are not supported.
    pub submodule_recursive: Text,
    /// Check out the tips of submodules' branches. Not supported yet: refused.
    pub submodule_remote: NotBuilt,
}

impl Config for GetParams {
    fn validate(&self, v: &mut Validator<'_>) {
        let submodules = match self.submodules {
            Submodules::Selected => NotBuilt::ASKED,
            Submodules::All | Submodules::None => NotBuilt::default(),
        };
        v.add(submodules.problem("params.submodules"));
        v.add(self.submodule_remote.problem("params.submodule_remote"));
        v.add(
            self.timestamp_format
                .get()
                .and_then(|name| DateStyle::named(name).err()),
        );
    }
}

/// The schema of `timestamp_format`.
struct TimestampFormat;

impl JsonSchema for TimestampFormat {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimestampFormat".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = DateStyle::NAMES.join("|");
        schemars::json_schema!({
            "type": ["string", "boolean"],
            "pattern": format!("^(({names})(-local)?|local|format(-local)?:.*)$"),
            "not": { "const": true },
        })
    }
}

/// Which submodules `get` fetches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Submodules {
    /// All of them.
    #[default]
    All,
    /// None of them.
    None,
    /// Those whose paths match.
    Selected,
}

impl<'de> Deserialize<'de> for Submodules {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(false) => Ok(Self::All),
            Value::String(text) if text == "all" || text.is_empty() => Ok(Self::All),
            Value::String(text) if text == "none" => Ok(Self::None),
            Value::String(text) if text.trim_start().starts_with('[') => Ok(Self::Selected),
            // CONTRACT 5.4: an empty list selects all.
            Value::Array(items) if items.is_empty() => Ok(Self::All),
            Value::Array(_) => Ok(Self::Selected),
            _ => Err(serde::de::Error::custom(
                r#"expected "all", "none" or a list of paths"#,
            )),
        }
    }
}

impl JsonSchema for Submodules {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Submodules".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "enum": ["all", "none", "", false] },
                // Those that are named: not built yet.
                { "type": "array", "items": { "type": "string" }, "maxItems": 0 },
            ],
            "default": "all",
        })
    }
}

/// What a `put` step pushes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["repository"], "not" = both_on("merge", "rebase")))]
pub struct PutParams {
    /// Directory of the repository to push, below the build's working directory. Required.
    #[schemars(with = "Needed")]
    pub repository: Text,
    /// Branch to push to instead of the source's; the version then names it, too.
    pub branch: Text,
    /// Where on the remote the branch is. Default: `refs/heads`.
    pub refs_prefix: Text,
    /// Overwrites the remote branch and remote tags that differ.
    pub force: Flag,
    /// Rebases onto the remote branch before pushing, and again if someone pushed meanwhile. Local merges are refused.
    pub rebase: Flag,
    /// Merges the remote branch before pushing, and again if someone pushed meanwhile. Not together with `rebase`.
    pub merge: Flag,
    /// Which commit a put with `merge` returns: `merged` the one that was pushed, `unmerged` the one from before the merge.
    /// Default: `merged`.
    pub returning: Text,
    /// File, below the build's working directory, that holds a note for the commit, in `refs/notes/commits`.
    pub notes: Text,
    /// Options that are sent to the server with the push.
    pub push_options: List<Text>,
    /// File, below the build's working directory, that holds the name of a tag to set on the commit that is pushed.
    pub tag: Text,
    /// Pushes tags only.
    pub only_tag: Flag,
    /// Put before the name of the tag.
    pub tag_prefix: Text,
    /// File, below the build's working directory, that holds the message of the tag, which makes it an annotated one.
    pub annotate: Text,
    /// Prints what is done in detail.
    pub debug: Flag,

    /// Merge strategy of the rebase. Not supported yet: refused.
    pub rebase_strategy: NotBuilt,
    /// Options of the merge strategy. Not supported yet: refused.
    pub rebase_strategy_option: NotBuilt,
}

impl Config for PutParams {
    fn validate(&self, v: &mut Validator<'_>) {
        let repository = self.repository.non_empty().unwrap_or_default();
        if repository.trim().is_empty() {
            let missing =
                Error::config("params.repository", "invalid payload (missing repository)").verbatim();
            v.add([missing.hint("params.repository: the directory of a clone is required")]);
        }
        if self.merge.0 && self.rebase.0 {
            let text = "invalid push strategy (either merge or rebase can be set, but not both)";
            v.add([Error::config("params.rebase", text).verbatim()]);
        }
        v.add(self.rebase_strategy.problem("params.rebase_strategy"));
        v.add(
            self.rebase_strategy_option
                .problem("params.rebase_strategy_option"),
        );
    }
}
