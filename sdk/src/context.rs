//! What a command has at hand besides its request.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::build::BuildMetadata;
use crate::cache::CacheDir;
use crate::config::Step;
use crate::console::{Console, Progress, Style, Unit};
#[cfg(feature = "http")]
use crate::http::{HttpOptions, ProxyRules, Retries};

/// How long a clean-up may take where nothing else is said.
const CLEANUP_TIME: Duration = Duration::from_millis(1500);

/// A clean-up that runs when a command is aborted.
pub(crate) type Cleanup = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Everything around a command: build metadata, clock, console, HTTP, cache, cancellation. Cheap to clone; may be moved
/// into blocking tasks.
///
/// The SDK makes one for each command. [`Context::builder`] makes one for a test that calls a command in-process.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    step: Step,
    resource: String,
    #[cfg(feature = "http")]
    user_agent: String,
    /// Whether the proxies of the environment do not count.
    #[cfg(feature = "http")]
    is_direct: bool,
    build: BuildMetadata,
    clock: Clock,
    console: Console,
    tmp: PathBuf,
    request: Value,
    cached_source: Option<Value>,
    cancelled: CancellationToken,
    interrupt: Arc<AtomicBool>,
    cleanups: Cleanups,
}

type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

impl Context {
    /// Begins a context, for running a command in-process; by default without build metadata, cache and output.
    #[must_use]
    pub fn builder(resource: &str, step: Step) -> ContextBuilder {
        ContextBuilder {
            inner: Inner {
                step,
                resource: resource.to_owned(),
                #[cfg(feature = "http")]
                is_direct: false,
                #[cfg(feature = "http")]
                user_agent: format!("concourse-{resource}-resource/{}", env!("CARGO_PKG_VERSION")),
                build: BuildMetadata::default(),
                clock: Box::new(SystemTime::now),
                console: Console::to(
                    Box::new(std::io::sink()),
                    Style {
                        colour: false,
                        redraw: false,
                    },
                ),
                tmp: tmp_from_env(),
                request: Value::Null,
                cached_source: None,
                cancelled: CancellationToken::new(),
                interrupt: Arc::default(),
                cleanups: Cleanups::default(),
            },
        }
    }

    /// Which command runs.
    #[must_use]
    pub fn step(&self) -> Step {
        self.inner.step
    }

    /// The request as it was read, secrets included, for the contracts that show it; `null` if the context was made without.
    #[must_use]
    pub fn request(&self) -> &Value {
        &self.inner.request
    }

    /// The metadata of the build.
    #[must_use]
    pub fn build(&self) -> &BuildMetadata {
        &self.inner.build
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.inner.clock)()
    }

    /// The build log: stderr, redacted.
    #[must_use]
    pub fn log(&self) -> &Console {
        &self.inner.console
    }

    /// A builder for the one kind of HTTP client (feature `http`). The build log is told of each wait before another attempt.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(&self) -> HttpOptions {
        // What cannot be read of the environment is an error once the client is built.
        for secret in ProxyRules::from_env()
            .map(|proxies| proxies.secrets())
            .unwrap_or_default()
        {
            self.inner.console.redact(&secret);
        }
        let console = self.inner.console.clone();
        let retries = Retries::default().notice(move |line| console.warn(line));
        let options = HttpOptions::new(self.inner.user_agent.as_str()).retries(retries);
        if self.inner.is_direct {
            return options.proxies(ProxyRules::none());
        }
        options
    }

    /// The directory that outlives this check, keyed by the source. None in the CLI, for get and put, if it is unusable,
    /// and while somebody else (another process, an earlier `CacheDir` of this one) has it.
    #[must_use]
    pub fn cache(&self) -> Option<CacheDir> {
        CacheDir::open(
            &self.inner.tmp,
            &self.inner.resource,
            self.inner.cached_source.as_ref()?,
        )
    }

    /// Where temporary files go: `$TMPDIR`, default `/tmp`.
    #[must_use]
    pub fn tmp(&self) -> &Path {
        &self.inner.tmp
    }

    /// Whether SIGTERM or SIGINT arrived.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.interrupt.load(Ordering::SeqCst)
    }

    /// Resolves when SIGTERM or SIGINT arrives.
    ///
    /// A command need not wait for it: its future is dropped at its next `.await`. Blocking work has to look, here or at
    /// [`Context::interrupt`], before it does what cannot be taken back.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.cancelled.clone().cancelled_owned()
    }

    /// A flag that becomes true on SIGTERM or SIGINT, for blocking work that polls.
    #[must_use]
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.inner.interrupt)
    }

    /// Runs work that blocks, such as computing or reading a large file, where it does not keep an abort from being noticed. A panic in it is one
    /// here. At an abort it is left behind: work that may not go on then looks at [`Context::interrupt`].
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only where the runtime ends, and with it whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// A progress line for a transfer; `total` in bytes where known.
    #[must_use]
    pub fn progress(&self, what: &str, total: Option<u64>) -> Progress {
        Progress::new(self.inner.console.clone(), what, total, Unit::Bytes)
    }

    /// A progress line for work that is counted in items, such as files or requests.
    #[must_use]
    pub fn progress_items(&self, what: &str, total: Option<u64>) -> Progress {
        Progress::new(self.inner.console.clone(), what, total, Unit::Items)
    }

    /// Registers a clean-up that runs when the command is aborted; dropping the guard takes it back.
    ///
    /// All clean-ups run at once, have 1.5 seconds, and run after the command's future was dropped; blocking work that the
    /// command began may still run beside them.
    pub fn on_abort(&self, cleanup: impl Future<Output = ()> + Send + 'static) -> AbortGuard {
        self.on_abort_within(CLEANUP_TIME, cleanup)
    }

    /// The same with another time, for what must not be left undone. Concourse kills 10 seconds after it asked.
    pub fn on_abort_within(
        &self,
        limit: Duration,
        cleanup: impl Future<Output = ()> + Send + 'static,
    ) -> AbortGuard {
        AbortGuard {
            id: self.inner.cleanups.add(limit, Box::pin(cleanup)),
            cx: self.clone(),
        }
    }

    /// Announces the abort.
    pub(crate) fn cancel(&self) {
        self.inner.interrupt.store(true, Ordering::SeqCst);
        self.inner.cancelled.cancel();
    }

    /// How long the clean-ups that are registered may take.
    pub(crate) fn cleanup_time(&self) -> Duration {
        let cleanups = self.inner.cleanups.lock();
        let limits = cleanups.values().map(|(limit, _)| *limit);
        limits.max().unwrap_or_default().max(CLEANUP_TIME)
    }

    /// Takes all clean-ups, each with its time, so that dropping their guards no longer takes them back.
    pub(crate) fn take_cleanups(&self) -> Vec<(Duration, Cleanup)> {
        std::mem::take(&mut *self.inner.cleanups.lock())
            .into_values()
            .collect()
    }
}

/// `$TMPDIR`, default `/tmp`.
fn tmp_from_env() -> PathBuf {
    std::env::var_os("TMPDIR")
        .filter(|tmp| !tmp.is_empty())
        .map_or_else(|| "/tmp".into(), PathBuf::from)
}

/// Makes a [`Context`] for a test that calls a command in-process.
pub struct ContextBuilder {
    inner: Inner,
}

impl ContextBuilder {
    /// Sets the build metadata.
    #[must_use]
    pub fn build_metadata(mut self, build: BuildMetadata) -> Self {
        self.inner.build = build;
        self
    }

    /// Sets the request.
    #[must_use]
    pub fn request(mut self, request: Value) -> Self {
        self.inner.request = request;
        self
    }

    /// Leaves the proxies of the environment alone.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn without_proxies(mut self) -> Self {
        self.inner.is_direct = true;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.inner.clock = Box::new(clock);
        self
    }

    /// Sets where temporary files and the cache go.
    #[must_use]
    pub fn tmp(mut self, tmp: impl Into<PathBuf>) -> Self {
        self.inner.tmp = tmp.into();
        self
    }

    /// Allows the cache of this source.
    #[must_use]
    pub fn cached(mut self, source: Value) -> Self {
        self.inner.cached_source = Some(source);
        self
    }

    /// Writes the log there, plain.
    #[must_use]
    pub fn log_to(self, sink: impl std::io::Write + Send + 'static) -> Self {
        self.console(Console::to(
            Box::new(sink),
            Style {
                colour: false,
                redraw: false,
            },
        ))
    }

    pub(crate) fn console(mut self, console: Console) -> Self {
        self.inner.console = console;
        self
    }

    #[cfg(feature = "http")]
    pub(crate) fn version(mut self, version: &str) -> Self {
        self.inner.user_agent = format!("concourse-{}-resource/{version}", self.inner.resource);
        self
    }

    /// The context.
    #[must_use]
    pub fn finish(self) -> Context {
        Context {
            inner: Arc::new(self.inner),
        }
    }
}

#[derive(Default)]
struct Cleanups {
    registered: Mutex<BTreeMap<u64, (Duration, Cleanup)>>,
    next: AtomicU64,
}

impl Cleanups {
    fn add(&self, limit: Duration, cleanup: Cleanup) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, (limit, cleanup));
        id
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, (Duration, Cleanup)>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes an [`Context::on_abort`] clean-up back when dropped.
#[must_use = "dropping the guard takes the clean-up back"]
pub struct AbortGuard {
    id: u64,
    cx: Context,
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        let taken = self.cx.inner.cleanups.lock().remove(&self.id);
        // Dropped without the lock: a clean-up may own further guards.
        drop(taken);
    }
}

#[cfg(test)]
mod tests;
