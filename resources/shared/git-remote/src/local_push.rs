//! Writing to a repository in this file system.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use concourse_resource_sdk::Context;
use git2::{Config, ErrorCode, ObjectType, Oid, Repository};

use crate::decide::{decide_all, to_send, withhold};
use crate::error::{Error, Result};
use crate::local::Local;
use crate::pack_to_send::PackToSend;
use crate::{Push, Pushed, Ref, RefOutcome, Update};

/// Hooks that a push would run on a server.
const HOOKS: [&str; 6] = [
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "proc-receive",
];

pub(crate) fn push(local: &Local, repo: &Repository, push: &Push<'_>, cx: &Context) -> Result<Vec<Pushed>> {
    if !push.options.is_empty() {
        return Err(Error::NoPushOptions);
    }
    refuse_hooks(local)?;
    let refs = local.refs(&[])?;
    let mut pushed = decide_all(repo, push.updates, &refs)?;
    for (pushed, update) in pushed.iter_mut().zip(push.updates) {
        let refusal = match update.src {
            _ if !pushed.outcome.has_landed() => None,
            Some(new) if needs_a_cut(local.repo(), repo, new)? => {
                Some("shallow update not allowed".to_owned())
            }
            _ => refusal(local.repo(), update, &pushed.outcome),
        };
        if let Some(refusal) = refusal {
            pushed.outcome = RefOutcome::RejectedThere(refusal);
        }
    }
    if push.together && withhold(&mut pushed) {
        return Ok(pushed);
    }
    let wanted = to_send(&pushed);
    let sent: Vec<(&Update, Option<Oid>)> = wanted
        .iter()
        .map(|&index| (&push.updates[index], pushed[index].old))
        .collect();
    copy_objects(local, repo, (&sent, &refs), cx)?;
    let groups = if push.together {
        vec![wanted]
    } else {
        wanted.into_iter().map(|index| vec![index]).collect()
    };
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        let updates: Vec<&Pushed> = group.iter().map(|&index| &pushed[index]).collect();
        if let Err((at, outcome)) = set(local.repo(), &updates) {
            for &index in &group {
                pushed[index].outcome = RefOutcome::Withheld;
            }
            pushed[group[at]].outcome = outcome;
        }
    }
    Ok(pushed)
}

/// A hook that would be skipped in silence may be all that protects the repository.
fn refuse_hooks(local: &Local) -> Result<()> {
    let configured = local
        .repo()
        .config()
        .and_then(|config| config.get_path("core.hooksPath"))
        .ok();
    let hooks = configured.map_or_else(
        || local.git_dir().join("hooks"),
        |path| local.git_dir().join(path),
    );
    for hook in HOOKS {
        let is_executable = std::fs::metadata(hooks.join(hook))
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
        if is_executable {
            return Err(Error::Hooks {
                path: local.git_dir().to_owned(),
                hook,
            });
        }
    }
    Ok(())
}

/// What `git receive-pack` would refuse by its configuration.
fn refusal(target: &Repository, update: &Update, outcome: &RefOutcome) -> Option<String> {
    let config = target.config().ok()?;
    let is_on = |key: &str| update.dst.starts_with("refs/heads/") && config.get_bool(key).unwrap_or(false);
    if *outcome == RefOutcome::Deleted && is_on("receive.denyDeletes") {
        return Some("deletion prohibited".to_owned());
    }
    if *outcome == RefOutcome::Forced && is_on("receive.denyNonFastForwards") {
        return Some("non-fast-forward".to_owned());
    }
    if *outcome == RefOutcome::Deleted {
        return refused_deletion(target, &config, update);
    }
    if !is_checked_out(target, &update.dst) {
        return None;
    }
    match config
        .get_string("receive.denyCurrentBranch")
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "ignore" | "warn" | "false" | "no" | "off" | "0" => None,
        "updateinstead" => {
            Some("receive.denyCurrentBranch=updateInstead is not supported for local repositories".to_owned())
        }
        _ => Some("branch is currently checked out".to_owned()),
    }
}

fn refused_deletion(target: &Repository, config: &Config, update: &Update) -> Option<String> {
    let setting = config
        .get_string("receive.denyDeleteCurrent")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_current = is_head(target.path(), &update.dst) || is_checked_out(target, &update.dst);
    let is_denied = !matches!(setting.as_str(), "ignore" | "warn" | "false" | "no" | "off" | "0");
    (is_current && is_denied).then(|| "deletion of the current branch prohibited".to_owned())
}

/// Whether a branch is checked out, in the repository's own worktree or in a linked one.
fn is_checked_out(target: &Repository, branch: &str) -> bool {
    let common = target.commondir();
    let own = !target.is_bare() && is_head(common, branch);
    let linked = std::fs::read_dir(common.join("worktrees"))
        .into_iter()
        .flatten()
        .flatten();
    own || linked
        .into_iter()
        .any(|worktree| is_head(&worktree.path(), branch))
}

fn is_head(git_dir: &Path, branch: &str) -> bool {
    std::fs::read_to_string(git_dir.join("HEAD")).is_ok_and(|head| {
        head.strip_prefix("ref:")
            .is_some_and(|name| name.trim() == branch)
    })
}

/// Whether the history to send is cut where the target has nothing: git refuses to make the target shallow.
fn needs_a_cut(target: &Repository, repo: &Repository, new: Oid) -> Result<bool> {
    if !repo.is_shallow() {
        return Ok(false);
    }
    let failed = Error::repository("walk the history to push");
    let cuts = crate::read_cuts(repo);
    let Ok(tip) = repo
        .find_object(new, None)
        .and_then(|object| object.peel(ObjectType::Commit))
    else {
        return Ok(false);
    };
    let there = target.odb().map_err(&failed)?;
    let mut walk = repo.revwalk().map_err(&failed)?;
    walk.push(tip.id()).map_err(&failed)?;
    for id in walk {
        let id = id.map_err(&failed)?;
        if cuts.contains(&id) && !there.exists(id) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_objects(
    local: &Local,
    repo: &Repository,
    (sent, refs): (&[(&Update, Option<Oid>)], &[Ref]),
    cx: &Context,
) -> Result<()> {
    let Some(mut pack) = PackToSend::collect(repo, sent, refs)? else {
        return Ok(());
    };
    if pack.is_empty() {
        return Ok(());
    }
    let failed = Error::repository("write the objects to the local repository");
    let odb = local.repo().odb().map_err(&failed)?;
    let mut writer = odb.packwriter().map_err(&failed)?;
    let progress = cx.progress("Sending objects", None);
    pack.write(&mut |data| {
        progress.add(data.len() as u64);
        writer
            .write_all(data)
            .map_err(Error::io("write the objects to", local.git_dir()))
    })?;
    writer.commit().map(|_| ()).map_err(&failed)
}

/// Sets or deletes refs if they still have their old values: all of them or none. Answers which one was at fault, and why.
fn set(target: &Repository, updates: &[&Pushed]) -> Result<(), (usize, RefOutcome)> {
    let failed = |at: usize| {
        move |error: git2::Error| {
            let why = format!("failed to update ref: {}", error.message());
            let is_race = matches!(error.code(), ErrorCode::Locked | ErrorCode::Modified);
            let outcome = if is_race {
                RefOutcome::LostRace
            } else {
                RefOutcome::RejectedThere
            };
            (at, outcome(why))
        }
    };
    let mut transaction = target.transaction().map_err(failed(0))?;
    for (at, update) in updates.iter().enumerate() {
        transaction.lock_ref(&update.name).map_err(failed(at))?;
        let now = target.refname_to_id(&update.name).ok();
        if now != update.old {
            let shown = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
            let why = format!(
                "cannot lock ref '{}': is at {} but expected {}",
                update.name,
                shown(now),
                shown(update.old)
            );
            return Err((at, RefOutcome::LostRace(why)));
        }
    }
    for (at, update) in updates.iter().enumerate() {
        match update.new {
            Some(new) => transaction.set_target(&update.name, new, None, "push"),
            None => transaction.remove(&update.name),
        }
        .map_err(failed(at))?;
    }
    transaction.commit().map_err(failed(0))
}
