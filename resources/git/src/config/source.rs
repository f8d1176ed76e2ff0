//! `source`.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::compat::lenient::{Count, Flag, List, Needed, OneOf, SecretText, Text};
use concourse_resource_sdk::schema::given;
use concourse_resource_sdk::{Config, Error, Result, Secret, Step, Validator};
use git_source::{Access, GitConfigEntry, HttpsTunnel};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::not_built::{NotBuilt, NotBuiltAs};
use git_source::FetchTags;

/// Where the repository is, which branch to follow, and which of its commits become versions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["uri"], "not" = given(&["tag_filter", "tag_regex"])))]
pub struct Source {
    /// Address of the repository: `https://`, `http://`, `ssh://`, the scp form `user@host:path`, `git://`, `file://` or a plain
    /// path. A login in it is used for HTTP(S) and never printed. Required.
    #[schemars(with = "Needed")]
    pub uri: Text,
    /// Branch to follow. Default: the branch that the remote's `HEAD` points to; `put` needs it, unless `only_tag` is set. In
    /// `get` the name of a tag works too.
    pub branch: Text,
    /// Login name for HTTP(S), used when `password` is set too.
    pub username: Text,
    /// Password or token for HTTP(S), used when `username` is set too.
    pub password: SecretText,
    /// SSH key: RSA, ECDSA or Ed25519, in the format of OpenSSH, `PuTTY` or PEM.
    pub private_key: SecretText,
    /// Passphrase of the SSH key, if it has one.
    pub private_key_passphrase: SecretText,
    /// SSH user, where the address names none. Default: the user who runs the check or step, `root` in an image.
    pub private_key_user: Text,
    /// Lets the SSH server, and programs there, log in elsewhere with `private_key`, by agent forwarding; the key stays here.
    pub forward_agent: Flag,
    /// Lines of a `known_hosts` file: SSH servers must have one of these host keys. Default: any key is accepted, with a warning.
    /// (Not in the reference.)
    pub known_hosts: Text,
    /// HTTP proxy through which SSH connections go, by `CONNECT`.
    pub https_tunnel: Option<HttpsTunnel>,
    /// Pathspecs: only a commit that touches one of them becomes a version. Git's rules, and `{a,b}` is expanded. Default:
    /// `["."]`, which selects every commit. `[]` does so too.
    pub paths: List<Text>,
    /// Pathspecs of what does not count: a commit that touches nothing else does not become a version.
    pub ignore_paths: List<Text>,
    /// Makes commits count whose message has `[ci skip]` or `[skip ci]`.
    pub disable_ci_skip: Flag,
    /// Which commits become versions, by their message.
    pub commit_filter: CommitFilter,
    /// How many versions a check without a version answers, at least 1. Default: `1`.
    #[schemars(with = "Count")]
    pub version_depth: Text,
    /// Follows tags instead of commits: those whose whole name matches this glob, in which `*` and `?` match a slash, too. With
    /// `branch`, only tags that are below the head of that branch.
    pub tag_filter: Text,
    /// Follows tags whose whole name matches this extended regular expression of GNU's; not together with `tag_filter`.
    pub tag_regex: Text,
    /// What a tag that matches makes a version: `match_tagged` the tag itself, `match_tag_ancestors` the commits that are below
    /// it. Default: `match_tagged`.
    pub tag_behaviour: OneOf<TagBehaviour>,
    /// Patterns of a sparse checkout, as in `.gitignore`: `get` writes only files that match. Default: `["."]`, which is all files.
    pub sparse_paths: List<Text>,
    /// Which tags `get` fetches: `true` all, `false` none. Default: those that point into what is fetched. `fetch_tags` in the
    /// get params wins.
    pub fetch_tags: FetchTags,
    /// Makes `get` look for a version that is not on the branch in all refs of the remote, such as those of pull requests.
    pub search_remote_refs: Flag,
    /// Git configuration, also written into the clone. `user.name` and `user.email` are who makes tags, merges and notes;
    /// `http.proxy`, `http.sslVerify` and `http.extraHeader`, also for a URL as in `http.<url>.proxy`, and
    /// `url.<base>.insteadOf` count for connections.
    pub git_config: List<GitConfigEntry>,
    /// Public keys, one of which must have signed the commit that `get` checks out: armoured OpenPGP keys, or SSH keys as in
    /// `authorized_keys`. (SSH keys are not in the reference.)
    pub commit_verification_keys: List<Text>,
    /// Ids or fingerprints of OpenPGP keys to download, which may have signed the commit, too.
    pub commit_verification_key_ids: List<Text>,
    /// Where they are looked up: `hkp://` or `hkps://`. Default: `hkp://keyserver.ubuntu.com/`.
    pub gpg_keyserver: Text,
    /// Key of git-crypt, with which `get` decrypts files: what `git-crypt export-key` writes, in base64.
    pub git_crypt_key: SecretText,
    /// Accepts any TLS certificate.
    pub skip_ssl_verification: Flag,
    /// Prints what is done in detail.
    pub debug: Flag,

    /// Logins for submodules. Not supported yet: refused.
    #[schemars(with = "NotBuiltAs<Vec<SubmoduleCredential>>")]
    pub submodule_credentials: NotBuilt,
}

impl Source {
    /// How the repository is reached.
    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            uri: self.uri.get(),
            branch: self.branch.get(),
            username: self.username.non_empty(),
            password: self.password.non_empty(),
            private_key: self.private_key.non_empty(),
            private_key_passphrase: self.private_key_passphrase.non_empty(),
            private_key_user: self.private_key_user.non_empty(),
            forward_agent: self.forward_agent.0,
            known_hosts: self.known_hosts.non_empty(),
            https_tunnel: self.https_tunnel.as_ref(),
            git_config: self.git_config.0.as_deref().unwrap_or_default(),
            skip_ssl_verification: self.skip_ssl_verification.0,
        }
    }

    /// CONTRACT 2 and F13: how many versions a check without a version answers.
    pub(crate) fn version_depth(&self) -> Result<usize, Error> {
        let Some(text) = self.version_depth.non_empty() else {
            return Ok(1);
        };
        match text.trim().parse::<usize>() {
            Ok(depth) if depth > 0 => Ok(depth),
            _ => Err(Error::config(
                "source.version_depth",
                format!("Invalid version_depth. Must be a whole number above 0, found {text:?}."),
            )
            .verbatim()),
        }
    }

    /// Whether tags are followed, not commits.
    pub(crate) fn follows_tags(&self) -> bool {
        self.tag_filter.non_empty().is_some() || self.tag_regex.non_empty().is_some()
    }

    fn follows_tags_twice(&self) -> bool {
        self.tag_filter.non_empty().is_some() && self.tag_regex.non_empty().is_some()
    }

    fn not_built(&self) -> impl Iterator<Item = Error> {
        [("submodule_credentials", self.submodule_credentials)]
            .into_iter()
            .filter_map(|(name, field)| field.problem(&format!("source.{name}")))
    }
}

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        let step = v.step();
        let verbatim = |field: &str, text: &str| Error::config(format!("source.{field}"), text).verbatim();
        if self.uri.get().is_none_or(|uri| uri.trim().is_empty()) {
            let text = match step {
                Step::Check => "source.uri is required and must not be empty",
                Step::Get => "invalid payload (missing uri):",
                Step::Put => "invalid payload (missing uri)",
            };
            v.add([verbatim("uri", text).hint("source.uri: the address of the repository is required")]);
        }
        if step == Step::Check {
            if self.follows_tags_twice() {
                v.add([verbatim(
                    "tag_regex",
                    "Cannot provide both tag_filter and tag_regex",
                )]);
            }
            if self.tag_behaviour == OneOf::Unknown {
                let text = "Invalid tag_behaviour. Must be one of 'match_tagged' or 'match_tag_ancestors'.";
                v.add([verbatim("tag_behaviour", text)]);
            }
            v.add(self.version_depth().err());
            v.add(self.commit_filter.problems());
        }
        v.add(self.not_built());
    }
}

/// What a tag that matches makes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagBehaviour {
    /// The tag itself.
    MatchTagged,
    /// The commits that are below it.
    MatchTagAncestors,
}

/// A login for submodules on one host, or an SSH key for one submodule.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "only the schema is used until submodules are supported; it marks the secrets"
)]
struct SubmoduleCredential {
    /// Host name, for HTTP(S).
    host: Option<String>,
    /// Login name.
    username: Option<String>,
    /// Password or token.
    password: Option<Secret>,
    /// URL of the submodule, for SSH.
    url: Option<String>,
    /// SSH key.
    private_key: Option<Secret>,
    /// Passphrase of the SSH key.
    private_key_passphrase: Option<Secret>,
}

/// Which commits become versions, by their message: each line of it is compared with GNU basic regular expressions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CommitFilter {
    /// Patterns, one of which must match a line.
    pub include: Patterns,
    /// Patterns: a commit that one of them matches is left out.
    pub exclude: Patterns,
    /// Makes all of `include` have to match, each some line.
    pub include_all_match: Flag,
    /// Leaves out only commits that all of `exclude` match.
    pub exclude_all_match: Flag,
}

/// A list of patterns as it was written; what is no list is found when the filter is made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Patterns(pub serde_json::Value);

impl CommitFilter {
    fn problems(&self) -> impl Iterator<Item = Error> {
        [("include", &self.include), ("exclude", &self.exclude)]
            .into_iter()
            .filter(|(_, patterns)| !patterns.0.is_null() && !patterns.0.is_array())
            .map(|(field, patterns)| {
                let text = format!(
                    "invalid commit filter (expected array of strings): {}",
                    patterns.0
                );
                Error::config(format!("source.commit_filter.{field}"), text).verbatim()
            })
    }
}

impl Patterns {
    /// The patterns.
    pub(crate) fn items(&self) -> &[serde_json::Value] {
        self.0.as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

impl JsonSchema for Patterns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Patterns".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// CONTRACT 4.3: what is no string counts as its JSON.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "array", "items": { "type": ["string", "number", "boolean", "object", "array", "null"] } })
    }
}
