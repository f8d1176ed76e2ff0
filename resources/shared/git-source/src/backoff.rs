//! Pauses of those who try again after others were faster.

use std::time::Duration;

use git2::Oid;

/// Races that are lost one after another, although nothing has moved, are none.
const MOST_WITHOUT_A_WINNER: u32 = 30;

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

/// Tells servers that refuse in the words of a lost race, such as those where a lock file was left, from others who are faster.
#[derive(Debug, Default)]
pub struct Standstill {
    last: Option<Oid>,
    lost: u32,
}

impl Standstill {
    /// Takes in what was found on the remote before a race was lost; whether that has been the same for too many of them.
    pub fn is_reached(&mut self, there: Oid) -> bool {
        if self.last.replace(there) != Some(there) {
            self.lost = 0;
        }
        self.lost += 1;
        self.lost >= MOST_WITHOUT_A_WINNER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn races_that_somebody_won_are_no_standstill() {
        let id = |byte| Oid::from_bytes(&[byte; 20]).unwrap();
        let mut standstill = Standstill::default();
        for round in 0..100 {
            assert!(!standstill.is_reached(id(round)));
        }
        for _ in 1..MOST_WITHOUT_A_WINNER {
            assert!(!standstill.is_reached(id(200)));
        }
        assert!(standstill.is_reached(id(200)) && standstill.is_reached(id(200)));
        assert!(!standstill.is_reached(id(201)));
    }
}
