//! `in` (CONTRACT 6).

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Context, Error, Metadata, Outcome, Result};
use s3_client::sdk::presigning::PresigningConfig;
use s3_client::{Call, S3};

use crate::archive::{self, Limits};
use crate::config::{GetParams, ObjectVersion, Source};
use crate::connect::connect;
use crate::download::{Object, download};
use crate::key_pattern::KeyPattern;
use crate::place::{Place, base_name, file_name, known};
use crate::public_url::public_url;

/// How long a presigned address is good.
const PRESIGNED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to be got.
#[derive(Debug)]
struct Wanted {
    key: String,
    id: Option<String>,
    /// What the file `version` says.
    version: String,
    is_initial: bool,
}

pub(crate) async fn get(
    cx: &Context,
    source: &Source,
    version: &ObjectVersion,
    params: &GetParams,
    dest: &Path,
) -> Result<Outcome<ObjectVersion>> {
    if !source.cloudfront_url.is_empty() {
        cx.log().line(
            "'cloudfront_url' is deprecated and no longer used. You only need to specify 'endpoint' now.",
        );
    }
    let wanted = resolve(source, version)?;
    let name = file_name(&wanted.key)?;
    let mut place = Place::open(dest)?;
    let mut metadata = Metadata::default();
    metadata.push(("filename", base_name(&wanted.key)));
    if wanted.is_initial {
        place.write(&name, &initial_content(source)?)?;
        if params.unpack.0 {
            let limits = Limits::of(params);
            place = archive::unpack(cx, place, name, limits, archive::Otherwise::Leave).await?;
        }
    } else {
        let s3 = connect(cx, source).await?;
        place = contents(cx, &s3, source, &wanted, params, place).await?;
        let endpoint = endpoint(source)?;
        let public = public_url(source, endpoint.as_ref(), &wanted.key, wanted.id.as_deref());
        let url = if source.private.0 && s3.is_signed() {
            presigned(cx, &s3, &wanted).await?
        } else {
            public.clone()
        };
        place.write(&known("url")?, url.as_bytes())?;
        place.write(
            &known("s3_uri")?,
            format!("s3://{}/{}", source.bucket, wanted.key).as_bytes(),
        )?;
        if !source.private.0 {
            metadata.push(("url", public));
        }
    }
    place.write(&known("version")?, wanted.version.as_bytes())?;
    let version = match (&wanted.id, source.versioned_file.is_empty()) {
        (Some(id), false) => ObjectVersion::of_id(id),
        _ => ObjectVersion::of_path(&wanted.key),
    };
    Ok(Outcome::new(version).metadata(metadata))
}

/// The address of the endpoint of a source.
pub(crate) fn endpoint(source: &Source) -> Result<Option<url::Url>, Error> {
    match source.endpoint.as_str() {
        "" => Ok(None),
        endpoint => s3_client::endpoint_url("source.endpoint", endpoint, source.disable_ssl.0).map(Some),
    }
}

fn resolve(source: &Source, version: &ObjectVersion) -> Result<Wanted> {
    if !source.versioned_file.is_empty() {
        // CONTRACT K10: without an id, the current one.
        let id = version.version_id().map(str::to_owned);
        return Ok(Wanted {
            key: source.versioned_file.clone(),
            version: id.clone().unwrap_or_default(),
            is_initial: id.as_ref().is_some_and(|id| *id == source.initial_version),
            id,
        });
    }
    let Some(path) = version.path() else {
        return Err(Error::config("version.path", "missing path in request").verbatim());
    };
    let pattern = KeyPattern::new(&source.regexp)?;
    let unmatched = |cause: &str| {
        let problem = Error::config(
            "version.path",
            format!("regex does not match provided version: {path:?}{cause}"),
        )
        .verbatim();
        problem.hint("source.regexp was changed, or the version is pinned to an older one")
    };
    let captured = pattern.captured(path).ok_or_else(|| unmatched(""))?;
    if let Err(invalid) = &captured.version {
        return Err(unmatched(&format!(
            ": the version in it, {:?}, is none: {invalid}",
            captured.text
        )));
    }
    Ok(Wanted {
        key: path.to_owned(),
        // CONTRACT 8: only for the address; the object is the current one.
        id: version.version_id().map(str::to_owned),
        version: captured.text,
        is_initial: path == source.initial_path,
    })
}

fn initial_content(source: &Source) -> Result<Vec<u8>> {
    if source.initial_content_binary.is_empty() {
        return Ok(source.initial_content_text.clone().into_bytes());
    }
    let strict = GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new());
    let text: String = source
        .initial_content_binary
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n'))
        .collect();
    strict.decode(text).map_err(|_| {
        Error::config(
            "source.initial_content_binary",
            "failed to decode initial_content_binary, make sure it's base64 encoded",
        )
        .verbatim()
    })
}

/// The object, unpacked if that is wanted, and its tags.
async fn contents(
    cx: &Context,
    s3: &S3,
    source: &Source,
    wanted: &Wanted,
    params: &GetParams,
    mut place: Place,
) -> Result<Place> {
    let skip = params.skip_download.value().map_err(|text| {
        let text = format!("skip_download defined but invalid value: {text}");
        Error::config("params.skip_download", text).verbatim()
    })?;
    let object = Object {
        key: &wanted.key,
        version: wanted.id.as_deref().filter(|_| !source.versioned_file.is_empty()),
    };
    if !skip.unwrap_or(source.skip_download.0) {
        let name = file_name(&wanted.key)?;
        download(cx, s3, source, &object, &mut place, &name).await?;
        if params.unpack.0 {
            place = archive::unpack(cx, place, name, Limits::of(params), archive::Otherwise::Fail).await?;
        }
    }
    if params.download_tags.0 {
        let tags = tags(s3, &object).await?;
        place.write(&known("tags.json")?, tags.as_bytes())?;
    }
    Ok(place)
}

/// The tags of an object as a JSON object, its keys sorted.
async fn tags(s3: &S3, object: &Object<'_>) -> Result<String> {
    let right = match object.version {
        Some(_) => "s3:GetObjectVersionTagging",
        None => "s3:GetObjectTagging",
    };
    let call = Call {
        doing: "getting the tags",
        right,
        key: Some(object.key),
    };
    let answer = s3
        .sending(|client| async move {
            client
                .get_object_tagging()
                .bucket(s3.bucket())
                .key(object.key)
                .set_version_id(object.version.map(str::to_owned))
                .send()
                .await
        })
        .await
        .map_err(|error| s3.failure(call, &error))?;
    let tags: std::collections::BTreeMap<&str, &str> = answer
        .tag_set()
        .iter()
        .map(|tag| (tag.key(), tag.value()))
        .collect();
    serde_json::to_string(&tags).map_err(|error| Error::internal("failed to write the tags").cause(error))
}

/// An address with which anyone can fetch the object, for a day.
async fn presigned(cx: &Context, s3: &S3, wanted: &Wanted) -> Result<String> {
    let failed = |cause: String| Error::internal("failed to presign the address of the object").cause(cause);
    let config = PresigningConfig::builder()
        .start_time(cx.now())
        .expires_in(PRESIGNED)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let request = s3
        .client()
        .get_object()
        .bucket(s3.bucket())
        .key(&wanted.key)
        .set_version_id(wanted.id.clone())
        .customize()
        .config_override(
            s3_client::sdk::config::Builder::new().response_checksum_validation(
                s3_client::sdk::config::ResponseChecksumValidation::WhenRequired,
            ),
        )
        .presigned(config)
        .await
        .map_err(|error| failed(concourse_resource_sdk::error::chain(&error)))?;
    Ok(request.uri().to_owned())
}
