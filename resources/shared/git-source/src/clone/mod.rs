//! Cloning: the objects, the refs and the configuration that `git clone` would leave.

mod beside;
mod configure;
mod head;
mod refs;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use concourse_resource_sdk::{Context, Result};
use git_remote::{Depth, Fetch, FetchOutcome, Ref, Remote};
use git2::{ObjectType, Oid, Repository, RepositoryInitOptions};

use crate::config::FetchTags;
use crate::git_failed;
use crate::location::Location;
use crate::undo::empty;
pub use head::Head;
use refs::is_safe_name;

/// Which branches are cloned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branches {
    /// The one that is checked out.
    One,
    /// All of the remote's.
    All,
}

/// A clone in the making. What is there is removed if it is not [finished](Self::finish).
pub struct Clone<'a> {
    cx: &'a Context,
    remote: &'a mut Remote,
    repo: Repository,
    head: Head,
    tags: FetchTags,
    branches: Branches,
    advertised: Vec<Ref>,
    cuts: BTreeSet<Oid>,
    /// What was fetched besides the branches that are cloned.
    more: BTreeSet<Oid>,
    /// The commits that the clone is meant to hold, where its objects do not tell: those of a local remote are all here.
    reached: Option<HashSet<Oid>>,
    ruin: Ruin,
}

impl<'a> Clone<'a> {
    /// Asks the remote for its refs and makes an empty repository.
    pub fn start(
        cx: &'a Context,
        dest: &Path,
        location: &Location,
        (branches, tags): (Branches, FetchTags),
        remote: &'a mut Remote,
    ) -> Result<Self> {
        let advertised = advertised(remote, location.branch.as_deref(), branches, tags)?;
        let head = Head::find(&advertised, location.branch.as_deref())?;
        let ruin = Ruin {
            dest: dest.to_owned(),
            kept: false,
        };
        let clone = Self {
            repo: init(dest, &head)?,
            cx,
            remote,
            head,
            tags,
            branches,
            advertised,
            cuts: BTreeSet::new(),
            more: BTreeSet::new(),
            reached: None,
            ruin,
        };
        clone.configure(location.uri.as_str())?;
        Ok(clone)
    }

    /// The repository, before it is finished.
    #[must_use]
    pub fn repo(&self) -> &Repository {
        &self.repo
    }

    /// What the clone is made in.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.cx
    }

    /// What is cloned.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether history is cut.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// The commits at which history is cut.
    pub fn cuts(&self) -> impl Iterator<Item = Oid> + '_ {
        self.cuts.iter().copied()
    }

    /// Whether history is cut at a commit.
    #[must_use]
    pub fn is_cut(&self, id: Oid) -> bool {
        self.cuts.contains(&id)
    }

    /// Whether the clone is meant to hold a commit, or whatever a tag points to.
    #[must_use]
    pub fn holds(&self, id: Oid) -> bool {
        match &self.reached {
            Some(reached) => reached.contains(&id) || self.reaches_content(reached, id),
            None => self.repo.odb().is_ok_and(|odb| odb.exists(id)),
        }
    }

    /// Fetches the branch, notes and tags, all of their history or the newest `depth` commits.
    pub fn fetch(&mut self, depth: Option<u32>) -> Result<()> {
        self.fetch_objects(depth.map_or(Depth::Keep, Depth::To))?;
        self.write_refs()
    }

    /// Fetches more of a history that was cut.
    pub fn deepen(&mut self, depth: Depth) -> Result<()> {
        self.fetch_objects(depth)?;
        self.write_refs()
    }

    /// Keeps the repository, whatever comes. It is opened anew: libgit2 reads only then where the history is cut.
    pub fn finish(mut self) -> Result<Repository> {
        let repo = Repository::open(self.repo.path()).map_err(git_failed("write to the clone"))?;
        self.ruin.kept = true;
        Ok(repo)
    }

    fn fetch_objects(&mut self, depth: Depth) -> Result<()> {
        let tip = self.head.id();
        let mut wants = BTreeSet::from([tip]);
        wants.extend(self.other_branches().map(|branch| branch.id));
        if self.tags == FetchTags::All {
            wants.extend(self.named("refs/tags/").map(|tag| tag.id));
        }
        let notes: BTreeSet<Oid> = self.named("refs/notes/").map(|note| note.id).collect();
        // The depth is not for the history of notes.
        let notes_apart = depth != Depth::Keep && !notes.is_empty();
        if !notes_apart {
            wants.extend(&notes);
        }
        self.run(&Fetch {
            haves: if self.cuts.is_empty() {
                Vec::new()
            } else {
                vec![tip]
            },
            wants: wants.into_iter().collect(),
            shallow: self.cuts.iter().copied().collect(),
            depth,
            include_tags: self.tags == FetchTags::Following,
            ..Fetch::default()
        })?;
        if notes_apart {
            self.run(&self.beside(notes.into_iter().collect()))?;
        }
        self.take_in_tags()
    }

    /// Sees what is reached now, and fetches the tags that go with it.
    fn take_in_tags(&mut self) -> Result<()> {
        self.reached = if self.remote.local().is_some() {
            Some(self.reach()?)
        } else {
            None
        };
        self.fetch_following_tags()
    }

    /// A fetch of what has nothing to do with the depth.
    fn beside(&self, wants: Vec<Oid>) -> Fetch {
        Fetch {
            wants,
            haves: vec![self.head.id()],
            shallow: self.cuts.iter().copied().collect(),
            ..Fetch::default()
        }
    }

    /// The commits that can be reached from what is cloned without passing a cut.
    fn reach(&self) -> Result<HashSet<Oid>> {
        let failed = git_failed("walk the history");
        let mut queue = Vec::new();
        for tip in [self.head.id()]
            .into_iter()
            .chain(self.other_branches().map(|branch| branch.id))
            .chain(self.named("refs/notes/").map(|notes| notes.id))
            .chain(self.more.iter().copied())
        {
            let object = self.repo.find_object(tip, None).map_err(&failed)?;
            // A ref may lead to a tree or a file, too.
            queue.extend(object.peel(ObjectType::Commit).map(|commit| commit.id()));
        }
        git_remote::ancestors(queue, |id| {
            if self.is_cut(id) {
                return Ok(Vec::new());
            }
            Ok(self.repo.find_commit(id).map_err(&failed)?.parent_ids().collect())
        })
    }

    /// Whether a tree or a file is in one of the commits that are reached. Few tags lead to one.
    fn reaches_content(&self, reached: &HashSet<Oid>, id: Oid) -> bool {
        let is_content =
            |object: git2::Object<'_>| matches!(object.kind(), Some(ObjectType::Tree | ObjectType::Blob));
        if !self.repo.find_object(id, None).is_ok_and(is_content) {
            return false;
        }
        let trees = reached
            .iter()
            .filter_map(|&commit| Some(self.repo.find_commit(commit).ok()?.tree_id()));
        let mut pending: Vec<Oid> = trees.collect();
        let mut seen = HashSet::new();
        while let Some(tree) = pending.pop() {
            if tree == id {
                return true;
            }
            if !seen.insert(tree) {
                continue;
            }
            let Ok(tree) = self.repo.find_tree(tree) else {
                continue;
            };
            for entry in &tree {
                if entry.id() == id {
                    return true;
                }
                if entry.kind() == Some(ObjectType::Tree) {
                    pending.push(entry.id());
                }
            }
        }
        false
    }

    /// Tag objects whose commit is here, but that the server did not send along.
    fn fetch_following_tags(&mut self) -> Result<()> {
        if self.tags != FetchTags::Following {
            return Ok(());
        }
        let odb = self.repo.odb().map_err(git_failed("write to the clone"))?;
        let wants: Vec<Oid> = self
            .named("refs/tags/")
            .filter(|tag| tag.peeled.is_some_and(|peeled| odb.exists(peeled)) && !odb.exists(tag.id))
            .map(|tag| tag.id)
            .collect();
        drop(odb);
        if wants.is_empty() {
            return Ok(());
        }
        self.run(&self.beside(wants))
    }

    fn run(&mut self, fetch: &Fetch) -> Result<()> {
        if let FetchOutcome::Fetched(fetched) = self.remote.fetch(self.repo.path(), fetch, self.cx)? {
            self.cuts.extend(fetched.new_shallow);
            for id in fetched.unshallow {
                self.cuts.remove(&id);
            }
        }
        Ok(git_remote::write_cuts(&self.repo, &self.cuts)?)
    }

    fn named(&self, prefix: &'static str) -> impl Iterator<Item = &Ref> {
        self.advertised
            .iter()
            .filter(move |advertised| advertised.name.starts_with(prefix.as_bytes()))
    }

    /// All of the remote's branches, where they are asked for.
    fn other_branches(&self) -> impl Iterator<Item = &Ref> {
        let all = self.branches == Branches::All;
        self.named("refs/heads/")
            .filter(move |branch| all && is_safe_name(&branch.name))
    }
}

/// Removes what was written below the destination when the clone fails.
struct Ruin {
    dest: PathBuf,
    kept: bool,
}

impl Drop for Ruin {
    fn drop(&mut self) {
        if !self.kept {
            empty(&self.dest);
        }
    }
}

/// One request for all refs that the clone may need.
fn advertised(
    remote: &mut Remote,
    branch: Option<&str>,
    branches: Branches,
    tags: FetchTags,
) -> Result<Vec<Ref>> {
    let branch = branch.map(|branch| (format!("refs/heads/{branch}"), format!("refs/tags/{branch}")));
    let mut prefixes = vec!["HEAD", "refs/notes/"];
    if let Some((head, tag)) = &branch {
        prefixes.extend([head.as_str(), tag.as_str()]);
    }
    if branches == Branches::All {
        prefixes.push("refs/heads/");
    }
    if tags != FetchTags::None {
        prefixes.push("refs/tags/");
    }
    Ok(remote.refs(&prefixes)?)
}

fn init(dest: &Path, head: &Head) -> Result<Repository> {
    git_remote::init();
    let mut options = RepositoryInitOptions::new();
    options.no_reinit(true).external_template(false);
    if let Head::Branch { name, .. } = head {
        options.initial_head(name);
    }
    Repository::init_opts(dest, &options).map_err(|error| {
        crate::local_failure(
            format!("failed to make a repository in '{}'", dest.display()),
            error.message(),
        )
    })
}
