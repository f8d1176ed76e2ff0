//! What the remote says about the branch and the cursor, in one request.

use concourse_resource_sdk::Result;
use git_remote::{Ref, Remote};
use git2::Oid;

/// Where a check starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor<'a> {
    /// A commit id, or what a tag or branch of that name points to.
    Id(Oid),
    /// The beginning of a commit id, which only the history can tell.
    Abbreviated(&'a str),
}

/// The refs that a check needs.
pub(super) struct Heads {
    branch: Option<String>,
    from: Option<String>,
    refs: Vec<Ref>,
}

impl Heads {
    pub(super) fn ask(remote: &mut Remote, branch: Option<&str>, from: Option<&str>) -> Result<Self> {
        let from = from.filter(|from| !from.is_empty());
        let mut prefixes = match branch {
            Some(branch) => vec![format!("refs/heads/{branch}"), format!("refs/tags/{branch}")],
            None => vec!["HEAD".to_owned()],
        };
        if let Some(name) = from.filter(|from| !is_id(from)) {
            prefixes.extend([format!("refs/tags/{name}"), format!("refs/heads/{name}")]);
        }
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        Ok(Self {
            branch: branch.map(str::to_owned),
            from: from.map(str::to_owned),
            refs: remote.refs(&prefixes)?,
        })
    }

    /// The head of the branch, else the tag of that name, peeled (CONTRACT F1).
    pub(super) fn tip(&self) -> Option<Oid> {
        match &self.branch {
            Some(branch) => self
                .find(&format!("refs/heads/{branch}"))
                .or_else(|| self.find(&format!("refs/tags/{branch}"))),
            None => self.find("HEAD"),
        }
    }

    /// What `HEAD` points to, where it was asked for.
    pub(super) fn head_target(&self) -> Option<&str> {
        let head = self.refs.iter().find(|advertised| advertised.name == b"HEAD")?;
        std::str::from_utf8(head.target.as_deref()?).ok()
    }

    /// The cursor, unless it is a name that nobody knows.
    pub(super) fn cursor(&self) -> Option<Cursor<'_>> {
        let from = self.from.as_deref()?;
        if is_id(from) {
            return from.parse().ok().map(Cursor::Id);
        }
        let named = self
            .find(&format!("refs/tags/{from}"))
            .or_else(|| self.find(&format!("refs/heads/{from}")));
        match named {
            Some(id) => Some(Cursor::Id(id)),
            None if is_abbreviated_id(from) => Some(Cursor::Abbreviated(from)),
            None => None,
        }
    }

    fn find(&self, name: &str) -> Option<Oid> {
        let found = self
            .refs
            .iter()
            .find(|advertised| advertised.name == name.as_bytes())?;
        Some(found.peeled.unwrap_or(found.id))
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Git takes four digits or more.
fn is_abbreviated_id(text: &str) -> bool {
    (4..40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
