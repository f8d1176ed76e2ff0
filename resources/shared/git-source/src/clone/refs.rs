//! The refs that a clone leaves.

use std::fs;

use concourse_resource_sdk::Result;
use git2::Oid;

use super::{Clone, Head};
use crate::config::FetchTags;
use crate::git_failed;

impl Clone<'_> {
    /// The branch that `origin/HEAD` names: CONTRACT 5.2.
    fn default_branch(&self) -> Option<String> {
        if let Head::Branch { name, is_default, .. } = &self.head
            && *is_default
        {
            return Some(name.clone());
        }
        let head = self.named("HEAD").find(|found| found.name == b"HEAD")?;
        let target = head.target.as_ref()?;
        let branch = self.other_branches().find(|branch| &branch.name == target)?;
        let name = branch.name.strip_prefix(b"refs/heads/")?;
        std::str::from_utf8(name).ok().map(str::to_owned)
    }

    /// All refs but the branch that is checked out go into one file, as `git clone` does: a remote may have 100,000 tags.
    pub(super) fn write_refs(&self) -> Result<()> {
        let odb = self.repo.odb().map_err(git_failed("write to the clone"))?;
        let mut packed: Vec<(Vec<u8>, Oid, Option<Oid>)> = Vec::new();
        for advertised in self.named("refs/notes/").chain(self.named("refs/tags/")) {
            let is_note = advertised.name.starts_with(b"refs/notes/");
            let wanted = match self.tags {
                FetchTags::None => is_note,
                FetchTags::All => true,
                FetchTags::Following => is_note || self.holds(advertised.peeled.unwrap_or(advertised.id)),
            };
            if wanted && is_safe_name(&advertised.name) && odb.exists(advertised.id) {
                packed.push((advertised.name.clone(), advertised.id, advertised.peeled));
            }
        }
        match &self.head {
            Head::Branch { name, id, .. } => {
                packed.push((format!("refs/remotes/origin/{name}").into_bytes(), *id, None));
                self.repo
                    .reference(&format!("refs/heads/{name}"), *id, true, "clone")
                    .map_err(git_failed("write to the clone"))?;
            }
            Head::Tag { name, id } => {
                let name = format!("refs/tags/{name}").into_bytes();
                if !packed.iter().any(|entry| entry.0 == name) {
                    packed.push((name, *id, None));
                }
            }
            Head::Detached { .. } => {}
        }
        for branch in self.other_branches() {
            let name = branch.name.strip_prefix(b"refs/heads/").unwrap_or_default();
            packed.push(([b"refs/remotes/origin/", name].concat(), branch.id, None));
        }
        self.write_default_branch()?;
        packed.sort();
        packed.dedup_by(|a, b| a.0 == b.0);
        self.write_packed_refs(&packed)
    }

    fn write_default_branch(&self) -> Result<()> {
        let Some(name) = self.default_branch() else {
            return Ok(());
        };
        let target = format!("refs/remotes/origin/{name}");
        self.repo
            .reference_symbolic("refs/remotes/origin/HEAD", &target, true, "clone")
            .map_err(git_failed("write to the clone"))?;
        Ok(())
    }

    fn write_packed_refs(&self, refs: &[(Vec<u8>, Oid, Option<Oid>)]) -> Result<()> {
        let mut text = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
        for (name, id, peeled) in refs {
            text.extend(format!("{id} ").bytes());
            text.extend(name);
            text.push(b'\n');
            if let Some(peeled) = peeled {
                text.extend(format!("^{peeled}\n").bytes());
            }
        }
        let file = self.repo.path().join("packed-refs");
        fs::write(&file, text).map_err(|error| crate::unwritable(&file, &error))
    }
}

/// A name that a remote may put into our repository.
pub(super) fn is_safe_name(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(git2::Reference::is_valid_name)
}
