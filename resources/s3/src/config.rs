//! The public contract: what people write, and what a version is.

use std::collections::BTreeMap;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Config, Error, Result, Secret, Step, Validator, Version, VersionMap};
use loose_version::Order;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

pub use crate::flag::{Flag, Override};
use crate::key_pattern::KeyPattern;

/// The bucket, what in it is a version, and how it is reached.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Source {
    /// Name of the bucket. Required.
    pub bucket: String,
    /// Pattern of the keys whose objects are the versions, such as `builds/app-(.*)\.tgz`: RE2, matched against the whole key. The
    /// first group is the version, or the one that is named `version`. Folders are listed only as far as they can match: write them
    /// out where you can. Either this or `versioned_file`.
    pub regexp: String,
    /// Key of one object; the versions are its versions in a bucket that has versioning enabled.
    pub versioned_file: String,
    /// With `regexp`: a key that is the first version, whatever is in the bucket. It should match `regexp`.
    pub initial_path: String,
    /// With `versioned_file`: a version id that is the first version.
    pub initial_version: String,
    /// Content of the file of the first version. Default: empty.
    pub initial_content_text: String,
    /// The same in base64. Instead of `initial_content_text`.
    pub initial_content_binary: String,
    /// Id of the access key. Together with `secret_access_key`; without both, requests are not signed, unless a role or the default
    /// chain of credentials is asked for.
    pub access_key_id: Secret,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// Token of a temporary session that the key belongs to.
    pub session_token: Secret,
    /// Role to assume before everything else, with the keys above, else with the default chain of credentials.
    pub aws_role_arn: String,
    /// Takes credentials from where AWS clients look by default: environment, shared files, web identity, container, instance.
    #[schemars(with = "bool")]
    pub enable_aws_creds_provider: Flag,
    /// Region of the bucket. Default: `us-east-1`.
    pub region_name: String,
    /// Address of a store other than AWS, such as `minio.example:9000` or `https://minio.example`.
    pub endpoint: String,
    /// Speaks plain HTTP with an `endpoint` that is written without a scheme.
    #[schemars(with = "bool")]
    pub disable_ssl: Flag,
    /// Accepts any TLS certificate.
    #[schemars(with = "bool")]
    pub skip_ssl_verification: Flag,
    /// CA certificates that are trusted too, in PEM.
    pub ca_bundle: Secret,
    /// Puts the bucket's name into the path of addresses instead of in front of the host.
    #[schemars(with = "bool")]
    pub use_path_style: Flag,
    /// Sends checksums only where S3 requires them, for stores that do not know them. A store that refuses them is noticed without
    /// this, too.
    #[schemars(with = "bool")]
    pub skip_s3_checksums: Flag,
    /// Checksum that the store keeps with an object: `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1` or `SHA256`. Default: `CRC32`, where the store takes it.
    pub checksum_algorithm: String,
    /// The objects are not public: the file `url` is presigned for 24 hours, and not shown on the build page.
    #[schemars(with = "bool")]
    pub private: Flag,
    /// A get does not fetch the object. Can be overridden in the get step.
    #[schemars(with = "bool")]
    pub skip_download: Flag,
    /// How the store encrypts what is put: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub server_side_encryption: String,
    /// Id of the KMS key it encrypts with.
    pub sse_kms_key_id: String,
    /// Uploads in one request, however large the file is.
    #[schemars(with = "bool")]
    pub disable_multipart: Flag,
    /// How versions of `regexp` compare: `loose`, or `natural`, in which digits compare by value, whatever zeros they begin with. In
    /// the loose order, `09` is newer than `10`. Default: `loose`. Not in the original resource.
    #[schemars(with = "String")]
    pub version_order: VersionOrder,
    /// Bytes of a part, in transfers in parts; 5 MiB at least. Default: from the size of the object. Not in the original resource.
    pub part_size: Option<u64>,
    /// How many parts are transferred at a time, 1 to 64. Default: 6. Not in the original resource.
    pub concurrency: Option<u32>,
    /// Deprecated, without effect.
    pub cloudfront_url: String,
    /// Deprecated, without effect.
    #[schemars(with = "bool")]
    pub use_v2_signing: Flag,
}

/// How versions compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionOrder {
    /// As the original resource has it.
    #[default]
    Loose,
    /// By value.
    Natural,
}

impl From<VersionOrder> for Order {
    fn from(order: VersionOrder) -> Self {
        match order {
            VersionOrder::Loose => Self::Loose,
            VersionOrder::Natural => Self::Natural,
        }
    }
}

/// The checksums that the S3 API has, sorted.
const CHECKSUMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

/// The smallest part that S3 takes.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;

impl Config for Source {
    fn validate(&self, v: &mut Validator<'_>) {
        // CONTRACT 2: in this order, and the first alone.
        let step = v.step();
        v.add(
            self.exclusive()
                .or_else(|| self.ours())
                .or_else(|| self.place(step)),
        );
    }
}

impl Source {
    /// The rules of the contract, with its words.
    fn exclusive(&self) -> Option<Error> {
        let given = |field: &String| !field.is_empty();
        let content = given(&self.initial_content_text) || given(&self.initial_content_binary);
        let rules = [
            (
                given(&self.regexp) && given(&self.versioned_file),
                "source.regexp",
                "please specify either regexp or versioned_file",
            ),
            (
                given(&self.regexp) && given(&self.initial_version),
                "source.initial_version",
                "please use initial_path when regexp is set",
            ),
            (
                given(&self.versioned_file) && given(&self.initial_path),
                "source.initial_path",
                "please use initial_version when versioned_file is set",
            ),
            (
                self.skip_ssl_verification.0 && !self.ca_bundle.is_empty(),
                "source.ca_bundle",
                "please do not use ca_bundle when skip_ssl_verification is set",
            ),
            (
                given(&self.initial_content_text) && given(&self.initial_content_binary),
                "source.initial_content_binary",
                "please use intial_content_text or initial_content_binary but not both",
            ),
            (
                content && !given(&self.initial_path) && !given(&self.initial_version),
                "source.initial_path",
                "please specify initial_version or initial_path if initial content is set",
            ),
        ];
        if let Some((_, field, text)) = rules.into_iter().find(|(broken, ..)| *broken) {
            return Some(Error::config(field, text).verbatim());
        }
        let field = "source.checksum_algorithm";
        if given(&self.checksum_algorithm) && !CHECKSUMS.contains(&self.checksum_algorithm.as_str()) {
            let text = format!("checksum_algorithm must be one of: {}", CHECKSUMS.join(", "));
            return Some(Error::config(field, text).verbatim());
        }
        (given(&self.checksum_algorithm) && self.skip_s3_checksums.0).then(|| {
            Error::config(
                field,
                "checksum_algorithm cannot be used when skip_s3_checksums is true",
            )
            .verbatim()
        })
    }

    /// The rules of the fields that the original resource has not.
    fn ours(&self) -> Option<Error> {
        if let Some(part) = self.part_size.filter(|part| *part < SMALLEST_PART) {
            let text =
                format!("{part} is too small: S3 takes parts of {SMALLEST_PART} bytes (5 MiB) and more");
            return Some(Error::config("source.part_size", text));
        }
        let concurrency = self.concurrency.filter(|number| !(1..=64).contains(number))?;
        Some(Error::config(
            "source.concurrency",
            format!("{concurrency} is not between 1 and 64"),
        ))
    }

    /// What is needed to find anything (CONTRACT F16).
    fn place(&self, step: Step) -> Option<Error> {
        if self.bucket.is_empty() {
            return Some(Error::config("source.bucket", "the name of a bucket is required"));
        }
        if !self.endpoint.is_empty()
            && let Err(problem) =
                s3_client::endpoint_url("source.endpoint", &self.endpoint, self.disable_ssl.0)
        {
            return Some(problem);
        }
        if !self.regexp.is_empty() {
            return KeyPattern::new(&self.regexp).err();
        }
        // CONTRACT K9: a put needs neither.
        (self.versioned_file.is_empty() && step != Step::Put)
            .then(|| Error::config("source.regexp", "either regexp or versioned_file is required"))
    }
}

/// How a version is got.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetParams {
    /// Does not fetch the object, or does, whatever the source says.
    #[schemars(with = "bool")]
    pub skip_download: Override,
    /// Unpacks the object: tar and zip, also in gzip or bzip2, and single files in gzip or bzip2. What it is, is seen by its content.
    #[schemars(with = "bool")]
    pub unpack: Flag,
    /// Writes the tags of the object to `tags.json`.
    #[schemars(with = "bool")]
    pub download_tags: Flag,
    /// Most bytes that `unpack` may write. Default: 100 times the archive, and 10 GiB at least. Not in the original resource.
    pub unpack_max_bytes: Option<u64>,
    /// Most entries that `unpack` may write. Default: 1000000. Not in the original resource.
    pub unpack_max_entries: Option<u64>,
}

impl Config for GetParams {}

/// What is put, and under which key.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PutParams {
    /// The file, as a glob below the build's working directory that matches exactly one: `build/app-*.tgz`. Required.
    pub file: String,
    /// Deprecated: a pattern that is found in the path of exactly one file. Instead of `file`.
    pub from: String,
    /// Deprecated: the key; below it, if it ends in `/`. With `from`, it may refer to its groups: `${1}`.
    pub to: String,
    /// Canned ACL of the object, such as `public-read`. Default: `private`.
    pub acl: String,
    /// MIME type of the object.
    pub content_type: String,
    /// The header `Cache-Control` of the object. Not in the original resource.
    pub cache_control: String,
    /// Metadata of the object, as names and values. Not in the original resource.
    pub metadata: BTreeMap<String, String>,
}

impl Config for PutParams {
    fn validate(&self, v: &mut Validator<'_>) {
        if !self.file.is_empty() && !self.from.is_empty() {
            v.add([Error::config("params.from", "contains both file and from").verbatim()]);
        } else if self.file.is_empty() && self.from.is_empty() {
            v.at("file").refuse("the file to put is required, as a glob");
        }
        for (name, value) in &self.metadata {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_token) {
                v.at("metadata")
                    .refuse(format!("{name:?} cannot be the name of a header"));
            }
            if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                v.at("metadata")
                    .at(name)
                    .refuse("expected printable ASCII, which is all that a header takes");
            }
        }
    }
}

/// A key, or the id of a version of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectVersion {
    path: Option<String>,
    version_id: Option<String>,
}

impl ObjectVersion {
    /// The version that is an object.
    pub(crate) fn of_path(path: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            version_id: None,
        }
    }

    /// The version that is a version of the object.
    pub(crate) fn of_id(id: impl Into<String>) -> Self {
        Self {
            path: None,
            version_id: Some(id.into()),
        }
    }

    /// The key.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The id.
    #[must_use]
    pub fn version_id(&self) -> Option<&str> {
        self.version_id.as_deref()
    }
}

impl Version for ObjectVersion {
    fn read(map: &Map<String, Value>) -> Result<Option<Self>> {
        let text = |wanted: &str| {
            let values = map.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wanted));
            match values.map(|(_, value)| value).next_back() {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
                Some(_) => Err(Error::config(format!("version.{wanted}"), "expected a string")),
            }
        };
        Ok(Some(Self {
            path: text("path")?,
            version_id: text("version_id")?,
        }))
    }

    fn write(&self) -> Result<VersionMap> {
        Ok(match (&self.version_id, &self.path) {
            (Some(id), _) => VersionMap::new("version_id", id),
            (None, path) => VersionMap::new("path", path.as_deref().unwrap_or_default()),
        })
    }
}
