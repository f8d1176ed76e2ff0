//! Listing: only the folders that can match, a page at a time.

use concourse_resource_sdk::Result;
use s3_client::{Call, S3};

use crate::key_pattern::{KeyPattern, Section};

/// What a listing needs, for the message about its failure.
const LIST: Call<'static> = Call {
    doing: "listing files",
    right: "s3:ListBucket",
    key: None,
};

/// Calls `found` with every key that matches the pattern. What is kept are the folders of one level.
pub(crate) async fn keys(s3: &S3, pattern: &KeyPattern, mut found: impl FnMut(&str)) -> Result<()> {
    let Some((last, folders)) = pattern.sections().split_last() else {
        return Ok(());
    };
    let mut prefixes = vec![String::new()];
    for section in folders {
        prefixes = match section {
            Section::Literal(text) => prefixes
                .into_iter()
                .map(|prefix| format!("{prefix}{text}/"))
                .collect(),
            Section::Pattern { regex, prefix } => {
                let mut next = Vec::new();
                for parent in &prefixes {
                    let begin = format!("{parent}{prefix}");
                    pages(s3, &begin, |page| {
                        let folders = page.common_prefixes().iter().filter_map(|folder| folder.prefix());
                        for folder in folders {
                            let name = folder
                                .strip_prefix(parent.as_str())
                                .and_then(|name| name.strip_suffix('/'));
                            if name.is_some_and(|name| regex.is_match(name)) {
                                next.push(folder.to_owned());
                            }
                        }
                    })
                    .await?;
                }
                next
            }
        };
    }
    let begin = match last {
        Section::Literal(text) => text,
        Section::Pattern { prefix, .. } => prefix,
    };
    for folder in prefixes {
        let begin = format!("{folder}{begin}");
        pages(s3, &begin, |page| {
            let keys = page.contents().iter().filter_map(|object| object.key());
            keys.filter(|key| pattern.matches(key)).for_each(&mut found);
        })
        .await?;
    }
    Ok(())
}

type Page = s3_client::sdk::operation::list_objects_v2::ListObjectsV2Output;

/// Calls `see` with every page of what begins so, up to the next slash.
async fn pages(s3: &S3, prefix: &str, mut see: impl FnMut(&Page)) -> Result<()> {
    let mut token: Option<String> = None;
    loop {
        let after = &token;
        let page = s3
            .sending(|client| async move {
                client
                    .list_objects_v2()
                    .bucket(s3.bucket())
                    .prefix(prefix)
                    .delimiter("/")
                    .set_continuation_token(after.clone())
                    .send()
                    .await
            })
            .await
            .map_err(|error| s3.failure(LIST, &error))?;
        see(&page);
        // CONTRACT F17: a store may leave out whether there is more.
        let next = page.next_continuation_token().filter(|next| !next.is_empty());
        if page.is_truncated() == Some(false) || next.is_none() || next == token.as_deref() {
            return Ok(());
        }
        token = next.map(str::to_owned);
    }
}

/// The first page of keys that begin so, without regard to folders.
pub(crate) async fn sample(s3: &S3, prefix: &str) -> Result<Vec<String>> {
    let page = s3
        .sending(|client| async move {
            client
                .list_objects_v2()
                .bucket(s3.bucket())
                .prefix(prefix)
                .send()
                .await
        })
        .await
        .map_err(|error| s3.failure(LIST, &error))?;
    Ok(page
        .contents()
        .iter()
        .filter_map(|object| object.key().map(str::to_owned))
        .collect())
}

/// The ids of an object's versions, newest first, until `enough` says so.
pub(crate) async fn version_ids(s3: &S3, key: &str, mut enough: impl FnMut(&str) -> bool) -> Result<()> {
    let call = Call {
        doing: "finding versions",
        right: "s3:ListBucketVersions",
        key: None,
    };
    let mut next: (Option<String>, Option<String>) = (None, None);
    loop {
        let (key_marker, id_marker) = (&next.0, &next.1);
        let page = s3
            .sending(|client| async move {
                client
                    .list_object_versions()
                    .bucket(s3.bucket())
                    .prefix(key)
                    .set_key_marker(key_marker.clone())
                    .set_version_id_marker(id_marker.clone())
                    .send()
                    .await
            })
            .await
            .map_err(|error| s3.failure(call, &error))?;
        for version in page.versions() {
            // Keys are sorted: what else begins so comes after it.
            if version.key() == Some(key) && version.version_id().is_some_and(&mut enough) {
                return Ok(());
            }
        }
        let after = (
            page.next_key_marker().map(str::to_owned),
            page.next_version_id_marker().map(str::to_owned),
        );
        let past = after.0.as_deref().is_some_and(|marker| marker > key);
        if page.is_truncated() != Some(true) || after.0.is_none() || after == next || past {
            return Ok(());
        }
        next = after;
    }
}

/// Whether versioning is enabled; what is suspended is not (CONTRACT 5).
pub(crate) async fn is_versioned(s3: &S3) -> Result<bool> {
    use s3_client::sdk::types::BucketVersioningStatus::Enabled;
    let call = Call {
        doing: "finding versions",
        right: "s3:GetBucketVersioning",
        key: None,
    };
    let answer = s3
        .sending(|client| async move { client.get_bucket_versioning().bucket(s3.bucket()).send().await })
        .await;
    match answer {
        Ok(answer) => Ok(answer.status() == Some(&Enabled)),
        Err(error) => status_in(&error)
            .map(|status| status == "Enabled")
            .ok_or_else(|| s3.failure(call, &error)),
    }
}

/// CONTRACT F17: the status in an answer of another form than that of S3.
fn status_in<E>(error: &s3_client::RequestError<E>) -> Option<&str> {
    let response = error
        .raw_response()
        .filter(|response| response.status().is_success())?;
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, after) = body.split_once("<Status>")?;
    Some(after.split_once("</Status>")?.0)
}
