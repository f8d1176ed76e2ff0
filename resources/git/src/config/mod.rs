//! The public contract: what people write into `source`, `version` and `params`.

mod params;
mod source;
mod version;

pub use params::{GetParams, PutParams, Submodules};
pub use source::{CommitFilter, Patterns, Source, TagBehaviour};
pub use version::GitVersion;
