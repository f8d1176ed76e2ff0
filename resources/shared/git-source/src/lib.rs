//! What resource types that live in a git repository share: how the repository is reached, cloned and committed to.
//!
//! "CONTRACT" is that of the git resource, whose reference implementation the others follow here.

mod access;
mod attributes;
mod backoff;
mod beside;
mod checkout;
mod clone;
mod commit_text;
mod commits;
mod config;
mod failure;
mod git_config;
mod location;
mod scratch;
mod ssh;
mod undo;
pub mod wildmatch;

pub use access::Access;
pub use attributes::{Attributes, Conversion, Conversions};
pub use backoff::{Backoff, Standstill};
pub use beside::write_beside;
pub use checkout::{
    Clean, Head as CheckedOut, InTheWay, Replacer, SKIP_WORKTREE, checkout, first_change,
    indexed_conversions, move_to, one_line,
};
pub use clone::{Branches, Clone, Head};
pub use commit_text::CommitText;
pub use commits::{NewCommit, field, stored};
pub use config::{FetchTags, GitConfigEntry, HttpsTunnel};
pub use failure::{
    GIT_EXIT, blocking, branch_not_found, git_failed, local_failure, not_on_branch, refuse_used_directory,
    unwritable,
};
pub use git_config::GitConfig;
pub use git_remote::{read_cuts, write_cuts};
pub use location::{Location, check_branch};
pub use scratch::{Scratch, bare_repository};
pub use undo::or_nothing;
