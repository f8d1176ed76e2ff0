//! Pauses of those who try again after others were faster.

use std::time::Duration;

/// Waits longer each time, and never as long as others who wait.
#[derive(Debug)]
pub struct Backoff {
    step: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    /// The first pause is a `step` at most, each further one a step more, none above `longest`.
    #[must_use]
    pub fn new(step: Duration, longest: Duration) -> Self {
        Self {
            step,
            longest,
            attempts: 0,
        }
    }

    /// Begins anew with short pauses.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Waits; blocks its thread.
    pub fn wait(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        let most = self.step.saturating_mul(self.attempts).min(self.longest);
        std::thread::sleep(most.mul_f64(0.2 + 0.8 * fastrand::f64()));
    }
}
