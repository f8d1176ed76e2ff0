//! The build log: what a command tells people while it runs.

mod progress;
mod redact;
mod writer;

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use progress::Progress;
pub(crate) use progress::Unit;
use redact::Redactor;
pub use writer::LineWriter;

/// Writes lines to stderr, every byte through the redactor; a closed stderr is no failure. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    trace: AtomicBool,
    style: Style,
}

struct State {
    sink: Box<dyn Write + Send>,
    redactor: Redactor,
    /// How wide the progress line is that the cursor stands in.
    drawn: usize,
}

/// How the log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether lines are coloured.
    pub(crate) colour: bool,
    /// Whether a line can be redrawn with `\r`.
    pub(crate) redraw: bool,
}

impl Style {
    /// Concourse shows ANSI codes and redraws lines, without being a terminal.
    pub(crate) fn protocol() -> Self {
        Self {
            colour: !no_color(),
            redraw: true,
        }
    }

    /// The command line: as the terminal can, and plain lines elsewhere.
    #[cfg(feature = "cli")]
    pub(crate) fn terminal() -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self {
            colour: terminal && !no_color(),
            redraw: terminal,
        }
    }
}

/// <https://no-color.org>: present and not empty.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const RESET: &str = "\x1b[0m";

impl Console {
    pub(crate) fn stderr(style: Style) -> Self {
        Self::to(Box::new(std::io::stderr()), style)
    }

    pub(crate) fn to(sink: Box<dyn Write + Send>, style: Style) -> Self {
        let state = State {
            sink,
            redactor: Redactor::default(),
            drawn: 0,
        };
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                trace: AtomicBool::new(false),
                style,
            }),
        }
    }

    /// A plain line.
    pub fn line(&self, text: impl Display) {
        self.write(None, &text.to_string());
    }

    /// A line in yellow that begins with `warning: `.
    pub fn warn(&self, text: impl Display) {
        self.write(Some(YELLOW), &format!("warning: {text}"));
    }

    /// A line of context in bold or colour, such as `Cloning into …`.
    pub fn heading(&self, text: impl Display) {
        self.write(Some(BOLD), &text.to_string());
    }

    /// A dim line, only when tracing is on.
    pub fn trace(&self, text: impl Display) {
        if self.inner.trace.load(Ordering::Relaxed) {
            self.write(Some(DIM), &text.to_string());
        }
    }

    /// A failure, in red.
    pub(crate) fn failure(&self, text: impl Display) {
        self.write(Some(RED), &text.to_string());
    }

    /// Turns tracing on (a resource's `debug` field).
    pub fn set_trace(&self, on: bool) {
        self.inner.trace.store(on, Ordering::Relaxed);
    }

    /// Whether tracing is on.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        self.inner.trace.load(Ordering::Relaxed)
    }

    /// Registers one more secret, with its derived forms.
    ///
    /// Secret fields and the user info of URLs in the request are registered already; this is for what is made from them,
    /// such as the `user:password` of a basic login, or a token that a server handed out.
    pub fn redact(&self, secret: &str) {
        self.state().redactor.register(secret);
    }

    pub(crate) fn reveal(&self, secret: &str) {
        self.state().redactor.forget(secret);
    }

    /// The text as the log would show it, for what leaves by another way than the log.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        self.state().redactor.redact(text).into_owned()
    }

    /// A writer for text that arrives in pieces, such as what a server says while it works. Each line, ended by `\n` or
    /// `\r`, is written when it is complete, so that a secret cut in two is still found.
    #[must_use]
    pub fn writer(&self) -> LineWriter {
        LineWriter::new(self.clone())
    }

    fn write(&self, colour: Option<&str>, text: &str) {
        let mut state = self.state();
        let text = state.redactor.redact(text).into_owned();
        let mut bytes = String::with_capacity(text.len() + 16);
        if std::mem::take(&mut state.drawn) > 0 {
            bytes.push('\n');
        }
        let colour = colour.filter(|_| self.inner.style.colour);
        for line in text.trim_end_matches('\n').split('\n') {
            // Each line by itself: viewers that show single lines lose the colour otherwise.
            match colour {
                Some(colour) => bytes.extend([colour, line, RESET, "\n"]),
                None => bytes.extend([line, "\n"]),
            }
        }
        state.put(&bytes);
    }

    /// Draws `text` over the line that was drawn before; `last` ends the line.
    fn redraw(&self, text: &str, last: bool) {
        let mut state = self.state();
        let text = state.redactor.redact(text).into_owned();
        let width = text.chars().count();
        // Blanks rather than an escape code, which `NO_COLOR` would have to leave out.
        let mut bytes = format!("\r{text}{}", " ".repeat(state.drawn.saturating_sub(width)));
        if last {
            bytes.push('\n');
        }
        state.drawn = if last { 0 } else { width };
        state.put(&bytes);
    }

    fn redraws(&self) -> bool {
        self.inner.style.redraw
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, text: &str) {
        // A closed stderr must not fail a command that may have acted already.
        let _ = self.sink.write_all(text.as_bytes());
        let _ = self.sink.flush();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Where tests look at what was written.
    #[derive(Clone, Default)]
    pub(crate) struct Recorded(Arc<Mutex<Vec<u8>>>);

    impl Recorded {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Recorded {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn recording(colour: bool) -> (Console, Recorded) {
        let recorded = Recorded::default();
        (
            Console::to(Box::new(recorded.clone()), Style { colour, redraw: true }),
            recorded,
        )
    }

    #[test]
    fn lines_have_their_colours_and_no_secret() {
        let (console, recorded) = recording(true);
        console.redact("hunter22");
        console.line("token hunter22");
        console.warn("hunter22!");
        console.heading("two\nlines\n");
        console.trace("unseen");
        console.set_trace(true);
        console.trace("seen hunter22");
        assert_eq!(
            recorded.text(),
            "token ((redacted))\n\x1b[33mwarning: ((redacted))!\x1b[0m\n\x1b[1mtwo\x1b[0m\n\x1b[1mlines\x1b[0m\n\
             \x1b[2mseen ((redacted))\x1b[0m\n"
        );
    }

    #[test]
    fn without_colour_text_is_plain() {
        let (console, recorded) = recording(false);
        console.failure("no");
        assert_eq!(recorded.text(), "no\n");
    }

    #[test]
    fn a_line_after_a_drawn_one_begins_a_new_line() {
        let (console, recorded) = recording(false);
        console.redraw("12 of 20", false);
        console.redraw("13", false);
        console.line("done");
        console.redraw("x", true);
        assert_eq!(recorded.text(), "\r12 of 20\r13      \ndone\n\rx\n");
    }

    #[test]
    fn a_closed_stderr_is_no_failure() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        Console::to(
            Box::new(Closed),
            Style {
                colour: true,
                redraw: true,
            },
        )
        .line("into the void");
    }
}
