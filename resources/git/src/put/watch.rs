//! A push that an abort comes upon when all of it was sent: what is known of it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use concourse_resource_sdk::{AbortGuard, Context};
use git_remote::{Pushed, Update};

/// How long an abort waits for the server's answer, of the two seconds that it has.
const PATIENCE: Duration = Duration::from_millis(1_300);
const TICK: Duration = Duration::from_millis(20);

/// Watches one push.
pub(super) struct Watch {
    state: Arc<State>,
    _guard: AbortGuard,
}

#[derive(Default)]
struct State {
    /// Only the server knows what comes of it.
    is_sent: AtomicBool,
    /// Its answer is here and told.
    is_told: AtomicBool,
}

impl Watch {
    pub(super) fn start(cx: &Context, updates: &[Update]) -> Self {
        let state = Arc::new(State::default());
        let (watched, context) = (Arc::clone(&state), cx.clone());
        let first = updates.first().map(|update| (update.dst.clone(), update.src));
        let others = if updates.len() > 1 {
            ", and at the tags that went with it"
        } else {
            ""
        };
        let guard = cx.on_abort(async move {
            let began = Instant::now();
            while watched.is_sent.load(Ordering::Relaxed) && !watched.is_told.load(Ordering::Relaxed) {
                if began.elapsed() >= PATIENCE {
                    if let Some((name, Some(id))) = first {
                        context.log().warn(format!(
                            "the push was sent, and the server has not answered: look whether {id} is at {name}{others}"
                        ));
                    }
                    return;
                }
                tokio::time::sleep(TICK).await;
            }
        });
        Self { state, _guard: guard }
    }

    /// Set by the push when all was sent.
    pub(super) fn sent(&self) -> &AtomicBool {
        &self.state.is_sent
    }

    /// The answer is here: tells it with `tell`, which an abort waits for.
    pub(super) fn told<T>(self, pushed: &[Pushed], tell: impl FnOnce(&[Pushed]) -> T) -> T {
        let told = tell(pushed);
        self.state.is_told.store(true, Ordering::Relaxed);
        told
    }
}
