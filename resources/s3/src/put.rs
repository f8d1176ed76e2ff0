//! `out` (CONTRACT 7).

use std::path::Path;

use concourse_resource_sdk::{Context, Error, Metadata, Outcome, Result};

use crate::config::{ObjectVersion, PutParams, Source};
use crate::connect::connect;
use crate::get::endpoint;
use crate::inputs::{chosen, from_pattern};
use crate::key_pattern;
use crate::place::base_name;
use crate::public_url::public_url;
use crate::upload;

const DEPRECATED: &str = "WARNING:\n\
    Parameters 'from/to' are deprecated, use 'file' instead\n\
    Source field 'use_v2_signing' has been removed. v4 signing happens by default now.\n";

pub(crate) async fn put(
    cx: &Context,
    source: &Source,
    params: &PutParams,
    sources: &Path,
) -> Result<Outcome<ObjectVersion>> {
    if !params.from.is_empty() || !params.to.is_empty() || source.use_v2_signing.0 {
        cx.log().warn(DEPRECATED);
    }
    let file = chosen(params, sources)?;
    let key = key(source, params, sources, &file)?;
    let s3 = connect(cx, source).await?;
    let stored = upload::upload(cx, &s3, source, params, &file, &key).await?;
    let id = stored.version_id.filter(|id| !id.is_empty());
    let version = if source.versioned_file.is_empty() {
        ObjectVersion::of_path(&key)
    } else {
        // CONTRACT K11: after the upload.
        ObjectVersion::of_id(id.as_deref().ok_or_else(|| {
            Error::remote("object versioning not enabled").hint(format!(
                "object {key:?} was written all the same; enable versioning of bucket {:?}",
                source.bucket
            ))
        })?)
    };
    let mut metadata = Metadata::default();
    metadata.push(("filename", base_name(&key)));
    if !source.private.0 {
        let url = public_url(source, endpoint(source)?.as_ref(), &key, id.as_deref());
        metadata.push(("url", url));
    }
    Ok(Outcome::new(version).metadata(metadata))
}

/// The key that a file gets.
fn key(source: &Source, params: &PutParams, sources: &Path, file: &Path) -> Result<String> {
    if !source.versioned_file.is_empty() {
        return Ok(source.versioned_file.clone());
    }
    let not_text = || {
        Error::config(
            "params.file",
            format!("{} is not UTF-8, as keys are", file.display()),
        )
    };
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(not_text)?;
    if params.from.is_empty() && params.to.is_empty() && !source.regexp.is_empty() {
        let directory = key_pattern::directory(&source.regexp).ok_or_else(|| {
            Error::config("source.regexp", "its folder is a pattern, so it does not say where a file is put")
                .hint("write the folder out, or use a resource of its own, without regexp, to put; params.to names the key")
        })?;
        return Ok(joined(&directory, name));
    }
    if params.to.is_empty() || params.to.ends_with('/') {
        return Ok(joined(&params.to, name));
    }
    if params.from.is_empty() {
        // CONTRACT F14.
        return Ok(params.to.clone());
    }
    let relative = file.strip_prefix(sources).unwrap_or(file);
    let relative = relative.to_str().ok_or_else(not_text)?;
    let regex = from_pattern(&params.from)?;
    Ok(regex.replace_all(relative, params.to.as_str()).into_owned())
}

/// A folder and a name, without `//`, `.` and `..`; a leading slash stays.
fn joined(directory: &str, name: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for part in directory.split('/').chain([name]) {
        match part {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            part => names.push(part),
        }
    }
    let slash = if directory.starts_with('/') { "/" } else { "" };
    format!("{slash}{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn key_of(regexp: &str, from: &str, to: &str) -> String {
        let source = Source {
            regexp: regexp.to_owned(),
            ..Source::default()
        };
        let params = PutParams {
            from: from.to_owned(),
            to: to.to_owned(),
            ..PutParams::default()
        };
        match key(
            &source,
            &params,
            Path::new("/src"),
            Path::new("/src/build/pkg-42.deb"),
        ) {
            Ok(key) => key,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_key_is_in_the_folder_of_the_pattern_or_as_to_says() {
        assert_eq!(key_of(r"^out/v1\.0/x-(.*)$", "", ""), "out/v1.0/pkg-42.deb");
        assert_eq!(key_of("x-(.*)", "", ""), "pkg-42.deb");
        assert_eq!(key_of("/a//./b/../c/x-(.*)", "", ""), "/a/c/pkg-42.deb");
        assert!(key_of("(a|b)/x-(.*)", "", "").starts_with("source.regexp: its folder is a pattern"));
        assert_eq!(key_of("", "", ""), "pkg-42.deb");
        assert_eq!(key_of("x-(.*)", "", "other/"), "other/pkg-42.deb");
        assert_eq!(key_of("x-(.*)", "", "other/name"), "other/name");
        assert_eq!(
            key_of("", r"build/pkg-(\d+)\.deb", "debs/${1}/pkg.deb"),
            "debs/42/pkg.deb"
        );
        assert_eq!(key_of("", r"pkg-(?P<n>\d+)", "x$n"), "build/x42.deb");
    }
}
