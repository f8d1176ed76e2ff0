//! Write Concourse resource types in Rust.

pub mod build;
pub mod cache;
pub mod config;
pub mod console;
pub mod context;
pub mod error;
pub mod http;
pub mod lenient;
pub mod metadata;
pub mod resource;
pub mod secret;
pub mod version;

pub use build::BuildMetadata;
pub use cache::CacheDir;
pub use config::{Config, FieldPath, KeyPolicy, Problem, Step, UnknownKeys};
pub use context::{AbortGuard, Context};
pub use error::{Error, Report, Result};
pub use metadata::Metadata;
pub use resource::{Outcome, Resource};
pub use secret::Secret;
pub use version::{Version, VersionShape};
