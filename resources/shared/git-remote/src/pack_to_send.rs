//! The pack that a push sends: what the remote needs and does not have.

use std::collections::HashSet;
use std::io::{self, Write};

use git2::{ObjectType, Oid, PackBuilder, Repository};
use gix_hash::{Hasher, Kind};

use crate::error::{Error, Result};
use crate::large::LargeBlobs;
use crate::{Ref, Update};

/// The length of a pack's head: signature, version, number of objects (gitformat-pack).
const HEAD: usize = 12;

/// Where the number of objects begins in it.
const COUNT: usize = 8;

/// The length of the checksum at a pack's end.
const TRAILER: usize = 20;

/// Takes a part of a pack that is being written.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// Objects to send, collected but not yet packed.
pub(crate) struct PackToSend<'r> {
    builder: PackBuilder<'r>,
    blobs: LargeBlobs,
    /// Blobs that are not read into memory; they come last.
    large: Vec<Oid>,
}

impl<'r> PackToSend<'r> {
    /// None when refs are only deleted.
    pub(crate) fn collect(
        repo: &'r Repository,
        sent: &[(&Update, Option<Oid>)],
        refs: &[Ref],
    ) -> Result<Option<Self>> {
        let mut new: Vec<Oid> = sent.iter().filter_map(|(update, _)| update.src).collect();
        if new.is_empty() {
            return Ok(None);
        }
        new.sort();
        new.dedup();
        let failed = Error::repository("collect the objects to push");
        let mut outgoing = Self {
            builder: repo.packbuilder().map_err(&failed)?,
            blobs: LargeBlobs::find(repo),
            large: Vec::new(),
        };
        outgoing.builder.set_threads(0);
        outgoing.insert(repo, &new, refs).map_err(failed)?;
        Ok(Some(outgoing))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.builder.object_count() == 0 && self.large.is_empty()
    }

    /// Writes the pack.
    pub(crate) fn write(&mut self, take: Take<'_>) -> Result<()> {
        if self.large.is_empty() {
            return build(&mut self.builder, take);
        }
        let mut appended = Appended::new(self.large.len(), take);
        build(&mut self.builder, &mut |data| appended.pass(data))?;
        for &id in &self.large {
            let packed = self.blobs.pack(id, &mut appended);
            appended.failure.take().map_or(Ok(()), Err)?;
            packed.map_err(|error| Error::Broken(error.to_string()))?;
        }
        appended.finish()
    }

    fn insert(&mut self, repo: &Repository, new: &[Oid], refs: &[Ref]) -> Result<(), git2::Error> {
        let mut walk = repo.revwalk()?;
        let mut seen = HashSet::new();
        for &id in new {
            let mut object = repo.find_object(id, None)?;
            while let Some(tag) = object.as_tag() {
                self.builder.insert_object(tag.id(), None)?;
                object = tag.target()?;
            }
            match object.kind() {
                Some(ObjectType::Commit) => walk.push(object.id())?,
                Some(ObjectType::Tree) => self.insert_tree(repo, object.id(), &mut seen)?,
                _ => self.insert_file(object.id())?,
            }
        }
        for known in refs {
            let id = known.peeled.unwrap_or(known.id);
            // Only what is here can be left out.
            if let Ok(commit) = repo
                .find_object(id, None)
                .and_then(|object| object.peel(ObjectType::Commit))
            {
                walk.hide(commit.id())?;
            }
        }
        if self.blobs.is_empty() {
            return self.builder.insert_walk(&mut walk);
        }
        let commits = walk.collect::<Result<Vec<Oid>, _>>()?;
        let sent: HashSet<Oid> = commits.iter().copied().collect();
        for &id in &commits {
            for parent in repo
                .find_commit(id)?
                .parents()
                .filter(|parent| !sent.contains(&parent.id()))
            {
                mark(repo, parent.tree_id(), &mut seen)?;
            }
        }
        for id in commits {
            self.builder.insert_object(id, None)?;
            self.insert_tree(repo, repo.find_commit(id)?.tree_id(), &mut seen)?;
        }
        Ok(())
    }

    fn insert_tree(
        &mut self,
        repo: &Repository,
        id: Oid,
        seen: &mut HashSet<Oid>,
    ) -> Result<(), git2::Error> {
        // On the heap: a tree may be as deep as somebody made it.
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            self.builder.insert_object(id, None)?;
            for entry in &repo.find_tree(id)? {
                match entry.kind() {
                    Some(ObjectType::Tree) => pending.push(entry.id()),
                    Some(ObjectType::Blob) if seen.insert(entry.id()) => self.insert_file(entry.id())?,
                    // The commit of a submodule is elsewhere.
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn insert_file(&mut self, id: Oid) -> Result<(), git2::Error> {
        if self.blobs.size(id).is_none() {
            return self.builder.insert_object(id, None);
        }
        if !self.large.contains(&id) {
            self.large.push(id);
        }
        Ok(())
    }
}

/// Marks all that is in a tree of the remote as seen.
fn mark(repo: &Repository, tree: Oid, seen: &mut HashSet<Oid>) -> Result<(), git2::Error> {
    let mut pending = vec![tree];
    while let Some(id) = pending.pop() {
        if !seen.insert(id) {
            continue;
        }
        for entry in &repo.find_tree(id)? {
            if entry.kind() == Some(ObjectType::Tree) {
                pending.push(entry.id());
            } else {
                seen.insert(entry.id());
            }
        }
    }
    Ok(())
}

fn build(builder: &mut PackBuilder<'_>, take: Take<'_>) -> Result<()> {
    let mut failure = None;
    let written = builder.foreach(|data| {
        failure = take(data).err();
        failure.is_none()
    });
    match failure {
        Some(failure) => Err(failure),
        None => written.map_err(Error::repository("pack the objects to push")),
    }
}

/// A pack that gets more objects than it was made with.
struct Appended<'a> {
    take: Take<'a>,
    hash: Hasher,
    more: usize,
    /// The head, until it is whole.
    head: Vec<u8>,
    /// What may be the checksum, which is that of too few objects.
    tail: Vec<u8>,
    failure: Option<Error>,
}

impl<'a> Appended<'a> {
    fn new(more: usize, take: Take<'a>) -> Self {
        Self {
            take,
            hash: gix_hash::hasher(Kind::Sha1),
            more,
            head: Vec::new(),
            tail: Vec::new(),
            failure: None,
        }
    }

    /// Takes a part of the pack as it was made.
    fn pass(&mut self, data: &[u8]) -> Result<()> {
        let missing = HEAD - self.head.len();
        let (head, data) = data.split_at(missing.min(data.len()));
        self.head.extend(head);
        if self.head.len() < HEAD {
            return Ok(());
        }
        if missing > 0 {
            let mut head = self.head.clone();
            let count = head[COUNT..]
                .iter()
                .fold(0, |count, &byte| count << 8 | u32::from(byte));
            let count = u32::try_from(self.more)
                .ok()
                .and_then(|more| count.checked_add(more));
            let count = count.ok_or_else(|| Error::Broken("too many objects for one pack".to_owned()))?;
            head[COUNT..].copy_from_slice(&count.to_be_bytes());
            self.send(&head)?;
        }
        self.tail.extend(data);
        let ready = self.tail.len().saturating_sub(TRAILER);
        let ready: Vec<u8> = self.tail.drain(..ready).collect();
        self.send(&ready)
    }

    fn send(&mut self, data: &[u8]) -> Result<()> {
        self.hash.update(data);
        (self.take)(data)
    }

    fn finish(self) -> Result<()> {
        let hash = self
            .hash
            .try_finalize()
            .map_err(|error| Error::Broken(error.to_string()))?;
        (self.take)(hash.as_slice())
    }
}

impl Write for Appended<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.send(data) {
            Ok(()) => Ok(data.len()),
            Err(error) => {
                self.failure = Some(error);
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
