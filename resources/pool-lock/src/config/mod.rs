//! The public contract: what people write into `source`, `version` and `params`.

mod params;
mod source;
mod version;

pub use params::{GetParams, PutParams};
pub use source::{GitConfig, RetryDelay, Source};
pub use version::LockVersion;
