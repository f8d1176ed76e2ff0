//! What the last check in this container answered.

use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::config::GitVersion;

/// The answer of a check, with what it depended on. The directory it is kept in is keyed by the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    tip: String,
    from: Option<String>,
    versions: Vec<String>,
}

impl Memory {
    pub(crate) fn new(tip: Oid, from: Option<&str>, versions: &[Oid]) -> Self {
        Self {
            tip: tip.to_string(),
            from: from.map(str::to_owned),
            versions: versions.iter().map(Oid::to_string).collect(),
        }
    }

    /// The head that the answer was given for.
    pub(crate) fn tip(&self) -> Option<Oid> {
        self.tip.parse().ok()
    }

    /// The answer, if it still holds for this head and cursor.
    pub(crate) fn answer(&self, tip: Oid, from: Option<&str>) -> Option<Vec<Oid>> {
        if self.tip().is_none_or(|remembered| remembered != tip) {
            return None;
        }
        if self.from.as_deref() == from {
            self.ids(0)
        } else {
            self.since(from?)
        }
    }

    /// The versions from one of them on: those that a cursor at it gives, as long as the head stays where it was.
    ///
    /// All versions stand on the head's first-parent chain, and a cursor on that chain excludes just what is below it.
    pub(crate) fn since(&self, from: &str) -> Option<Vec<Oid>> {
        self.ids(self.versions.iter().position(|version| version == from)?)
    }

    fn ids(&self, start: usize) -> Option<Vec<Oid>> {
        self.versions[start..]
            .iter()
            .map(|version| version.parse().ok())
            .collect()
    }
}

/// The answer of a check that follows tags, with what it depended on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TagMemory {
    /// A digest of the remote's refs.
    state: String,
    from: Option<String>,
    /// Each the name of a tag with its commit, or the id of a commit.
    tagged: Vec<(String, Option<String>)>,
}

impl TagMemory {
    pub(crate) fn new(state: String, from: Option<&str>, versions: &[GitVersion]) -> Self {
        let tagged = versions
            .iter()
            .map(|version| (version.reference.clone(), version.commit.clone()));
        Self {
            state,
            from: from.map(str::to_owned),
            tagged: tagged.collect(),
        }
    }

    /// The answer, if it still holds for these refs and this cursor.
    pub(crate) fn answer(self, state: &str, from: Option<&str>) -> Option<Vec<GitVersion>> {
        if self.state != state || self.from.as_deref() != from {
            return None;
        }
        let version = |(reference, commit): (String, _)| GitVersion {
            commit,
            ..GitVersion::new(reference)
        };
        Some(self.tagged.into_iter().map(version).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Oid {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn text(digit: char) -> String {
        id(digit).to_string()
    }

    #[test]
    fn an_answer_holds_for_the_same_head_and_cursor_or_a_later_cursor() {
        let memory = Memory::new(id('f'), Some(&text('a')), &[id('b'), id('c')]);
        assert_eq!(
            memory.answer(id('f'), Some(&text('a'))),
            Some(vec![id('b'), id('c')])
        );
        assert_eq!(
            memory.answer(id('f'), Some(&text('b'))),
            Some(vec![id('b'), id('c')])
        );
        assert_eq!(memory.answer(id('f'), Some(&text('c'))), Some(vec![id('c')]));
        assert_eq!(memory.answer(id('f'), Some(&text('d'))), None);
        assert_eq!(memory.answer(id('f'), None), None);
        assert_eq!(memory.answer(id('e'), Some(&text('a'))), None);
    }
}
