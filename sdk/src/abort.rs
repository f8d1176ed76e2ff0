//! SIGTERM and SIGINT: what an abort means for a running command.

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::console::Console;
use crate::context::Context;

/// How long after the time of the clean-ups the process ends whatever still runs. People and Concourse are promised two seconds
/// where nothing has to be undone.
const LAST_MOMENT: Duration = Duration::from_millis(350);

/// Listens for signals, from before the request is read.
#[derive(Clone)]
pub(crate) struct Abort {
    inner: Arc<Inner>,
}

struct Inner {
    /// The number of the first signal that arrived; 0 for none.
    signal: AtomicU8,
    /// The command, once it runs.
    command: OnceLock<Context>,
    console: Console,
}

impl Abort {
    /// Starts to listen, on a thread of its own: a command that blocks its runtime is stopped too.
    pub(crate) fn listen(console: Console) -> io::Result<Self> {
        let abort = Self {
            inner: Arc::new(Inner {
                signal: AtomicU8::new(0),
                command: OnceLock::new(),
                console,
            }),
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // Installed here, not on the thread, so that no signal is missed from now on.
        let signals = {
            let _inside = runtime.enter();
            Signals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            }
        };
        let listener = abort.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(listener.wait(signals)))?;
        Ok(abort)
    }

    async fn wait(self, mut signals: Signals) {
        let number = signals.next().await;
        self.inner.signal.store(number, Ordering::SeqCst);
        let Some(cx) = self.inner.command.get() else {
            // Nothing was begun yet.
            self.inner.console.failure(ABORTED);
            exit(number);
        };
        let last_moment = cx.cleanup_time() + LAST_MOMENT;
        cx.cancel();
        // A second signal means at once.
        let _ = tokio::time::timeout(last_moment, signals.next()).await;
        exit(number);
    }

    /// Runs a command, unless or until a signal arrives. Then the command is dropped, its clean-ups run, and the answer is
    /// the exit status.
    pub(crate) async fn guard<T, E>(
        &self,
        cx: &Context,
        command: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, u8> {
        if self.inner.command.set(cx.clone()).is_err() || self.signal().is_some() {
            cx.cancel();
        }
        let mut command = Box::pin(command);
        let finished = tokio::select! {
            biased;
            () = cx.cancelled() => None,
            result = &mut command => Some(result),
        };
        // A failure after the signal is the signal's doing; a success that cannot be taken back is told.
        if let Some(result) = finished
            && (result.is_ok() || !cx.is_cancelled())
        {
            return Ok(result);
        }
        // Taken before the command is dropped, which drops the guards that take them back.
        let cleanups = cx.take_cleanups();
        drop(command);
        let cleanups = cleanups
            .into_iter()
            // What does not finish in time is left behind.
            .map(|(limit, cleanup)| tokio::time::timeout(limit, AssertUnwindSafe(cleanup).catch_unwind()));
        join_all(cleanups).await;
        cx.log().failure(ABORTED);
        Err(status(self.signal().unwrap_or(TERMINATE)))
    }

    fn signal(&self) -> Option<u8> {
        Some(self.inner.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }
}

const ABORTED: &str = "aborted";
const INTERRUPT: u8 = 2;
const TERMINATE: u8 = 15;

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.terminate.recv() => TERMINATE,
            _ = self.interrupt.recv() => INTERRUPT,
        }
    }
}

/// What a shell says of a process that a signal ended.
fn status(signal: u8) -> u8 {
    128 + signal
}

/// Ends the process without waiting for anything, blocking threads above all.
fn exit(signal: u8) -> ! {
    std::process::exit(i32::from(status(signal)))
}
