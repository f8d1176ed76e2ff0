//! A stream that ends with an error where it gets too long, or the command is aborted.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) struct Bounded<R> {
    stream: R,
    left: u64,
    most: u64,
    interrupt: Arc<AtomicBool>,
}

impl<R> Bounded<R> {
    pub(super) fn new(stream: R, most: u64, interrupt: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            left: most,
            most,
            interrupt,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        stop_if(&self.interrupt)?;
        let length = self.stream.read(buffer)?;
        self.left = self
            .left
            .checked_sub(length as u64)
            .ok_or_else(|| too_large(self.most))?;
        Ok(length)
    }
}

pub(super) fn too_large(most: u64) -> io::Error {
    io::Error::other(format!(
        "it unpacks to more than {most} bytes; unpack_max_bytes in the params allows more"
    ))
}

pub(super) fn stop_if(interrupt: &AtomicBool) -> io::Result<()> {
    if interrupt.load(Ordering::Relaxed) {
        return Err(io::Error::other("aborted"));
    }
    Ok(())
}
