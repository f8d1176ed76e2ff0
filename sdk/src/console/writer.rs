//! Text that arrives in pieces.

use std::io::{self, Write};

use super::Console;

/// Text without an end must not fill the memory: from here on it is shown in pieces.
const LONGEST_LINE: usize = 64 * 1024;

/// Passes complete lines to a [`Console`]; made by [`Console::writer`]. What is left is written when it is dropped.
pub struct LineWriter {
    console: Console,
    pending: Vec<u8>,
}

impl LineWriter {
    pub(super) fn new(console: Console) -> Self {
        Self {
            console,
            pending: Vec::new(),
        }
    }

    fn emit(&mut self) {
        let line = std::mem::take(&mut self.pending);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            self.console.line(text);
        }
    }
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if matches!(byte, b'\n' | b'\r') {
                self.emit();
            } else {
                self.pending.push(byte);
                if self.pending.len() >= LONGEST_LINE {
                    self.emit();
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.emit();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::recording;
    use super::*;

    #[test]
    fn a_secret_cut_in_two_is_still_found() {
        let (console, recorded) = recording(false);
        console.redact("hunter22");
        let mut writer = console.writer();
        writer.write_all(b"one hun").unwrap();
        writer.write_all(b"ter22\rtwo\n\n").unwrap();
        writer.write_all(b"left over").unwrap();
        drop(writer);
        assert_eq!(recorded.text(), "one ((redacted))\ntwo\nleft over\n");
    }
}
