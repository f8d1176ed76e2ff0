//! Sending a file: in one request, or in parts at once.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use concourse_resource_sdk::console::Progress;
use concourse_resource_sdk::{Context, Error, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use s3_client::sdk::Client;
use s3_client::sdk::error::SdkError;
use s3_client::sdk::primitives::{ByteStream, Length};
use s3_client::sdk::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ObjectCannedAcl,
    ServerSideEncryption,
};
use s3_client::{Call, S3};

use crate::config::{PutParams, Source};
use crate::download::CONCURRENCY;

const MIB: u64 = 1024 * 1024;
/// How large a part of an upload is at least, unless the source says so.
const PART: u64 = 8 * MIB;
/// How many parts an upload may have.
const MOST_PARTS: u64 = 10_000;
/// How much of the parts that are under way is held in memory; larger ones are read as they are sent.
const IN_MEMORY: u64 = 64 * MIB;

/// An object that is in the store.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) version_id: Option<String>,
}

/// Sends a file.
pub(crate) async fn upload(
    cx: &Context,
    s3: &S3,
    source: &Source,
    params: &PutParams,
    file: &Path,
    key: &str,
) -> Result<Stored> {
    let opened = std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    let size = opened.metadata().map_err(|error| unreadable(file, &error))?.len();
    let part = part_size(size, source.part_size);
    let name = crate::place::base_name(key).escape_debug().to_string();
    let sending = Sending {
        cx,
        s3,
        source,
        params,
        path: file.to_owned(),
        file: Arc::new(opened),
        key,
        size,
        part,
        concurrency: source.concurrency.unwrap_or(CONCURRENCY),
        progress: cx.progress(&format!("uploading {name}"), Some(size)),
    };
    // CONTRACT F15.
    let whole = source.disable_multipart.0 || source.endpoint.contains("storage.googleapis.com");
    let stored = if whole || size <= part {
        sending.in_one_request().await?
    } else {
        sending.in_parts().await?
    };
    sending.progress.finish();
    Ok(stored)
}

/// What a part of a file of that size is to have, so that there are not too many.
fn part_size(size: u64, wanted: Option<u64>) -> u64 {
    let least = size.div_ceil(MOST_PARTS).div_ceil(MIB) * MIB;
    wanted.unwrap_or(PART).max(least)
}

struct Sending<'a> {
    cx: &'a Context,
    s3: &'a S3,
    source: &'a Source,
    params: &'a PutParams,
    path: PathBuf,
    file: Arc<std::fs::File>,
    key: &'a str,
    size: u64,
    part: u64,
    concurrency: u32,
    progress: Progress,
}

/// A failed upload: tried again without checksums, or not.
enum Failed {
    ForChecksums,
    For(Error),
}

impl Sending<'_> {
    fn call(&self) -> Call<'_> {
        Call {
            doing: "putting the object",
            right: if self.acl() == ObjectCannedAcl::Private {
                "s3:PutObject or s3:PutObjectAcl"
            } else {
                "s3:PutObject, s3:PutObjectAcl, or that to make objects public"
            },
            key: Some(self.key),
        }
    }

    /// CONTRACT K4.
    fn acl(&self) -> ObjectCannedAcl {
        match self.params.acl.as_str() {
            "" => ObjectCannedAcl::Private,
            acl => ObjectCannedAcl::from(acl),
        }
    }

    fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        given(&self.source.checksum_algorithm).map(|name| ChecksumAlgorithm::from(name.as_str()))
    }

    async fn in_one_request(&self) -> Result<Stored> {
        let answer = self
            .s3
            .sending(|client| async move {
                let body = self
                    .body(0, self.size)
                    .await
                    .map_err(SdkError::construction_failure)?;
                client
                    .put_object()
                    .bucket(self.s3.bucket())
                    .key(self.key)
                    .acl(self.acl())
                    .set_content_type(given(&self.params.content_type))
                    .set_cache_control(given(&self.params.cache_control))
                    .set_metadata(self.metadata())
                    .set_server_side_encryption(self.encryption())
                    .set_ssekms_key_id(given(&self.source.sse_kms_key_id))
                    .set_checksum_algorithm(self.algorithm())
                    .content_length(i64::try_from(self.size).unwrap_or(i64::MAX))
                    .body(body)
                    .send()
                    .await
            })
            .await
            .map_err(|error| self.s3.failure(self.call(), &error))?;
        self.progress.add(self.size);
        Ok(Stored {
            version_id: answer.version_id,
        })
    }

    async fn in_parts(&self) -> Result<Stored> {
        let first = self.attempt(&self.s3.client().clone()).await;
        match first {
            Ok(stored) => Ok(stored),
            Err(Failed::For(error)) => Err(error),
            Err(Failed::ForChecksums) => {
                self.s3.leave_checksums_out();
                self.progress.set(0);
                match self.attempt(&self.s3.client().clone()).await {
                    Ok(stored) => Ok(stored),
                    Err(Failed::For(error)) => Err(error),
                    Err(Failed::ForChecksums) => Err(Error::remote(
                        "the store refuses parts with and without checksums",
                    )),
                }
            }
        }
    }

    /// One upload in parts, which is ended if it fails or is aborted.
    async fn attempt(&self, client: &Client) -> Result<Stored, Failed> {
        let algorithm = self.algorithm();
        // CRC64NVME is the one that is of the whole object only.
        let kind = (algorithm == Some(ChecksumAlgorithm::Crc64Nvme)).then_some(ChecksumType::FullObject);
        let begun = client
            .create_multipart_upload()
            .bucket(self.s3.bucket())
            .key(self.key)
            .acl(self.acl())
            .set_content_type(given(&self.params.content_type))
            .set_cache_control(given(&self.params.cache_control))
            .set_metadata(self.metadata())
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(given(&self.source.sse_kms_key_id))
            .set_checksum_algorithm(algorithm)
            .set_checksum_type(kind)
            .send()
            .await
            .map_err(|error| self.failed(&error))?;
        let Some(upload) = begun.upload_id else {
            return Err(Failed::For(Error::remote(
                "the store began an upload without saying which",
            )));
        };
        let ending = client
            .abort_multipart_upload()
            .bucket(self.s3.bucket())
            .key(self.key)
            .upload_id(&upload);
        let aborting = ending.clone();
        let guard = self.cx.on_abort(async move {
            let _ = aborting.send().await;
        });
        let stored = self.parts(client, &upload).await;
        drop(guard);
        if stored.is_err() && ending.send().await.is_err() {
            self.cx.log().warn(format!(
                "the upload {upload:?} of {:?} could not be ended: its parts stay in the bucket until a lifecycle rule removes them",
                self.key
            ));
        }
        stored
    }

    async fn parts(&self, client: &Client, upload: &str) -> Result<Stored, Failed> {
        let begins = (0..self.size).step_by(usize::try_from(self.part).unwrap_or(usize::MAX));
        let parts: Vec<CompletedPart> = stream::iter(begins.zip(1..))
            .map(|(begin, number)| self.send_part(client, upload, begin, number))
            .buffered(self.concurrency as usize)
            .try_collect()
            .await?;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let kind =
            (self.algorithm() == Some(ChecksumAlgorithm::Crc64Nvme)).then_some(ChecksumType::FullObject);
        let completed = client
            .complete_multipart_upload()
            .bucket(self.s3.bucket())
            .key(self.key)
            .upload_id(upload)
            .set_checksum_type(kind)
            .multipart_upload(parts)
            .send()
            .await;
        match completed {
            Ok(answer) => Ok(Stored {
                version_id: answer.version_id,
            }),
            Err(error) => completed_all_the_same(&error).ok_or_else(|| self.failed(&error)),
        }
    }

    async fn send_part(
        &self,
        client: &Client,
        upload: &str,
        begin: u64,
        number: i32,
    ) -> Result<CompletedPart, Failed> {
        let length = self.part.min(self.size - begin);
        let body = self
            .body(begin, length)
            .await
            .map_err(|error: std::io::Error| Failed::For(unreadable(&self.path, &error)))?;
        let sent = client
            .upload_part()
            .bucket(self.s3.bucket())
            .key(self.key)
            .upload_id(upload)
            .part_number(number)
            .set_checksum_algorithm(self.algorithm())
            .content_length(i64::try_from(length).unwrap_or(i64::MAX))
            .body(body)
            .send()
            .await
            .map_err(|error| self.failed(&error))?;
        self.progress.add(length);
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .set_checksum_crc32_c(sent.checksum_crc32_c)
            .set_checksum_crc64_nvme(sent.checksum_crc64_nvme)
            .set_checksum_sha1(sent.checksum_sha1)
            .set_checksum_sha256(sent.checksum_sha256)
            .build())
    }

    fn failed<E>(&self, error: &s3_client::RequestError<E>) -> Failed
    where
        E: s3_client::sdk::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        if self.algorithm().is_none() && !self.s3.is_plain() && s3_client::refuses_checksums(error) {
            return Failed::ForChecksums;
        }
        Failed::For(self.s3.failure(self.call(), error))
    }

    /// A stretch of the file: in memory where that is little, else read as it is sent.
    async fn body(&self, begin: u64, length: u64) -> std::io::Result<ByteStream> {
        let at_once = if self.size > self.part {
            u64::from(self.concurrency)
        } else {
            1
        };
        if length.saturating_mul(at_once) > IN_MEMORY {
            return ByteStream::read_from()
                .path(&self.path)
                .offset(begin)
                .length(Length::Exact(length))
                .buffer_size(256 * 1024)
                .build()
                .await
                .map_err(std::io::Error::other);
        }
        let file = Arc::clone(&self.file);
        let read = tokio::task::spawn_blocking(move || {
            let mut content = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
            file.read_exact_at(&mut content, begin)?;
            Ok(ByteStream::from(content))
        });
        read.await.map_err(std::io::Error::other)?
    }

    fn metadata(&self) -> Option<std::collections::HashMap<String, String>> {
        let metadata = self.params.metadata.clone();
        (!metadata.is_empty()).then(|| metadata.into_iter().collect())
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        given(&self.source.server_side_encryption).map(|name| ServerSideEncryption::from(name.as_str()))
    }
}

/// CONTRACT F17: an answer that says that the upload is complete, in another form than that of S3.
fn completed_all_the_same<E>(error: &s3_client::RequestError<E>) -> Option<Stored> {
    let response = error
        .raw_response()
        .filter(|response| response.status().is_success())?;
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let is_complete = body.contains("<CompleteMultipartUpload") && !body.contains("<Error");
    is_complete.then(|| Stored {
        version_id: response
            .headers()
            .get("x-amz-version-id")
            .filter(|id| *id != "null")
            .map(str::to_owned),
    })
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn unreadable(file: &Path, error: &std::io::Error) -> Error {
    Error::internal(format!("failed to read {}", file.display())).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_large_as_their_number_allows() {
        for (size, wanted, part) in [
            (1, None, 8 * MIB),
            (100 * MIB, Some(5 * MIB), 5 * MIB),
            (80_000 * MIB, None, 8 * MIB),
            (80_001 * MIB, None, 9 * MIB),
            (80_001 * MIB, Some(5 * MIB), 9 * MIB),
            (5 * MIB * MIB, None, 525 * MIB),
        ] {
            assert_eq!(part_size(size, wanted), part, "{size} {wanted:?}");
            assert!(size.div_ceil(part_size(size, wanted)) <= MOST_PARTS);
        }
    }
}
