//! The tag that a put sets on what it pushes.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result};
use git2::{Oid, Repository, Signature};

use crate::config::PutParams;

/// A tag to set.
pub(super) struct Tag {
    name: String,
    /// Makes it an annotated tag.
    message: Option<String>,
    /// The commit that it was set on last: an annotated tag of a second attempt would be another tag.
    set_on: Cell<Option<Oid>>,
}

impl Tag {
    /// Reads the files that `tag` and `annotate` name. An empty name is no tag.
    pub(super) fn read(params: &PutParams, sources: &Path) -> Result<Option<Self>> {
        let name = params
            .tag
            .non_empty()
            .map(|file| read("tag", file, sources))
            .transpose()?;
        // CONTRACT 6.1: the annotation must be there even without a tag.
        let message = params
            .annotate
            .non_empty()
            .map(|file| read("annotate", file, sources))
            .transpose()?;
        let Some(name) = name else { return Ok(None) };
        let name = name.trim_end_matches('\n');
        if name.is_empty() {
            return Ok(None);
        }
        let name = format!("{}{name}", params.tag_prefix.get().unwrap_or_default());
        if !git2::Reference::is_valid_name(&format!("refs/tags/{name}")) || name.starts_with('-') {
            return Err(
                Error::config("params.tag", format!("'{name}' is not a valid tag name."))
                    .verbatim()
                    .exit(git_source::GIT_EXIT),
            );
        }
        Ok(Some(Self {
            name,
            message,
            set_on: Cell::default(),
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sets the tag on a commit, in place of a local tag of that name.
    pub(super) fn set(&self, by: &Signature<'_>, repo: &Repository, commit: Oid) -> Result<()> {
        if self.set_on.get() == Some(commit) {
            return Ok(());
        }
        self.try_set(by, repo, commit).map_err(|error| {
            git_source::local_failure(format!("failed to set the tag '{}'", self.name), error.message())
        })?;
        self.set_on.set(Some(commit));
        Ok(())
    }

    fn try_set(&self, by: &Signature<'_>, repo: &Repository, commit: Oid) -> Result<(), git2::Error> {
        let target = repo.find_object(commit, None)?;
        match &self.message {
            Some(message) => {
                let message = git2::message_prettify(message.as_str(), Some(b'#'))?;
                repo.tag(&self.name, &target, by, &message, true)
            }
            None => repo.tag_lightweight(&self.name, &target, true),
        }
        .map(|_| ())
    }
}

fn read(param: &str, file: &str, sources: &Path) -> Result<String> {
    let path = sources.join(OsStr::from_bytes(file.as_bytes()));
    let what = if param == "tag" { "tag" } else { "annotation" };
    let bytes = fs::read(&path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Error::config(
                format!("params.{param}"),
                format!("{what} file '{file}' does not exist"),
            )
            .verbatim()
        } else {
            Error::config(
                format!("params.{param}"),
                format!("failed to read the {what} file '{file}': {error}"),
            )
        }
    })?;
    String::from_utf8(bytes).map_err(|_| {
        Error::config(
            format!("params.{param}"),
            format!("the {what} file '{file}' is not UTF-8 text"),
        )
    })
}
