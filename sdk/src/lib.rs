//! Write Concourse resource types in Rust.

mod abort;
pub mod build;
pub mod cache;
mod cli;
mod command;
pub mod config;
pub mod console;
pub mod context;
mod decode;
pub mod docs;
mod entry;
pub mod erased;
pub mod error;
pub mod http;
pub mod lenient;
pub mod metadata;
mod panics;
pub mod resource;
pub mod secret;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
pub mod version;

pub use build::BuildMetadata;
pub use cache::CacheDir;
pub use config::{Config, FieldPath, KeyPolicy, Problem, Step, UnknownKeys};
pub use context::{AbortGuard, Context};
pub use entry::{main, run};
pub use erased::{ErasedResource, Part, Request};
pub use error::{Error, Report, Result};
pub use metadata::Metadata;
pub use resource::{Outcome, Resource};
pub use secret::Secret;
pub use version::{Version, VersionShape};
