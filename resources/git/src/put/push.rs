//! Which refs are pushed, and what became of each.

use concourse_resource_sdk::{Context, Error, Result};
use git_remote::{RefOutcome, Update, Why};

use git_source::git_failed;
use git_source::without_login;
use git2::{Oid, Repository};

/// `HEAD` to the remote ref, if there is one, and every local tag (CONTRACT 6.2, kept).
pub(super) fn updates(
    repo: &Repository,
    head: Oid,
    target: Option<&str>,
    force: bool,
) -> Result<Vec<Update>> {
    let mut updates = Vec::new();
    if let Some(target) = target {
        updates.push(Update {
            src: Some(head),
            dst: target.to_owned(),
            force,
        });
    }
    let tags = repo
        .references_glob("refs/tags/*")
        .map_err(git_failed("list the repository's tags"))?;
    for tag in tags {
        let tag = tag
            .and_then(|tag| tag.resolve())
            .map_err(git_failed("list the repository's tags"))?;
        let name = String::from_utf8(tag.name_bytes().to_vec()).map_err(|error| {
            Error::internal(format!(
                "the tag {} has a name that is not UTF-8",
                String::from_utf8_lossy(error.as_bytes())
            ))
        })?;
        updates.push(Update {
            src: tag.target(),
            dst: name,
            force,
        });
    }
    Ok(updates)
}

/// What came of a push.
pub(super) enum Pushed {
    /// Every ref is where it should be.
    All,
    /// All that was refused was refused because someone was faster.
    LostRace(Error),
    /// Something was refused for another reason.
    Refused(Error),
}

/// Logs each outcome as git does.
pub(super) fn report(cx: &Context, uri: &str, outcomes: &[(String, RefOutcome)]) -> Pushed {
    cx.log().line(format!("To {}", without_login(uri)));
    let mut refused = Vec::new();
    for (name, outcome) in outcomes {
        let short = name
            .strip_prefix("refs/heads/")
            .or_else(|| name.strip_prefix("refs/tags/"))
            .unwrap_or(name);
        let (sign, what) = match outcome {
            RefOutcome::UpToDate => ('=', "[up to date]".to_owned()),
            RefOutcome::Created if name.starts_with("refs/tags/") => ('*', "[new tag]".to_owned()),
            RefOutcome::Created => ('*', "[new branch]".to_owned()),
            RefOutcome::FastForwarded => (' ', "[updated]".to_owned()),
            RefOutcome::Forced => ('+', "[forced update]".to_owned()),
            RefOutcome::Deleted => ('-', "[deleted]".to_owned()),
            RefOutcome::RejectedHere(_) => ('!', "[rejected]".to_owned()),
            RefOutcome::RejectedThere(_) => ('!', "[remote rejected]".to_owned()),
        };
        let reason = match outcome {
            RefOutcome::RejectedHere(why) => Some(explain(*why).0.to_owned()),
            RefOutcome::RejectedThere(why) => Some(why.clone()),
            _ => None,
        };
        // A repository may hold thousands of tags that the remote has already.
        if *outcome != RefOutcome::UpToDate {
            let reason = reason
                .as_ref()
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            cx.log().line(format!(" {sign} {what:<18} {short}{reason}"));
        }
        if let Some(reason) = reason {
            refused.push((short, reason, outcome));
        }
    }
    if outcomes
        .iter()
        .all(|(_, outcome)| *outcome == RefOutcome::UpToDate)
    {
        cx.log().line("Everything up-to-date");
    }
    let Some((name, reason, outcome)) = refused.first() else {
        return Pushed::All;
    };
    let error = refusal(refused.len(), name, reason, outcome);
    if refused.iter().all(|(_, _, outcome)| is_lost_race(outcome)) {
        Pushed::LostRace(error)
    } else {
        Pushed::Refused(error)
    }
}

/// CONTRACT 6.3 and F4: a tag that differs is no race.
fn is_lost_race(outcome: &RefOutcome) -> bool {
    match outcome {
        RefOutcome::RejectedHere(why) => *why != Why::AlreadyExists,
        RefOutcome::RejectedThere(why) => why.contains("cannot lock ref"),
        _ => false,
    }
}

fn refusal(count: usize, name: &str, reason: &str, outcome: &RefOutcome) -> Error {
    let error = if count == 1 {
        Error::remote(format!("failed to push {name}: {reason}"))
    } else {
        Error::remote(format!(
            "failed to push {count} refs, the first of them {name}: {reason}"
        ))
    };
    match outcome {
        RefOutcome::RejectedHere(why) => error.hint(explain(*why).1),
        _ => error,
    }
}

/// Git's word for a refusal, and what to do about it.
fn explain(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::NonFastForward => (
            "non-fast-forward",
            "the remote branch has commits that are not below the one pushed; get it again, or set force: true",
        ),
        Why::FetchFirst => (
            "fetch first",
            "someone pushed commits that this repository does not have; get it again, or set force: true",
        ),
        Why::AlreadyExists => (
            "already exists",
            "the remote has a different tag of that name; choose another name, or set force: true",
        ),
    }
}
