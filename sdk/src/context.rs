//! What a command has at hand besides its request.

// SKELETON: signatures that the resources rely on; the SDK helper fills in bodies and may add more.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::build::BuildMetadata;
use crate::cache::CacheDir;
use crate::config::Step;
use crate::console::{Console, Progress};
use crate::http::HttpOptions;

/// Everything around a command: build metadata, clock, console, HTTP, cache, cancellation. Cheap to clone; may be moved
/// into blocking tasks.
#[derive(Clone)]
pub struct Context {
    _inner: Arc<()>,
}

impl Context {
    /// Which command runs.
    pub fn step(&self) -> Step { unimplemented!() }
    /// The metadata of the build.
    pub fn build(&self) -> &BuildMetadata { unimplemented!() }
    /// The current time.
    pub fn now(&self) -> SystemTime { unimplemented!() }
    /// The build log: stderr, redacted.
    pub fn log(&self) -> &Console { unimplemented!() }
    /// A builder for the one kind of HTTP client.
    pub fn http(&self) -> HttpOptions { unimplemented!() }
    /// The directory that outlives this check, keyed by the source; none in the CLI, none for get and put, none if unusable.
    pub fn cache(&self) -> Option<CacheDir> { unimplemented!() }
    /// Where temporary files go: `$TMPDIR`, default `/tmp`.
    pub fn tmp(&self) -> &Path { unimplemented!() }
    /// Whether SIGTERM or SIGINT arrived.
    pub fn is_cancelled(&self) -> bool { unimplemented!() }
    /// Resolves when SIGTERM or SIGINT arrives.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static { async { unimplemented!() } }
    /// A flag that becomes true on SIGTERM or SIGINT, for blocking work that polls.
    pub fn interrupt(&self) -> Arc<std::sync::atomic::AtomicBool> { unimplemented!() }
    /// A progress line for a transfer; `total` in bytes or items where known.
    pub fn progress(&self, what: &str, total: Option<u64>) -> Progress { let _ = (what, total); unimplemented!() }
    /// Registers a clean-up that runs when the command is aborted; dropping the guard takes it back.
    pub fn on_abort(&self, cleanup: impl Future<Output = ()> + Send + 'static) -> AbortGuard { let _ = cleanup; unimplemented!() }
}

/// Takes an [`Context::on_abort`] clean-up back when dropped.
#[must_use]
pub struct AbortGuard {
    _private: (),
}
