//! Which refs are pushed, and what became of each.

use concourse_resource_sdk::{Context, Error, Result};
use git_remote::{Pushed, RefOutcome, Update, Uri, Why};

use git_source::git_failed;
use git2::{Oid, Repository};

use crate::got_tags;

/// `HEAD` to the remote ref, if there is one, and every local tag (CONTRACT 6.2, kept). Tags that came with the get, and that nobody touched
/// here, leave the remote's alone where those were moved since.
pub(super) fn updates(
    repo: &Repository,
    head: Oid,
    target: Option<&str>,
    (force, named): (bool, Option<&str>),
) -> Result<Vec<Update>> {
    let mut updates = Vec::new();
    if let Some(target) = target {
        updates.push(Update {
            src: Some(head),
            dst: target.to_owned(),
            force,
            yields: false,
        });
    }
    let got = got_tags::read(repo);
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
        let is_named = named.is_some_and(|named| name.strip_prefix("refs/tags/") == Some(named));
        updates.push(Update {
            src: tag.target(),
            yields: !is_named && tag.target().is_some() && got.get(name.as_str()).copied() == tag.target(),
            dst: name,
            force,
        });
    }
    Ok(updates)
}

/// What came of a push.
pub(super) enum Outcome {
    /// Every ref is where it should be.
    All,
    /// All that was refused was refused because someone was faster.
    LostRace(Error),
    /// Something was refused for another reason.
    Refused(Error),
}

/// How many names are told of many.
const MOST_NAMED: usize = 3;

/// Logs each outcome as git does.
pub(super) fn report(cx: &Context, uri: &Uri, pushed: &[Pushed]) -> Outcome {
    cx.log().line(format!("To {uri}"));
    for pushed in pushed {
        // A repository may hold thousands of tags that the remote has already.
        if !matches!(pushed.outcome, RefOutcome::UpToDate | RefOutcome::LeftAlone) {
            cx.log().line(line(pushed));
        }
    }
    if pushed.iter().all(|pushed| pushed.outcome == RefOutcome::UpToDate) {
        cx.log().line("Everything up-to-date");
    }
    let of = |is: fn(&RefOutcome) -> bool| pushed.iter().filter(move |pushed| is(&pushed.outcome));
    let left: Vec<&str> = of(|outcome| *outcome == RefOutcome::LeftAlone)
        .map(short)
        .collect();
    if !left.is_empty() {
        let (tags, they) = if left.len() == 1 {
            ("tag", "it was")
        } else {
            ("tags", "they were")
        };
        cx.log().line(format!(
            "{tags} {} moved on the remote since {they} got, and not here: left alone",
            listed(&left)
        ));
    }
    let Some(first) = of(RefOutcome::is_refused).next() else {
        return Outcome::All;
    };
    let error = refusal(of(RefOutcome::is_refused).count(), first);
    if of(RefOutcome::is_refused).all(|pushed| is_lost_race(&pushed.outcome)) {
        Outcome::LostRace(error)
    } else {
        Outcome::Refused(error)
    }
}

/// A failure that says what was pushed before it, in whichever attempt.
pub(super) fn with_landed(error: Error, landed: &[String]) -> Error {
    if landed.is_empty() {
        return error;
    }
    let names: Vec<&str> = landed.iter().map(String::as_str).collect();
    error.cause(format!("{} was pushed all the same", listed(&names)))
}

/// The names of what has landed.
pub(super) fn landed(pushed: &[Pushed]) -> impl Iterator<Item = String> {
    let landed = pushed.iter().filter(|pushed| pushed.outcome.has_landed());
    landed.map(|pushed| short(pushed).to_owned())
}

/// Some names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let mut shown = names[..names.len().min(MOST_NAMED)].join(", ");
    if names.len() > MOST_NAMED {
        shown = format!("{shown} and {} more", names.len() - MOST_NAMED);
    }
    shown
}

/// The name of a ref as people write it.
fn short(pushed: &Pushed) -> &str {
    let name = pushed.name.as_str();
    name.strip_prefix("refs/heads/")
        .or_else(|| name.strip_prefix("refs/tags/"))
        .unwrap_or(name)
}

/// A line as `git push` has it, with the old and the new commit.
fn line(pushed: &Pushed) -> String {
    let id = |id: Option<Oid>| {
        id.map(|id| id.to_string()[..SHORT].to_owned())
            .unwrap_or_default()
    };
    let (old, new) = (id(pushed.old), id(pushed.new));
    let is_tag = pushed.name.starts_with("refs/tags/");
    let (sign, what) = match &pushed.outcome {
        RefOutcome::UpToDate => ('=', "[up to date]".to_owned()),
        RefOutcome::Created if is_tag => ('*', "[new tag]".to_owned()),
        RefOutcome::Created => ('*', "[new branch]".to_owned()),
        RefOutcome::FastForwarded => (' ', format!("{old}..{new}")),
        RefOutcome::Forced => ('+', format!("{old}...{new}")),
        RefOutcome::Deleted => ('-', "[deleted]".to_owned()),
        RefOutcome::LeftAlone => ('=', "[left alone]".to_owned()),
        RefOutcome::Withheld => ('!', "[not pushed]".to_owned()),
        RefOutcome::RejectedHere(_) => ('!', "[rejected]".to_owned()),
        RefOutcome::LostRace(_) | RefOutcome::RejectedThere(_) => ('!', "[remote rejected]".to_owned()),
    };
    let tail = match &pushed.outcome {
        RefOutcome::Created => format!(" -> {new}"),
        RefOutcome::Forced => " (forced update)".to_owned(),
        RefOutcome::Deleted => format!(" (was {old})"),
        outcome => reason(outcome)
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default(),
    };
    format!(" {sign} {what:<18} {}{tail}", short(pushed))
}

/// Digits of an id in the log, as git has them.
const SHORT: usize = 7;

/// Why something did not happen.
fn reason(outcome: &RefOutcome) -> Option<&str> {
    match outcome {
        RefOutcome::RejectedHere(why) => Some(explain(*why).0),
        RefOutcome::LostRace(why) | RefOutcome::RejectedThere(why) => Some(why),
        RefOutcome::Withheld => Some("another ref was refused"),
        _ => None,
    }
}

/// CONTRACT 6.3 and F4: a tag that differs is no race.
fn is_lost_race(outcome: &RefOutcome) -> bool {
    match outcome {
        RefOutcome::RejectedHere(why) => *why != Why::AlreadyExists,
        outcome => matches!(outcome, RefOutcome::LostRace(_)),
    }
}

fn refusal(count: usize, first: &Pushed) -> Error {
    let (name, reason) = (short(first), reason(&first.outcome).unwrap_or_default());
    let error = if count == 1 {
        Error::remote(format!("failed to push {name}: {reason}"))
    } else {
        Error::remote(format!(
            "failed to push {count} refs, the first of them {name}: {reason}"
        ))
    };
    match first.outcome {
        RefOutcome::RejectedHere(why) => error.hint(explain(why).1),
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
