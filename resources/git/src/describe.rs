//! `git describe`: CONTRACT 5.6, `describe_ref`.

mod options;
mod search;

use std::fs::File;
use std::io::Read;

use concourse_resource_sdk::Result;
use git2::{ErrorCode, Oid, Repository};

pub(crate) use self::options::Options;
use self::search::Found;

/// The shortest abbreviation that git uses by itself.
const SHORTEST: u32 = 7;
/// The shortest abbreviation that git gives to someone who asks for less.
const SHORTEST_ASKED: u32 = 4;
const LONGEST: u32 = 40;

/// What git calls the commit that is checked out: its nearest tag, or its id. `None`: there is no commit, or no name for it.
pub(crate) fn describe(repo: &Repository, options: &Options) -> Result<Option<String>> {
    let name = name(repo, options).map_err(git_source::git_failed("read the commit that is checked out"))?;
    let Some(mut text) = name else { return Ok(None) };
    let mark = options
        .dirty
        .as_deref()
        .or_else(|| options.broken.then_some("-dirty"));
    if let Some(mark) = mark
        && !repo.is_bare()
        && git_source::first_change(repo, &crate::filters::clean(repo))?.is_some()
    {
        text.push_str(mark);
    }
    Ok(Some(text))
}

fn name(repo: &Repository, options: &Options) -> Result<Option<String>, git2::Error> {
    let head = match repo.head() {
        Ok(head) => head.peel_to_commit()?.id(),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let length = match options.abbrev {
        Some(0) => 0,
        Some(length) => length.clamp(SHORTEST_ASKED, LONGEST),
        None => abbreviation(repo),
    };
    if options.long && length == 0 {
        return Ok(None);
    }
    Ok(match search::nearest(repo, head, options)? {
        Some(Found { name, .. }) if length == 0 => Some(name),
        Some(Found { name, depth: 0 }) if !options.long => Some(name),
        Some(Found { name, depth }) => Some(format!("{name}-{depth}-g{}", abbreviated(repo, head, length)?)),
        None if options.always && options.candidates > 0 => Some(abbreviated(repo, head, length)?),
        None => None,
    })
}

/// The beginning of an id that names one object only, of `length` digits or more; all of it where that is 0.
fn abbreviated(repo: &Repository, id: Oid, length: u32) -> Result<String, git2::Error> {
    let text = id.to_string();
    let odb = repo.odb()?;
    let digits = match usize::try_from(length) {
        Ok(length) if length > 0 => {
            (length..text.len()).find(|&length| odb.exists_prefix(id, length).is_ok())
        }
        _ => None,
    };
    Ok(text[..digits.unwrap_or(text.len())].to_owned())
}

/// How many digits of an id git shows at least: `core.abbrev`, or a length that grows with the repository.
fn abbreviation(repo: &Repository) -> u32 {
    let configured = repo
        .config()
        .ok()
        .and_then(|config| config.get_i32("core.abbrev").ok());
    if let Some(length) = configured
        .and_then(|length| u32::try_from(length).ok())
        .filter(|length| *length >= 4)
    {
        return length.min(LONGEST);
    }
    length_for(packed_objects(repo))
}

/// Two ids of this length collide rarely among so many objects.
fn length_for(objects: u64) -> u32 {
    let bits = u64::BITS - objects.leading_zeros();
    bits.div_ceil(2).max(SHORTEST)
}

/// The objects in packs: like git, loose ones are not counted.
fn packed_objects(repo: &Repository) -> u64 {
    let Ok(files) = std::fs::read_dir(repo.commondir().join("objects/pack")) else {
        return 0;
    };
    files
        .filter_map(Result::ok)
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "pack")
        })
        .filter_map(|file| objects_in(File::open(file.path()).ok()?))
        .sum()
}

/// The number of objects that the header of a pack gives.
fn objects_in(mut pack: File) -> Option<u64> {
    let mut header = [0; 12];
    pack.read_exact(&mut header).ok()?;
    let count = header.strip_prefix(b"PACK")?.last_chunk::<4>()?;
    Some(u32::from_be_bytes(*count).into())
}

#[cfg(test)]
mod tests;
