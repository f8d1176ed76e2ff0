//! The files below `.git` that later steps read: CONTRACT 5.6.

use concourse_resource_sdk::{Context, Error, Metadata, Result};
use git2::Repository;

use crate::config::GetParams;
use crate::dates::DateStyle;
use crate::{dates, describe, short_ref};
use git_source::{CommitText, git_failed};

/// How some of them are written.
pub(super) struct Formats {
    short_ref: String,
    timestamp: DateStyle,
    /// In seconds since 1970.
    now: i64,
    describe: describe::Options,
}

impl Formats {
    pub(super) fn new(cx: &Context, params: &GetParams) -> Result<Self> {
        let now = cx.now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        Self::read(params, now)
    }

    /// What is wrong with the params is found before anything is fetched.
    pub(super) fn check(params: &GetParams) -> Result<()> {
        Self::read(params, 0).map(drop)
    }

    fn read(params: &GetParams, now: i64) -> Result<Self> {
        let timestamp = match params.timestamp_format.get() {
            Some(name) => DateStyle::named(name)?,
            None => DateStyle::default(),
        };
        let short_ref = params.short_ref_format.get().unwrap_or(short_ref::DEFAULT_FORMAT);
        short_ref::short_ref("", short_ref)?;
        Ok(Self {
            short_ref: short_ref.to_owned(),
            timestamp,
            now,
            describe: match params.describe_ref_options.get() {
                Some(options) => describe::Options::parse(options)?,
                None => describe::Options::default(),
            },
        })
    }
}

/// Writes all of them.
pub(super) fn write(repo: &Repository, returned: &str, metadata: &Metadata, formats: &Formats) -> Result<()> {
    let commit = repo
        .head()
        .and_then(|head| head.peel_to_commit())
        .map_err(git_failed("read the commit that is checked out"))?;
    let (author, committer) = (commit.author(), commit.committer());
    let text = CommitText::of(&commit);
    let row = |name: &str| {
        metadata
            .value(name)
            .map(|value| format!("{value}\n"))
            .unwrap_or_default()
            .into_bytes()
    };
    let files: [(&str, Vec<u8>); 15] = [
        ("ref", line(returned)),
        (
            "short_ref",
            short_ref::short_ref(returned, &formats.short_ref)?.into_bytes(),
        ),
        ("commit", line(commit.id().to_string())),
        ("author", line(text.read(author.name_bytes()))),
        ("author_date", line(dates::date_and_time(&author.when()))),
        // CONTRACT 5.6: these two are the author's, whatever their names say.
        ("committer", text.read(author.email_bytes()).into_owned()),
        ("committer_name", text.read(author.name_bytes()).into_owned()),
        // CONTRACT F10: filled even where the metadata has no such row.
        ("committer_date", line(dates::date_and_time(&committer.when()))),
        ("branch", row("branch")),
        ("tags", row("tags")),
        ("url", row("url")),
        (
            "commit_message",
            text.read(commit.message_raw_bytes()).into_owned(),
        ),
        (
            "commit_timestamp",
            line(formats.timestamp.show(&committer.when(), formats.now)),
        ),
        (
            "describe_ref",
            line(describe::describe(repo, &formats.describe)?.unwrap_or_default()),
        ),
        ("metadata.json", line(pretty(metadata)?)),
    ];
    for (name, content) in files {
        git_source::write_beside(repo, name, &content)?;
    }
    Ok(())
}

fn line(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut line = content.as_ref().to_vec();
    line.push(b'\n');
    line
}

fn pretty(metadata: &Metadata) -> Result<String> {
    serde_json::to_string_pretty(metadata)
        .map_err(|error| Error::internal("failed to write the metadata as JSON").cause(error))
}
