//! The public contract: what people write, and what a version is.

mod params;
mod source;
mod spelled;
mod version;

pub use params::PutParams;
pub use source::{CaCert, Source};
pub use spelled::{Json, Redact, Spelled};
pub use version::SlackVersion;
