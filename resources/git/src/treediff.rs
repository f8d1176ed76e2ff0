//! Whether the difference between two trees touches a selected path.

use std::cmp::Ordering;

use git2::Oid;

use crate::pathspec::Selection;

/// Where raw trees come from.
pub(crate) trait TreeStore {
    /// Why a tree could not be read.
    type Error;

    /// The content of a tree object.
    fn tree(&self, id: Oid) -> Result<Vec<u8>, Self::Error>;

    /// The error for a tree whose content is not a tree's.
    fn malformed(id: Oid) -> Self::Error;
}

/// Whether the trees differ in a selected path; `None` is the empty tree. Stops at the first such path, and reads no tree that
/// cannot hold one.
pub(crate) fn touches<S: TreeStore>(
    store: &S,
    old: Option<Oid>,
    new: Option<Oid>,
    selection: &Selection,
) -> Result<bool, S::Error> {
    // A stack of its own: a tree may be deeper than the thread's stack is.
    let mut pairs = vec![(Vec::new(), old, new)];
    while let Some((dir, old, new)) = pairs.pop() {
        if old == new {
            continue;
        }
        let (old, new) = (Tree::read(store, old)?, Tree::read(store, new)?);
        let both = Merge {
            old: old.entries()?,
            new: new.entries()?,
        };
        for (old, new) in both {
            if old.map(|entry| (entry.kind, entry.id)) == new.map(|entry| (entry.kind, entry.id)) {
                continue;
            }
            let Some(name) = old.or(new).map(|entry| entry.name) else {
                continue;
            };
            let path = if dir.is_empty() {
                name.to_vec()
            } else {
                [&dir[..], b"/", name].concat()
            };
            let mut leaves = [old, new].into_iter().flatten().filter(|entry| !entry.is_tree());
            if leaves.any(|entry| selection.matches(&path, entry.kind == Kind::SUBMODULE)) {
                return Ok(true);
            }
            let (old, new) = (subtree(old), subtree(new));
            if old != new && selection.may_match_below(&path) {
                pairs.push((path, old, new));
            }
        }
    }
    Ok(false)
}

/// The mode of an entry, with the modes of old repositories made what git takes them for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind(u32);

impl Kind {
    const TREE: Self = Self(0o040_000);
    const LINK: Self = Self(0o120_000);
    const SUBMODULE: Self = Self(0o160_000);

    const fn new(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self(0o100_644 | (mode & 0o100)),
            0o120_000 => Self::LINK,
            0o040_000 => Self::TREE,
            _ => Self::SUBMODULE,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    kind: Kind,
    name: &'a [u8],
    id: Oid,
}

impl Entry<'_> {
    fn is_tree(&self) -> bool {
        self.kind == Kind::TREE
    }
}

fn subtree(entry: Option<Entry<'_>>) -> Option<Oid> {
    entry.filter(Entry::is_tree).map(|entry| entry.id)
}

/// A tree that was read. The empty tree is known without being read: no repository needs to hold it.
struct Tree<S> {
    id: Oid,
    content: Vec<u8>,
    store: std::marker::PhantomData<S>,
}

impl<S: TreeStore> Tree<S> {
    fn read(store: &S, id: Option<Oid>) -> Result<Self, S::Error> {
        let (id, content) = match id {
            Some(id) if id.as_bytes() != EMPTY_TREE => (id, store.tree(id)?),
            _ => (Oid::ZERO_SHA1, Vec::new()),
        };
        Ok(Self {
            id,
            content,
            store: std::marker::PhantomData,
        })
    }

    /// The entries, last name first: the next one is popped.
    fn entries(&self) -> Result<Vec<Entry<'_>>, S::Error> {
        let mut entries = Vec::new();
        let mut rest = &self.content[..];
        while !rest.is_empty() {
            let (entry, after) = parse(rest).ok_or_else(|| S::malformed(self.id))?;
            entries.push(entry);
            rest = after;
        }
        // By name alone, so that a file and a directory of one name meet.
        entries.sort_by(|one, other| other.name.cmp(one.name));
        Ok(entries)
    }
}

const EMPTY_TREE: &[u8] = b"\x4b\x82\x5d\xc6\x42\xcb\x6e\xb9\xa0\x60\xe5\x4b\xf8\xd6\x92\x88\xfb\xee\x49\x04";

const ID_BYTES: usize = EMPTY_TREE.len();

fn parse(content: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let blank = content.iter().position(|&byte| byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&content[..blank]).ok()?, 8).ok()?;
    let content = &content[blank + 1..];
    let end = content
        .iter()
        .position(|&byte| byte == 0)
        .filter(|&end| end > 0)?;
    let (name, rest) = (&content[..end], &content[end + 1..]);
    let (id, rest) = rest.split_at_checked(ID_BYTES)?;
    Some((
        Entry {
            kind: Kind::new(mode),
            name,
            id: Oid::from_bytes(id).ok()?,
        },
        rest,
    ))
}

/// Two trees side by side.
struct Merge<'a> {
    old: Vec<Entry<'a>>,
    new: Vec<Entry<'a>>,
}

impl<'a> Iterator for Merge<'a> {
    type Item = (Option<Entry<'a>>, Option<Entry<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        match (self.old.last(), self.new.last()) {
            (None, None) => None,
            (Some(_), None) => Some((self.old.pop(), None)),
            (None, Some(_)) => Some((None, self.new.pop())),
            (Some(old), Some(new)) => Some(match old.name.cmp(new.name) {
                Ordering::Less => (self.old.pop(), None),
                Ordering::Greater => (None, self.new.pop()),
                Ordering::Equal => (self.old.pop(), self.new.pop()),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
