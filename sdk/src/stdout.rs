//! Stdout belongs to the answer: what a resource, a library or a child process prints goes to stderr.

use std::fs::File;
use std::io::{self, Write};

use rustix::stdio;

/// The stdout that the process began with; given back when dropped.
pub(crate) struct AnswerPipe {
    to: io::Result<File>,
}

impl AnswerPipe {
    /// Takes stdout away from everybody else.
    pub(crate) fn take() -> Self {
        let to = rustix::io::fcntl_dupfd_cloexec(stdio::stdout(), 3).map_err(io::Error::from);
        if to.is_ok() && stdio::dup2_stdout(stdio::stderr()).is_err() {
            // Stderr is closed.
            let null = File::options().write(true).open("/dev/null");
            let _ = null.map(stdio::dup2_stdout);
        }
        Self {
            to: to.map(File::from),
        }
    }

    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        match &self.to {
            Ok(to) => {
                let mut to = to;
                to.write_all(text.as_bytes())
            }
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

impl Drop for AnswerPipe {
    fn drop(&mut self) {
        if let Ok(to) = &self.to {
            // What was printed goes where everybody else's output goes.
            let _ = io::stdout().flush();
            let _ = stdio::dup2_stdout(to);
        }
    }
}
