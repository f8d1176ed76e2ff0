//! What is fetched besides the branch that is cloned: `fetch` and `search_remote_refs`.

use std::collections::BTreeSet;

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result};
use git2::Oid;

use super::Clone;
use crate::git_failed;

impl Clone<'_> {
    /// CONTRACT 5.1, `fetch`: further branches, each as a local branch without an upstream, unless one of that name is here.
    pub fn fetch_branches(&mut self, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let full: Vec<String> = names.iter().map(|name| format!("refs/heads/{name}")).collect();
        let prefixes: Vec<&str> = full.iter().map(String::as_str).collect();
        let refs = self.remote.refs(&prefixes)?;
        let mut found = Vec::new();
        for (name, full) in names.iter().zip(&full) {
            match refs.iter().find(|branch| branch.name == full.as_bytes()) {
                Some(branch) => found.push((full, branch.id)),
                None => {
                    return Err(Error::remote(format!("couldn't find remote ref {name}"))
                        .hint("check params.fetch")
                        .exit(crate::GIT_EXIT));
                }
            }
        }
        self.fetch_more(found.iter().map(|(_, id)| *id).collect())?;
        for (name, id) in found {
            if self.repo.find_reference(name).is_err() {
                self.repo
                    .reference(name, id, false, "fetch")
                    .map_err(git_failed("write to the clone"))?;
            }
        }
        Ok(())
    }

    /// CONTRACT 5.2 step 6: fetches the remote's refs, of any kind, whose id or name has `text` in it.
    pub fn search(&mut self, text: &str) -> Result<()> {
        let refs = self.remote.refs(&[])?;
        let mut names = Vec::new();
        let mut wants = BTreeSet::new();
        for found in &refs {
            let name = String::from_utf8_lossy(&found.name);
            let line = format!("{}\t{name}", found.id);
            let peeled = found.peeled.map(|id| id.to_string()).unwrap_or_default();
            if line.contains(text) || peeled.contains(text) {
                names.push(name.into_owned());
                wants.insert(found.id);
            }
        }
        if names.is_empty() {
            self.cx.log().line(format!(
                "WARNING: couldn't find a ref for {text} listed on the remote"
            ));
            return Ok(());
        }
        self.cx.log().line(format!(
            "{text} not found locally, but search_remote_refs is enabled. Attempting to fetch {} first.",
            names.join(" ")
        ));
        self.fetch_more(wants)
    }

    /// Fetches objects with their history, and the tags that point into it.
    fn fetch_more(&mut self, wants: BTreeSet<Oid>) -> Result<()> {
        self.run(&self.beside(wants.iter().copied().collect()))?;
        self.more.extend(wants);
        self.take_in_tags()?;
        self.write_refs()
    }
}
