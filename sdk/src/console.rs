//! The build log.

// SKELETON: see design.md section 3 "Output" and "Secrets".

use std::fmt::Display;

/// Writes lines to stderr, every byte through the redactor; a closed stderr is no failure.
#[derive(Clone)]
pub struct Console;
impl Console {
    /// A plain line.
    pub fn line(&self, text: impl Display) { let _ = text; unimplemented!() }
    /// A line in yellow that begins with `warning: `.
    pub fn warn(&self, text: impl Display) { let _ = text; unimplemented!() }
    /// A line of context in bold or colour, such as `Cloning into …`.
    pub fn heading(&self, text: impl Display) { let _ = text; unimplemented!() }
    /// A dim line, only when tracing is on.
    pub fn trace(&self, text: impl Display) { let _ = text; unimplemented!() }
    /// Turns tracing on (a resource's `debug` field).
    pub fn set_trace(&self, on: bool) { let _ = on; unimplemented!() }
    /// Registers one more secret, with its derived forms.
    pub fn redact(&self, secret: &str) { let _ = secret; unimplemented!() }
}

/// A progress line, at most one update a second, redrawn with `\r`; with rate, percentage and remaining time.
/// Nothing is drawn in the first second. Cheap to update from blocking code; `Send + Sync`.
#[derive(Clone)]
pub struct Progress;
impl Progress {
    /// Sets how much is done.
    pub fn set(&self, done: u64) { let _ = done; unimplemented!() }
    /// Adds to what is done.
    pub fn add(&self, more: u64) { let _ = more; unimplemented!() }
    /// Sets the total, once known.
    pub fn set_total(&self, total: u64) { let _ = total; unimplemented!() }
    /// Ends the line. Dropping does the same.
    pub fn finish(self) { unimplemented!() }
}
