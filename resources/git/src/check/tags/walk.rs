//! The commits that can become versions where tags are followed: CONTRACT 4.4, with all refs as tips.

use std::cell::RefCell;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::rc::Rc;

use git2::Oid;

use crate::history::{History, Missing};

/// What connects the commits of a history, each of which is read once.
pub(super) struct Graph<'a> {
    history: &'a History,
    nodes: RefCell<HashMap<Oid, Rc<Node>>>,
}

struct Node {
    parents: Vec<Oid>,
    /// The committer's date, in seconds since 1970.
    time: i64,
}

impl<'a> Graph<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self {
            history,
            nodes: RefCell::default(),
        }
    }

    fn node(&self, id: Oid) -> Result<Rc<Node>, Missing> {
        if let Some(node) = self.nodes.borrow().get(&id) {
            return Ok(Rc::clone(node));
        }
        let commit = self.history.commit(id)?;
        let node = Rc::new(Node {
            parents: commit.parents,
            time: commit.time,
        });
        self.nodes.borrow_mut().insert(id, Rc::clone(&node));
        Ok(node)
    }

    pub(super) fn first_parent(&self, id: Oid) -> Result<Option<Oid>, Missing> {
        Ok(self.node(id)?.parents.first().copied())
    }

    /// All commits that can be reached from `starts`, these included.
    pub(super) fn ancestors(&self, starts: impl IntoIterator<Item = Oid>) -> Result<HashSet<Oid>, Missing> {
        git_remote::ancestors(starts, |id| Ok(self.node(id)?.parents.clone()))
    }

    /// Those commits among what can be reached from `starts` that are `wanted` or descend from it.
    pub(super) fn containing(
        &self,
        wanted: Oid,
        starts: impl IntoIterator<Item = Oid>,
    ) -> Result<HashSet<Oid>, Missing> {
        let reached = self.ancestors(starts)?;
        let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for &id in &reached {
            for &parent in &self.node(id)?.parents {
                children.entry(parent).or_default().push(id);
            }
        }
        let mut queue = vec![wanted];
        let mut containing = HashSet::from([wanted]);
        while let Some(id) = queue.pop() {
            for &child in children.get(&id).into_iter().flatten() {
                if containing.insert(child) {
                    queue.push(child);
                }
            }
        }
        Ok(containing)
    }

    /// The first-parent chains below the tips, without what is excluded.
    pub(super) fn chains(&self, tips: &[Oid], excluded: &HashSet<Oid>) -> Result<HashSet<Oid>, Missing> {
        let mut members = HashSet::new();
        for &tip in tips {
            let mut next = Some(tip);
            while let Some(id) = next.filter(|id| !excluded.contains(id) && members.insert(*id)) {
                next = self.first_parent(id)?;
            }
        }
        Ok(members)
    }

    /// Commits newest first by the committer's date, but a child always before its parents.
    pub(super) fn newest_first(&self, members: &HashSet<Oid>) -> Result<Vec<Oid>, Missing> {
        let mut children: HashMap<Oid, usize> = HashMap::new();
        for &id in members {
            for &parent in &self.node(id)?.parents {
                *children.entry(parent).or_default() += 1;
            }
        }
        // Of commits of one second, those of the higher id: any order that is the same every time.
        let mut ready = BinaryHeap::new();
        for &id in members {
            if !children.contains_key(&id) {
                ready.push((self.node(id)?.time, id));
            }
        }
        let mut ordered = Vec::with_capacity(members.len());
        while let Some((_, id)) = ready.pop() {
            ordered.push(id);
            for &parent in &self.node(id)?.parents {
                let Some(count) = children.get_mut(&parent) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 && members.contains(&parent) {
                    ready.push((self.node(parent)?.time, parent));
                }
            }
        }
        Ok(ordered)
    }
}
