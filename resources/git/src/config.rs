//! The public contract: what people write into `source`, `version` and `params`.

use concourse_resource_sdk::lenient::{Flag, List, SecretText, Text};
use concourse_resource_sdk::{Config, Problem, Secret, Step, Version, VersionShape};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::not_built::NotBuilt;

/// Where the repository is, which branch to follow, and which of its commits become versions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Source {
    /// Address of the repository: `https://`, `http://`, `file://` or a plain path. (`ssh://`, the scp form and `git://` are
    /// refused by this version.) A login in it is used for HTTP(S) and never printed. Required.
    pub uri: Text,
    /// Branch to follow. Default: the branch that the remote's `HEAD` points to; `put` needs it, unless `only_tag` is set. In
    /// `get` the name of a tag works too.
    pub branch: Text,
    /// Login name for HTTP(S), used when `password` is set too.
    pub username: Text,
    /// Password or token for HTTP(S), used when `username` is set too.
    pub password: SecretText,
    /// Pathspecs: only a commit that touches one of them becomes a version. Git's rules, and `{a,b}` is expanded. Default:
    /// `["."]`, which selects every commit. `[]` does so too.
    pub paths: List<Text>,
    /// Pathspecs of what does not count: a commit that touches nothing else does not become a version.
    pub ignore_paths: List<Text>,
    /// Makes commits count whose message has `[ci skip]` or `[skip ci]`.
    pub disable_ci_skip: Flag,
    /// How many versions a check without a version answers, at least 1. Default: `1`.
    #[schemars(with = "u32")]
    pub version_depth: Text,
    /// Which tags `get` fetches: `true` all, `false` none. Default: those that point into what is fetched. `fetch_tags` in the
    /// get params wins.
    #[schemars(with = "bool")]
    pub fetch_tags: FetchTags,
    /// Accepts any TLS certificate.
    pub skip_ssl_verification: Flag,
    /// Prints what is done in detail.
    pub debug: Flag,

    /// SSH key. Not supported yet: refused.
    #[schemars(with = "Secret")]
    pub private_key: NotBuilt,
    /// SSH user. Not supported yet: refused.
    pub private_key_user: NotBuilt,
    /// Passphrase of the SSH key. Not supported yet: refused.
    #[schemars(with = "Secret")]
    pub private_key_passphrase: NotBuilt,
    /// SSH agent forwarding. Not supported yet: refused.
    pub forward_agent: NotBuilt,
    /// Sparse checkout patterns. Not supported yet: refused.
    pub sparse_paths: NotBuilt,
    /// Follow tags that match a glob. Not supported yet: refused.
    pub tag_filter: NotBuilt,
    /// Follow tags that match a regular expression. Not supported yet: refused.
    pub tag_regex: NotBuilt,
    /// What a matching tag selects. Only the default `match_tagged` is supported yet.
    pub tag_behaviour: Text,
    /// Logins for submodules. Not supported yet: refused.
    #[schemars(with = "Vec<SubmoduleCredential>")]
    pub submodule_credentials: NotBuilt,
    /// Git configuration. Not supported yet: refused.
    #[schemars(with = "Vec<GitConfigEntry>")]
    pub git_config: NotBuilt,
    /// Armoured GPG public keys, one of which must have signed the commit. Not supported yet: refused.
    pub commit_verification_keys: NotBuilt,
    /// Ids of GPG keys to download, one of which must have signed the commit. Not supported yet: refused.
    pub commit_verification_key_ids: NotBuilt,
    /// Where GPG keys are looked up. Not supported yet: refused.
    pub gpg_keyserver: NotBuilt,
    /// git-crypt key, base64. Not supported yet: refused.
    #[schemars(with = "Secret")]
    pub git_crypt_key: NotBuilt,
    /// HTTP proxy for SSH. Not supported yet: refused.
    #[schemars(with = "HttpsTunnel")]
    pub https_tunnel: NotBuilt,
    /// Select commits by their message. Not supported yet: refused.
    #[schemars(with = "CommitFilter")]
    pub commit_filter: NotBuilt,
    /// Look for the version in all remote refs. Not supported yet: refused.
    pub search_remote_refs: NotBuilt,
}

impl Source {
    fn not_built(&self) -> impl Iterator<Item = Problem> {
        // CONTRACT 2: a misspelt behaviour is named in every case, the second behaviour is not built yet.
        let tag_behaviour = match self.tag_behaviour.non_empty() {
            Some("match_tag_ancestors") => NotBuilt::ASKED,
            _ => NotBuilt::default(),
        };
        [
            ("private_key", self.private_key),
            ("private_key_user", self.private_key_user),
            ("private_key_passphrase", self.private_key_passphrase),
            ("forward_agent", self.forward_agent),
            ("sparse_paths", self.sparse_paths),
            ("tag_filter", self.tag_filter),
            ("tag_regex", self.tag_regex),
            ("tag_behaviour", tag_behaviour),
            ("submodule_credentials", self.submodule_credentials),
            ("git_config", self.git_config),
            ("commit_verification_keys", self.commit_verification_keys),
            ("commit_verification_key_ids", self.commit_verification_key_ids),
            ("gpg_keyserver", self.gpg_keyserver),
            ("git_crypt_key", self.git_crypt_key),
            ("https_tunnel", self.https_tunnel),
            ("commit_filter", self.commit_filter),
            ("search_remote_refs", self.search_remote_refs),
        ]
        .into_iter()
        .filter_map(|(name, field)| field.problem(&format!("source.{name}")))
    }
}

impl Config for Source {
    fn problems(&self, step: Step) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.uri.get().is_none_or(|uri| uri.trim().is_empty()) {
            problems.push(Problem::verbatim(
                "source.uri",
                match step {
                    Step::Check => "source.uri is required and must not be empty",
                    Step::Get => "invalid payload (missing uri):",
                    Step::Put => "invalid payload (missing uri)",
                },
            ));
        }
        if let (Step::Check, Some(behaviour)) = (step, self.tag_behaviour.non_empty())
            && !matches!(behaviour, "match_tagged" | "match_tag_ancestors")
        {
            problems.push(Problem::verbatim(
                "source.tag_behaviour",
                "Invalid tag_behaviour. Must be one of 'match_tagged' or 'match_tag_ancestors'.",
            ));
        }
        problems.extend(self.not_built());
        problems
    }
}

/// Which tags `get` fetches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FetchTags {
    /// Not said: those that point into what is fetched.
    #[default]
    Following,
    /// Every tag of the remote.
    All,
    /// None.
    None,
}

impl<'de> Deserialize<'de> for FetchTags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self::Following),
            Value::Bool(true) => Ok(Self::All),
            Value::Bool(false) => Ok(Self::None),
            Value::String(text) => match text.as_str() {
                "" => Ok(Self::Following),
                "true" => Ok(Self::All),
                "false" => Ok(Self::None),
                _ => Err(wrong_fetch_tags()),
            },
            _ => Err(wrong_fetch_tags()),
        }
    }
}

fn wrong_fetch_tags<E: serde::de::Error>() -> E {
    E::custom(r#"expected true, false, "true" or "false""#)
}

/// A commit, by its id, the name of a tag or of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitVersion {
    /// Commit id, abbreviated commit id, name of a tag or of a branch.
    pub reference: String,
    /// The branch that a put with `params.branch` pushed to.
    pub branch: Option<String>,
}

impl GitVersion {
    /// The version of a commit, tag or branch.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            branch: None,
        }
    }
}

impl VersionShape for GitVersion {
    fn read(map: &Map<String, Value>) -> Result<Option<Self>, Problem> {
        let reference = text_entry(map, "ref")?;
        let branch = text_entry(map, "branch")?;
        Ok(reference.map(|reference| Self { reference, branch }))
    }

    fn write(&self) -> Version {
        match &self.branch {
            Some(branch) => Version::new("branch", branch).with("ref", &self.reference),
            None => Version::new("ref", &self.reference),
        }
    }
}

fn text_entry(map: &Map<String, Value>, key: &str) -> Result<Option<String>, Problem> {
    match map.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(true)) => Ok(Some("true".to_owned())),
        Some(Value::Array(_)) => Err(wrong_entry(key, "an array")),
        Some(Value::Object(_)) => Err(wrong_entry(key, "an object")),
    }
}

fn wrong_entry(key: &str, found: &str) -> Problem {
    Problem::new(
        format!("version.{key}"),
        format!("expected a string, found {found}"),
    )
    .exit(crate::WRONG_TYPE_EXIT)
}

/// What a `get` step writes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetParams {
    /// How many commits of history to fetch, counted from the version. Default: all. Ignored for plain local paths.
    #[schemars(with = "u32")]
    pub depth: Text,
    /// Which tags to fetch; wins over the source's `fetch_tags`.
    #[schemars(with = "bool")]
    pub fetch_tags: FetchTags,
    /// `none` leaves submodules out, which is all that this version can do: without it, a repository that has submodules is
    /// refused.
    pub submodules: Submodules,
    /// `true` leaves Git LFS pointer files as they are, which is all that this version can do: without it, a repository that
    /// has LFS files is refused.
    pub disable_git_lfs: Flag,
    /// Prints what is done in detail.
    pub debug: Flag,

    /// Further branches to fetch. Not supported yet: refused.
    pub fetch: NotBuilt,
    /// Has no effect while submodules are not supported.
    pub submodule_recursive: Text,
    /// Check out the tips of submodules' branches. Not supported yet: refused.
    pub submodule_remote: NotBuilt,
    /// Delete all tags at the end. Not supported yet: refused.
    pub clean_tags: NotBuilt,
    /// Format of `.git/short_ref`. Not supported yet: refused.
    pub short_ref_format: NotBuilt,
    /// Format of `.git/commit_timestamp`. Not supported yet: refused.
    pub timestamp_format: NotBuilt,
    /// Options for `.git/describe_ref`. Not supported yet: refused.
    pub describe_ref_options: NotBuilt,
    /// Fetch all branches. Not supported yet: refused.
    pub all_branches: NotBuilt,
}

impl Config for GetParams {
    fn problems(&self, _: Step) -> Vec<Problem> {
        let submodules = match self.submodules {
            Submodules::Selected => NotBuilt::ASKED,
            Submodules::All | Submodules::None => NotBuilt::default(),
        };
        [
            ("fetch", self.fetch),
            ("submodules", submodules),
            ("submodule_remote", self.submodule_remote),
            ("clean_tags", self.clean_tags),
            ("short_ref_format", self.short_ref_format),
            ("timestamp_format", self.timestamp_format),
            ("describe_ref_options", self.describe_ref_options),
            ("all_branches", self.all_branches),
        ]
        .into_iter()
        .filter_map(|(name, field)| field.problem(&format!("params.{name}")))
        .collect()
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
                { "enum": ["all", "none"] },
                { "type": "array", "items": { "type": "string" } },
            ],
            "default": "all",
        })
    }
}

/// What a `put` step pushes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PutParams {
    /// Directory of the repository to push, below the build's working directory. Required.
    pub repository: Text,
    /// Overwrites the remote branch and remote tags that differ.
    pub force: Flag,
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

    /// Rebase onto the remote branch before pushing. Not supported yet: refused.
    pub rebase: NotBuilt,
    /// Merge strategy of the rebase. Not supported yet: refused.
    pub rebase_strategy: NotBuilt,
    /// Options of the merge strategy. Not supported yet: refused.
    pub rebase_strategy_option: NotBuilt,
    /// Merge the remote branch before pushing. Not supported yet: refused.
    pub merge: NotBuilt,
    /// Which commit a merge returns. Not supported yet: refused.
    pub returning: NotBuilt,
    /// File with a note for the commit. Not supported yet: refused.
    pub notes: NotBuilt,
    /// Branch to push to. Not supported yet: refused.
    pub branch: NotBuilt,
    /// Where on the remote the branch is. Not supported yet: refused.
    pub refs_prefix: NotBuilt,
    /// Options for the server. Not supported yet: refused.
    pub push_options: NotBuilt,
}

impl Config for PutParams {
    fn problems(&self, _: Step) -> Vec<Problem> {
        [
            ("rebase", self.rebase),
            ("rebase_strategy", self.rebase_strategy),
            ("rebase_strategy_option", self.rebase_strategy_option),
            ("merge", self.merge),
            ("returning", self.returning),
            ("notes", self.notes),
            ("branch", self.branch),
            ("refs_prefix", self.refs_prefix),
            ("push_options", self.push_options),
        ]
        .into_iter()
        .filter_map(|(name, field)| field.problem(&format!("params.{name}")))
        .collect()
    }
}

/// A login for submodules on one host, or an SSH key for one submodule.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "only the schema is used until submodules are supported; it marks the secrets"
)]
struct SubmoduleCredential {
    /// Host name, for HTTP(S).
    host: String,
    /// Login name.
    username: String,
    /// Password or token.
    password: Secret,
    /// URL of the submodule, for SSH.
    url: String,
    /// SSH key.
    private_key: Secret,
    /// Passphrase of the SSH key.
    private_key_passphrase: Secret,
}

/// One entry of the git configuration.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is used until git_config is supported")]
struct GitConfigEntry {
    /// Section and key.
    name: String,
    /// Value; it may hold a credential (`http.extraHeader`), so it is kept out of every log.
    value: Secret,
}

/// An HTTP proxy.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "only the schema is used until SSH is supported; it marks the secret"
)]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
struct HttpsTunnel {
    /// Host name.
    proxy_host: String,
    /// Port.
    proxy_port: String,
    /// Login name.
    proxy_user: String,
    /// Password.
    proxy_password: Secret,
}

/// Which commits count, by their message.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "only the schema is used until commit filters are supported"
)]
struct CommitFilter {
    /// Patterns, one of which must match.
    include: Vec<String>,
    /// Patterns, none of which may match.
    exclude: Vec<String>,
    /// Whether all of `include` must match.
    include_all_match: bool,
    /// Whether only a commit that all of `exclude` match is left out.
    exclude_all_match: bool,
}
