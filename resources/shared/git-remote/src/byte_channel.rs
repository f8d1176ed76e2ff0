//! Bytes that a task of the runtime reads for a thread that blocks.

use std::io::{self, BufRead, Read};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Pieces that are under way at most.
const MOST: usize = 16;

/// The reading end.
pub(crate) struct ByteReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// Both ends: what is sent into the first is read from the second.
pub(crate) fn channel() -> (mpsc::Sender<io::Result<Bytes>>, ByteReader) {
    let (sender, receiver) = mpsc::channel(MOST);
    let pieces = ByteReader {
        receiver,
        piece: Bytes::new(),
    };
    (sender, pieces)
}

impl BufRead for ByteReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => break,
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, count: usize) {
        bytes::Buf::advance(&mut self.piece, count);
    }
}

impl Read for ByteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
