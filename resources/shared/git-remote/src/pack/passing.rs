//! Reading, with a copy of what was read.

use std::io::{self, BufRead, Read, Write};

/// What is read is written, too, and not a byte more.
pub(crate) struct Passing<R, W> {
    from: R,
    pub(super) to: W,
    /// Consuming cannot fail: the next read does.
    unwritten: Option<io::Error>,
}

impl<R: BufRead, W: Write> Passing<R, W> {
    pub(crate) fn new(from: R, to: W) -> Self {
        Self {
            from,
            to,
            unwritten: None,
        }
    }

    /// Fails when something could not be written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.unwritten.take().map_or_else(|| self.to.flush(), Err)
    }
}

impl<R: BufRead, W: Write> BufRead for Passing<R, W> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.unwritten.take() {
            Some(error) => Err(error),
            None => self.from.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        // What is consumed was in the buffer already.
        let passed = self.from.fill_buf().unwrap_or_default();
        self.unwritten = self.to.write_all(&passed[..count.min(passed.len())]).err();
        self.from.consume(count);
    }
}

impl<R: BufRead, W: Write> Read for Passing<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
