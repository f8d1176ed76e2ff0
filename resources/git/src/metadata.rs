//! The rows that a build page shows of a commit: CONTRACT 5.7.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Metadata, MetadataRow, Result};
use git2::{ObjectType, Oid, Repository};

use crate::commit_url::commit_url;
use crate::dates;
use git_source::CommitText;

/// Bytes of a message that are shown at most.
const MESSAGE_BYTES: usize = 10240;

/// The rows about the commit that `HEAD` points to.
pub(crate) fn metadata(repo: &Repository) -> Result<Metadata> {
    rows(repo).map_err(|error| {
        Error::internal("failed to read the commit that HEAD points to")
            .cause(error.message())
            .exit(git_source::GIT_EXIT)
    })
}

fn rows(repo: &Repository) -> Result<Metadata, git2::Error> {
    let commit = repo.head()?.peel_to_commit()?;
    let (author, committer) = (commit.author(), commit.committer());
    let author_date = dates::date_and_time(&author.when());
    let committer_date = dates::date_and_time(&committer.when());
    let mut metadata = Metadata::default();
    metadata.push(("commit", commit.id().to_string()));
    let text = CommitText::of(&commit);
    metadata.push(("author", lossy(&text.read(author.name_bytes()))));
    metadata.push(MetadataRow::new("author_date", &author_date).typed("time"));
    // CONTRACT 5.7: shown only where it says nothing new.
    if committer.name_bytes() == author.name_bytes() && committer_date == author_date {
        metadata.push(("committer", lossy(&text.read(committer.name_bytes()))));
        metadata.push(MetadataRow::new("committer_date", committer_date).typed("time"));
    }
    for (row, names) in [
        ("branch", branches_at(repo, commit.id())?),
        ("tags", tags_at(repo, commit.id())?),
    ] {
        if !names.is_empty() {
            metadata.push((row, names.join(",")));
        }
    }
    let message = text.read(commit.message_raw_bytes());
    let shown = lossy(&message[..message.len().min(MESSAGE_BYTES)]);
    metadata.push(MetadataRow::new("message", shown).typed("message"));
    let origin = repo.find_remote("origin").ok();
    if let Some(origin) = origin.as_ref().and_then(|origin| origin.url().ok())
        && let Some(url) = commit_url(origin, &commit.id().to_string())
    {
        metadata.push(("url", url));
    }
    Ok(metadata)
}

fn branches_at(repo: &Repository, id: Oid) -> Result<Vec<String>, git2::Error> {
    names_at(repo, "refs/heads/", id)
}

fn tags_at(repo: &Repository, id: Oid) -> Result<Vec<String>, git2::Error> {
    names_at(repo, "refs/tags/", id)
}

/// Names below `prefix` whose commit is `id`, in byte order.
fn names_at(repo: &Repository, prefix: &str, id: Oid) -> Result<Vec<String>, git2::Error> {
    let mut names = Vec::new();
    for reference in repo.references_glob(&format!("{prefix}*"))? {
        let reference = reference?;
        let target = reference.target_peel().or_else(|| reference.target());
        let is_here = target == Some(id)
            || (target.is_none_or(|target| repo.find_tag(target).is_ok())
                && reference
                    .peel(ObjectType::Commit)
                    .is_ok_and(|commit| commit.id() == id));
        if is_here {
            names.push(reference.name_bytes()[prefix.len()..].to_vec());
        }
    }
    names.sort();
    Ok(names.iter().map(|name| lossy(name)).collect())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
