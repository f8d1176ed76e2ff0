//! Writing to a repository in this file system.

use std::collections::HashSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git2::{Config, ErrorCode, ObjectType, Oid, Repository};

use crate::collect::Outgoing;
use crate::decide::{decide, is_sent};
use crate::error::{Error, Result};
use crate::local::Local;
use crate::push::by_name;
use crate::{Ref, RefOutcome, Update};

/// Hooks that a push would run on a server.
const HOOKS: [&str; 6] = [
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "proc-receive",
];

pub(crate) fn push(
    local: &Local,
    repo: &Repository,
    updates: &[Update],
    push_options: &[String],
) -> Result<Vec<(String, RefOutcome)>> {
    if !push_options.is_empty() {
        return Err(Error::NoPushOptions);
    }
    refuse_hooks(local)?;
    let refs = local.refs(&[])?;
    let old = by_name(&refs);
    let mut outcomes = Vec::new();
    for update in updates {
        let outcome = decide(repo, update, old(update))?;
        let refusal = match update.src {
            _ if !is_sent(&outcome) => None,
            Some(new) if needs_a_cut(local.repo(), repo, new)? => {
                Some("shallow update not allowed".to_owned())
            }
            _ => refusal(local.repo(), update, &outcome),
        };
        outcomes.push((
            update.dst.clone(),
            refusal.map_or(outcome, RefOutcome::RejectedThere),
        ));
    }
    let sent: Vec<(&Update, Option<Oid>)> = updates
        .iter()
        .zip(&outcomes)
        .filter(|(_, (_, outcome))| is_sent(outcome))
        .map(|(update, _)| (update, old(update)))
        .collect();
    copy_objects(local, repo, &sent, &refs)?;
    for (update, old) in sent {
        if let Err(error) = set(local.repo(), update, old) {
            let why = match error.code() {
                // Another ref may be in the way of the name: then there is none of this name.
                ErrorCode::Exists if local.repo().find_reference(&update.dst).is_err() => {
                    format!("failed to update ref: {}", error.message())
                }
                ErrorCode::Modified | ErrorCode::Exists | ErrorCode::Locked | ErrorCode::NotFound => {
                    format!("cannot lock ref '{}': {}", update.dst, error.message())
                }
                _ => format!("failed to update ref: {}", error.message()),
            };
            for (_, outcome) in outcomes.iter_mut().filter(|(name, _)| *name == update.dst) {
                *outcome = RefOutcome::RejectedThere(why.clone());
            }
        }
    }
    Ok(outcomes)
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
    let text = crate::copy::read_if_there(&repo.commondir().join("shallow"))?;
    let cuts: HashSet<Oid> = text
        .split(|&byte| byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok())
        .collect();
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
    sent: &[(&Update, Option<Oid>)],
    refs: &[Ref],
) -> Result<()> {
    let Some(mut pack) = Outgoing::collect(repo, sent, refs)? else {
        return Ok(());
    };
    if pack.is_empty() {
        return Ok(());
    }
    let failed = Error::repository("write the objects to the local repository");
    let odb = local.repo().odb().map_err(&failed)?;
    let mut writer = odb.packwriter().map_err(&failed)?;
    pack.write(&mut |data| {
        writer
            .write_all(data)
            .map_err(Error::io("write the objects to", local.git_dir()))
    })?;
    writer.commit().map(|_| ()).map_err(&failed)
}

/// Sets or deletes a ref if it still has its old value.
fn set(target: &Repository, update: &Update, old: Option<Oid>) -> Result<(), git2::Error> {
    match (update.src, old) {
        (Some(new), Some(old)) => target
            .reference_matching(&update.dst, new, true, old, "push")
            .map(|_| ()),
        (Some(new), None) => target.reference(&update.dst, new, false, "push").map(|_| ()),
        (None, _) => {
            let mut reference = target.find_reference(&update.dst)?;
            if reference.target() == old {
                return reference.delete();
            }
            Err(git2::Error::new(
                ErrorCode::Modified,
                git2::ErrorClass::Reference,
                "its value changed",
            ))
        }
    }
}
