//! Which names of a tree may become names of files: what git refuses is refused (`verify_path` of git 2.39).

use concourse_resource_sdk::files::{PathError, RelativePath};
use git2::Config;

use super::entries::Kind;

/// Which file systems, besides Linux's, the repository's directory is kept fit for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// `core.protectNTFS`
    ntfs: bool,
    /// `core.protectHFS`
    hfs: bool,
}

/// Why a name is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadName {
    Path(PathError),
    /// It is that of the repository's own directory, or some file system takes it for that.
    DotGit,
    /// `.gitmodules` must not be a link.
    Modules,
}

impl std::fmt::Display for BadName {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(error) => error.fmt(to),
            Self::DotGit => to.write_str("a name in it stands for the repository's own directory"),
            Self::Modules => to.write_str(".gitmodules is a link"),
        }
    }
}

impl Rules {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            ntfs: config.get_bool("core.protectntfs").unwrap_or(true),
            hfs: config.get_bool("core.protecthfs").unwrap_or(false),
        }
    }

    /// The only way to a path in a work tree.
    pub(super) fn check(self, path: Vec<u8>, kind: Kind) -> Result<RelativePath, BadName> {
        let path = RelativePath::new(path).map_err(BadName::Path)?;
        for name in path.as_bytes().split(|&byte| byte == b'/') {
            self.check_name(name, kind)?;
            if self.ntfs {
                // There a backslash separates names, too; git does not look at one that is the first byte.
                let after_backslashes = name
                    .iter()
                    .enumerate()
                    .skip(1)
                    .filter(|(_, byte)| **byte == b'\\');
                for (at, _) in after_backslashes {
                    check_ntfs(&name[at + 1..], kind)?;
                }
            }
        }
        Ok(path)
    }

    fn check_name(self, name: &[u8], kind: Kind) -> Result<(), BadName> {
        if name.eq_ignore_ascii_case(b".git") {
            return Err(BadName::DotGit);
        }
        if kind == Kind::Link && name.eq_ignore_ascii_case(b".gitmodules") {
            return Err(BadName::Modules);
        }
        if self.ntfs {
            check_ntfs(name, kind)?;
        }
        if self.hfs {
            let seen = as_hfs_sees_it(name);
            if seen == ".git" {
                return Err(BadName::DotGit);
            }
            if kind == Kind::Link && seen == ".gitmodules" {
                return Err(BadName::Modules);
            }
        }
        Ok(())
    }
}

fn check_ntfs(name: &[u8], kind: Kind) -> Result<(), BadName> {
    if is_ntfs_dot_git(name) {
        return Err(BadName::DotGit);
    }
    if kind == Kind::Link && is_ntfs_modules(name) {
        return Err(BadName::Modules);
    }
    Ok(())
}

/// NTFS drops blanks and dots at the end of a name and has streams after a colon; `git~1` is the short name.
fn is_ntfs_dot_git(name: &[u8]) -> bool {
    let rest = after_prefix(name, b".git").or_else(|| after_prefix(name, b"git~1"));
    rest.is_some_and(|rest| {
        let end = rest.iter().position(|byte| !b". ".contains(byte));
        end.is_none_or(|end| b"\\:".contains(&rest[end]))
    })
}

/// The same for `.gitmodules`, whose short names are `gitmod~1` to `~4`, and `gi7eba~1` and so on where those are taken.
fn is_ntfs_modules(name: &[u8]) -> bool {
    let is_end = |rest: &[u8]| {
        let end = rest.iter().position(|byte| !b". ".contains(byte));
        end.is_none_or(|end| rest[end] == b':')
    };
    if let Some(rest) = after_prefix(name, b".gitmodules") {
        return is_end(rest);
    }
    if let Some([b'1'..=b'4', rest @ ..]) = after_prefix(name, b"gitmod~") {
        return is_end(rest);
    }
    is_short_name(name) && is_end(&name[8..])
}

/// Whether the first eight bytes are a part of `gi7eba`, a tilde, and a number that does not begin with 0.
fn is_short_name(name: &[u8]) -> bool {
    let Some(name) = name.get(..8) else { return false };
    let Some(tilde) = name.iter().position(|&byte| byte == b'~').filter(|&at| at <= 6) else {
        return false;
    };
    let number = &name[tilde + 1..];
    name[..tilde].eq_ignore_ascii_case(&b"gi7eba"[..tilde])
        && number.iter().all(u8::is_ascii_digit)
        && number.first().is_some_and(|&digit| digit != b'0')
}

fn after_prefix<'a>(name: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// HFS+ ignores some characters, and case.
fn as_hfs_sees_it(name: &[u8]) -> String {
    let is_ignored = |character: char| matches!(character, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    String::from_utf8_lossy(name)
        .chars()
        .filter(|&character| !is_ignored(character))
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests;
