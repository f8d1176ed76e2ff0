//! Notes about the commit that is pushed.

use std::fs;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result};
use git_remote::{Ref, Update};
use git2::{Oid, Repository, Signature};

use crate::config::PutParams;
use git_source::git_failed;
use git_source::{NewCommit, stored};

/// Where notes are.
pub(super) const NOTES: &str = "refs/notes/";
const COMMITS: &str = "refs/notes/commits";

/// A note for `HEAD`.
pub(super) struct Note {
    text: String,
}

impl Note {
    /// CONTRACT F11: the file is found below the sources, or, as the reference has it, beside the repository; and read early.
    pub(super) fn read(
        params: &PutParams,
        sources: &std::path::Path,
        repository: &std::path::Path,
    ) -> Result<Option<Self>> {
        let Some(file) = params.notes.non_empty() else {
            return Ok(None);
        };
        let below = sources.join(file);
        let beside = repository.parent().map(|parent| parent.join(file));
        let path = match beside {
            Some(beside) if !below.exists() && beside.exists() => beside,
            _ => below,
        };
        let text = fs::read(&path).map_err(|error| {
            Error::config(
                "params.notes",
                format!("failed to read the notes file '{file}': {error}"),
            )
            .exit(git_source::GIT_EXIT)
        })?;
        let text = String::from_utf8(text).map_err(|_| {
            Error::config(
                "params.notes",
                format!("the notes file '{file}' is not UTF-8 text"),
            )
        })?;
        Ok(Some(Self { text }))
    }

    /// Fails where the commit has a note already.
    pub(super) fn refuse_second(repo: &Repository, commit: Oid) -> Result<()> {
        match repo.find_note(Some(COMMITS), commit) {
            Ok(_) => Err(Error::internal(format!(
                "Cannot add notes. Found existing notes for object {commit}"
            ))
            .exit(git_source::GIT_EXIT)),
            Err(_) => Ok(()),
        }
    }

    /// Adds it to the commit.
    pub(super) fn add(&self, by: &Signature<'_>, repo: &Repository, commit: Oid) -> Result<()> {
        Self::refuse_second(repo, commit)?;
        self.try_add(by, repo, commit).map_err(git_failed("add the note"))
    }

    fn try_add(&self, who: &Signature<'_>, repo: &Repository, commit: Oid) -> Result<(), git2::Error> {
        let before = repo.refname_to_id(COMMITS).ok();
        let text = git2::message_prettify(self.text.as_str(), None)?;
        repo.note(who, who, Some(COMMITS), commit, &text, false)?;
        // libgit2 has a message of its own for that.
        let tree = repo.find_reference(COMMITS)?.peel_to_tree()?.id();
        let noted = NewCommit {
            tree,
            parents: before.as_slice(),
            author: stored(who),
            committer: who,
            encoding: None,
            extra: &[],
            message: b"Notes added by 'git notes add'\n",
        };
        let noted = noted.write(repo)?;
        repo.reference(COMMITS, noted, true, "notes: Notes added by 'git notes add'")
            .map(|_| ())
    }
}

/// Takes over the remote's notes; those that went another way here stay, unless `over` them is asked for.
pub(super) fn take(repo: &Repository, refs: &[Ref], over: bool) -> Result<()> {
    for found in refs {
        let Ok(name) = std::str::from_utf8(&found.name) else {
            continue;
        };
        if !name.starts_with(NOTES) || !git2::Reference::is_valid_name(name) {
            continue;
        }
        let here = repo.refname_to_id(name).ok();
        let follows = match here {
            None => true,
            Some(here) => over || repo.graph_descendant_of(found.id, here).unwrap_or(false),
        };
        if follows && here != Some(found.id) {
            repo.reference(name, found.id, true, "fetch")
                .map_err(git_failed("take over the remote's notes"))?;
        }
    }
    Ok(())
}

/// All of them, never by force.
pub(super) fn updates(repo: &Repository) -> Result<Vec<Update>> {
    let failed = git_failed("list the repository's notes");
    let mut updates = Vec::new();
    for note in repo.references_glob("refs/notes/*").map_err(&failed)? {
        let note = note.map_err(&failed)?;
        if let (Ok(name), Some(id)) = (note.name(), note.target()) {
            updates.push(Update {
                src: Some(id),
                dst: name.to_owned(),
                ..Update::default()
            });
        }
    }
    Ok(updates)
}
