//! The directory that outlives a check.

// SKELETON: design.md section 3 "Cache between checks".

use std::path::Path;

/// A private directory below `$TMPDIR`, mode 0700, owned by us, no symbolic link, keyed by a digest of the whole source.
pub struct CacheDir { path: std::path::PathBuf }
impl CacheDir {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path { &self.path }
}
