//! Progress of what takes longer than a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Console;

/// How often the line is drawn, and how long nothing is shown at first.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often a line is written where none can be redrawn.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Items,
}

/// A progress line, at most one update a second, redrawn with `\r`; with rate, percentage and remaining time. Where lines are plain, such as in
/// a pipe of the command line, there is one every five seconds.
///
/// Nothing is drawn in the first of them. Cheap to update from blocking code; clones count together.
#[derive(Clone)]
pub struct Progress {
    inner: Arc<Inner>,
}

struct Inner {
    console: Console,
    what: String,
    unit: Unit,
    begin: Instant,
    done: AtomicU64,
    /// `u64::MAX` while it is not known.
    total: AtomicU64,
    drawing: Mutex<Drawing>,
}

struct Drawing {
    last: Instant,
    drawn: bool,
    finished: bool,
}

impl Progress {
    pub(crate) fn new(console: Console, what: &str, total: Option<u64>, unit: Unit) -> Self {
        let now = Instant::now();
        Self {
            inner: Arc::new(Inner {
                console,
                what: what.to_owned(),
                unit,
                begin: now,
                done: AtomicU64::new(0),
                total: AtomicU64::new(total.unwrap_or(u64::MAX)),
                drawing: Mutex::new(Drawing {
                    last: now,
                    drawn: false,
                    finished: false,
                }),
            }),
        }
    }

    /// Sets how much is done.
    pub fn set(&self, done: u64) {
        self.inner.done.store(done, Ordering::Relaxed);
        self.inner.draw_if_due();
    }

    /// Adds to what is done.
    pub fn add(&self, more: u64) {
        self.inner.done.fetch_add(more, Ordering::Relaxed);
        self.inner.draw_if_due();
    }

    /// Sets the total, once known.
    pub fn set_total(&self, total: u64) {
        self.inner.total.store(total, Ordering::Relaxed);
    }

    /// Ends the line. Dropping the last clone does the same.
    pub fn finish(self) {
        self.inner.finish();
    }
}

impl Inner {
    fn draw_if_due(&self) {
        // Whoever does not get the lock has nothing newer to show.
        if let Ok(mut drawing) = self.drawing.try_lock()
            && !drawing.finished
            && drawing.last.elapsed() >= self.interval()
        {
            drawing.last = Instant::now();
            drawing.drawn = true;
            self.draw(false);
        }
    }

    fn finish(&self) {
        let mut drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut drawing.finished, true) && drawing.drawn {
            self.draw(true);
        }
    }

    fn interval(&self) -> Duration {
        if self.console.redraws() {
            INTERVAL
        } else {
            PLAIN_INTERVAL
        }
    }

    fn draw(&self, last: bool) {
        let text = self.text(self.begin.elapsed());
        if self.console.redraws() {
            self.console.redraw(&text, last);
        } else {
            self.console.line(text);
        }
    }

    fn text(&self, elapsed: Duration) -> String {
        let done = self.done.load(Ordering::Relaxed);
        let total = Some(self.total.load(Ordering::Relaxed)).filter(|total| *total != u64::MAX);
        line(&self.what, self.unit, done, total, elapsed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish();
    }
}

/// `Receiving objects: 45 % (12.3 MiB of 27.0 MiB), 4.1 MiB/s, 4 s left`
fn line(what: &str, unit: Unit, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = u64::try_from(u128::from(done) * 1000 / u128::from(millis)).unwrap_or(u64::MAX);
    let speed = match unit {
        Unit::Bytes => format!("{}/s", bytes(rate)),
        Unit::Items => format!("{rate}/s"),
    };
    let amount = |count| match unit {
        Unit::Bytes => bytes(count),
        Unit::Items => count.to_string(),
    };
    // A total that turns out too small is no total.
    let Some(total) = total.filter(|total| *total >= done && *total > 0) else {
        return format!("{what}: {}, {speed}", amount(done));
    };
    let percent = u128::from(done) * 100 / u128::from(total);
    let mut text = format!(
        "{what}: {percent} % ({} of {}), {speed}",
        amount(done),
        amount(total)
    );
    if let Some(left) = (total - done).checked_div(rate).filter(|_| done < total) {
        text.push_str(", ");
        text.push_str(&duration(left.max(1)));
        text.push_str(" left");
    }
    text
}

fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    // In tenths, without floating point.
    let mut tenths = u128::from(count) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < units.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units[unit])
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::recording;
    use super::*;

    #[test]
    fn a_line_has_rate_percentage_and_what_is_left() {
        let second = Duration::from_secs(1);
        for (unit, done, total, elapsed, expected) in [
            (Unit::Bytes, 0, None, second, "X: 0 B, 0 B/s"),
            (Unit::Bytes, 1536, None, second, "X: 1.5 KiB, 1.5 KiB/s"),
            (
                Unit::Bytes,
                5 << 20,
                Some(10 << 20),
                second,
                "X: 50 % (5.0 MiB of 10.0 MiB), 5.0 MiB/s, 1 s left",
            ),
            (
                Unit::Items,
                10,
                Some(1000),
                second * 10,
                "X: 1 % (10 of 1000), 1/s, 16 min 30 s left",
            ),
            (Unit::Items, 7, Some(7), second, "X: 100 % (7 of 7), 7/s"),
            (Unit::Items, 8, Some(7), second, "X: 8, 8/s"),
            (Unit::Items, 0, Some(0), second, "X: 0, 0/s"),
            (Unit::Items, 0, Some(5), second, "X: 0 % (0 of 5), 0/s"),
            (
                Unit::Items,
                1,
                Some(20000),
                second * 2,
                "X: 0 % (1 of 20000), 0/s",
            ),
            (
                Unit::Bytes,
                u64::MAX - 1,
                None,
                second,
                "X: 16777215.9 TiB, 16777215.9 TiB/s",
            ),
        ] {
            assert_eq!(line("X", unit, done, total, elapsed), expected);
        }
    }

    #[test]
    fn nothing_is_drawn_in_the_first_second() {
        let (console, recorded) = recording(false);
        let progress = Progress::new(console, "Fetching", Some(10), Unit::Items);
        progress.add(5);
        progress.finish();
        assert_eq!(recorded.text(), "");
    }

    #[test]
    fn where_nothing_can_be_redrawn_there_is_a_line_now_and_then() {
        let recorded = super::super::tests::Recorded::default();
        let plain = super::super::Style {
            colour: false,
            redraw: false,
        };
        let progress = Progress::new(
            Console::to(Box::new(recorded.clone()), plain),
            "Fetching",
            None,
            Unit::Items,
        );
        progress.inner.drawing.lock().unwrap().last -= INTERVAL;
        progress.set(1);
        assert_eq!(recorded.text(), "");
        progress.inner.drawing.lock().unwrap().last -= PLAIN_INTERVAL;
        progress.set(2);
        progress.finish();
        let text = recorded.text();
        assert!(
            text.lines().count() == 2 && text.lines().all(|line| line.starts_with("Fetching: 2, ")),
            "{text:?}"
        );
    }

    #[test]
    fn what_was_drawn_is_ended_with_its_last_state() {
        let (console, recorded) = recording(false);
        let progress = Progress::new(console, "Fetching", None, Unit::Items);
        progress.inner.drawing.lock().unwrap().last -= INTERVAL;
        progress.set(1);
        progress.clone().set(2);
        drop(progress);
        let text = recorded.text();
        assert!(
            text.starts_with("\rFetching: 1, ") && text.contains("\rFetching: 2, "),
            "{text:?}"
        );
        assert!(
            text.ends_with('\n') && text.matches('\n').count() == 1,
            "{text:?}"
        );
    }
}
