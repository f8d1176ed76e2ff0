//! Write [Concourse](https://concourse-ci.org) resource types in Rust.
//!
//! A resource type is an OCI image with three executables, `/opt/resource/check`, `in` and `out`, that speak JSON on stdin
//! and stdout. Here it is one type that implements [`Resource`]: what people configure it with, what its versions look like,
//! and the commands. A complete one, which makes a new version at every interval (`examples/interval.rs`):
//!
//! ```no_run
#![doc = include_str!("../examples/interval.rs")]
//! ```
//!
//! The one binary is the protocol when it is called as `check`, `in` or `out` (link it three times into the image), and a
//! command line by its own name:
//!
//! ```text
//! $ echo 'source: {minutes: 10}' | interval-resource check
//! $ interval-resource get ./out < request.yml
//! $ interval-resource schema source
//! $ interval-resource check --help
//! ```
//!
//! # What comes with it
//!
//! - **Decoding** in an order that keeps secrets out of every message: the JSON value, then each value at a [`Secret`] field
//!   and each login in a URL is registered with the log, then unknown keys are found (with "did you mean"), then values are
//!   decoded into `Source` and params (`source.minutes: expected a whole number from 0 to 4294967295, found string "x"`),
//!   then [`Config::validate`] says what else is wrong, and only then the command runs. `null` equals absent.
//! - **Errors** of three kinds, [`Error::config`], [`Error::remote`] and [`Error::internal`], by whose turn it is to act; a
//!   first line, then causes and hint; with `?` by [`ResultExt`]. A panic becomes an internal error. Stdout stays empty.
//! - **The log**, [`Context::log`]: stderr, without the secrets in any of their usual encodings, with
//!   [progress](Context::progress) for what takes longer.
//! - **Aborts**: SIGTERM or SIGINT drops the command's future, runs what [`Context::on_abort`] registered, and ends the
//!   process within two seconds, whatever blocks.
//! - **HTTP** as it should be behind proxies and private CAs: [`Context::http`].
//! - **A cache** between the checks of one container, [`Context::cache`], and the [build's metadata](Context::build).
//! - **Documentation** from the doc comments of the configuration: JSON Schema, README tables ([`docs::current`] keeps them
//!   up to date), `--help`.
//! - **A test kit** (feature `testing`), which runs a resource as Concourse would.
//!
//! Fields of a shell-script resource that coerced what it was given are read alike with the types in [`compat::lenient`].

mod abort;
pub mod build;
pub mod cache;
#[cfg(feature = "cli")]
mod cli;
mod command;
pub mod compat;
pub mod config;
pub mod console;
pub mod context;
mod decode;
pub mod docs;
mod entry;
mod erase;
pub mod erased;
pub mod error;
pub mod files;
#[cfg(feature = "http")]
pub mod http;
pub mod metadata;
mod panics;
pub mod resource;
pub mod schema;
pub mod secret;
mod stdout;
#[cfg(feature = "cli")]
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod validate;
pub mod version;

pub use build::BuildMetadata;
pub use cache::CacheDir;
pub use config::{Config, FieldPath, KeyPolicy, NoParams, Step, UnknownKeys};
pub use context::{AbortGuard, Context};
pub use entry::{main, run};
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use metadata::{Metadata, MetadataRow};
pub use resource::{Check, Get, Outcome, Put, Resource};
/// Of the crate [`schemars`](https://docs.rs/schemars), which documents configuration types.
pub use schemars;
pub use secret::Secret;
/// Of the crate [`serde`](https://docs.rs/serde), whose traits configuration and versions have.
pub use serde;
/// Of the crate [`serde_json`](https://docs.rs/serde_json): requests and answers as they are.
pub use serde_json;
pub use validate::{Refused, Validator};
pub use version::{Version, VersionMap};
