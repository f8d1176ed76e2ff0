//! Files below one directory, whatever names somebody else chose for them.
//!
//! What a repository, an archive or a server names is hostile: `../../etc/cron.d/x`, `/tmp/x`, or `a/b` where `a` is a link that an
//! earlier entry made. A name becomes a [`RelativePath`] first, which cannot lead out of the directory it is taken in, and is then
//! written through a [`Directory`], which follows no link on the way.
//!
//! ```
//! use std::io::Write as _;
//! use concourse_resource_sdk::files::{Directory, RelativePath};
//!
//! let dest = tempfile::tempdir()?;
//! let mut directory = Directory::open(dest.path())?;
//! let path = RelativePath::new("docs/notes.txt").map_err(std::io::Error::other)?;
//! directory.create(&path, 0o644)?.write_all(b"notes")?;
//! assert!(RelativePath::new("../notes.txt").is_err());
//! # Ok::<(), std::io::Error>(())
//! ```

mod directory;
mod path;

pub use directory::{Directory, Found, Kind};
pub use path::{PathError, RelativePath};
