//! Git's packet lines (gitprotocol-common): four hexadecimal digits of length, then the data.

use std::io::{self, BufRead, Read, Write};

use crate::error::{Error, Result};

/// The most data that one line holds.
const MOST_DATA: usize = 65516;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Data(Vec<u8>),
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
    /// `0002`.
    End,
}

/// Writes a line of data.
pub(crate) fn write(out: &mut impl Write, data: impl AsRef<[u8]>) -> io::Result<()> {
    let data = data.as_ref();
    if data.len() > MOST_DATA {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is too long for git's protocol",
        ));
    }
    write!(out, "{:04x}", data.len() + 4)?;
    out.write_all(data)
}

/// `0000`.
pub(crate) const FLUSH: &[u8] = b"0000";
/// `0001`.
pub(crate) const DELIMITER: &[u8] = b"0001";

/// Reads one line; `None` at the end of the stream.
pub(crate) fn read(from: &mut impl Read) -> Result<Option<Line>> {
    let mut digits = [0; 4];
    let got = read_fully(from, &mut digits)?;
    if got == 0 {
        return Ok(None);
    }
    let is_length = got == digits.len() && digits.iter().all(u8::is_ascii_hexdigit);
    let length = std::str::from_utf8(&digits).ok().filter(|_| is_length);
    let Some(length) = length.and_then(|digits| usize::from_str_radix(digits, 16).ok()) else {
        return Err(Error::Broken("a line without a length arrived".to_owned()));
    };
    match length {
        0 => Ok(Some(Line::Flush)),
        1 => Ok(Some(Line::Delimiter)),
        2 => Ok(Some(Line::End)),
        3 => Err(Error::Broken("a line of length 3 arrived".to_owned())),
        length => {
            let mut data = vec![0; length - 4];
            if read_fully(from, &mut data)? < data.len() {
                return Err(Error::Broken("it ended in the middle of a line".to_owned()));
            }
            match data.strip_prefix(b"ERR ") {
                Some(message) => Err(Error::refused(&String::from_utf8_lossy(message))),
                None => Ok(Some(Line::Data(data))),
            }
        }
    }
}

/// Reads one line; the end of the stream is an error.
pub(crate) fn expect(from: &mut impl Read) -> Result<Line> {
    read(from)?.ok_or_else(|| Error::Broken("it ended too early".to_owned()))
}

/// A line's text without its line end.
pub(crate) fn text(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\n").unwrap_or(data)
}

fn read_fully(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match from.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Broken(error.to_string())),
        }
    }
    Ok(got)
}

/// Reads the first band of a multiplexed stream, up to its flush; the second band goes to `progress`, and the third is the
/// server's last word.
pub(crate) struct Demultiplexer<R, P> {
    from: R,
    progress: P,
    data: Vec<u8>,
    at: usize,
    ended: bool,
    /// What ended the stream before its flush; an `io::Error` cannot carry it whole.
    pub(crate) failure: Option<Error>,
}

impl<R: Read, P: FnMut(&[u8])> Demultiplexer<R, P> {
    pub(crate) fn new(from: R, progress: P) -> Self {
        Self {
            from,
            progress,
            data: Vec::new(),
            at: 0,
            ended: false,
            failure: None,
        }
    }

    fn next(&mut self) -> Result<()> {
        loop {
            match expect(&mut self.from)? {
                Line::Data(data) => match data.split_first() {
                    Some((1, [])) | None => {}
                    Some((1, _)) => {
                        self.data = data;
                        self.at = 1;
                        return Ok(());
                    }
                    Some((2, text)) => (self.progress)(text),
                    Some((3, text)) => return Err(Error::refused(&String::from_utf8_lossy(text))),
                    Some((band, _)) => {
                        return Err(Error::Broken(format!("data on the unknown band {band} arrived")));
                    }
                },
                Line::Flush | Line::Delimiter | Line::End => {
                    self.ended = true;
                    return Ok(());
                }
            }
        }
    }
}

impl<R: Read, P: FnMut(&[u8])> BufRead for Demultiplexer<R, P> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.data.len() && !self.ended {
            if let Err(error) = self.next() {
                let text = error.to_string();
                self.failure = Some(error);
                return Err(io::Error::other(text));
            }
        }
        Ok(&self.data[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.data.len());
    }
}

impl<R: Read, P: FnMut(&[u8])> Read for Demultiplexer<R, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let mut stream = Vec::new();
        write(&mut stream, "a\n").unwrap();
        stream.extend(DELIMITER);
        write(&mut stream, [0, 1, 2]).unwrap();
        stream.extend(FLUSH);
        assert_eq!(stream, b"0006a\n00010007\x00\x01\x020000");
        let mut from = stream.as_slice();
        let mut lines = Vec::new();
        while let Some(line) = read(&mut from).unwrap() {
            lines.push(line);
        }
        assert_eq!(
            lines,
            [
                Line::Data(b"a\n".into()),
                Line::Delimiter,
                Line::Data(vec![0, 1, 2]),
                Line::Flush
            ]
        );
    }

    #[test]
    fn what_is_no_line_is_an_error() {
        for stream in [&b"00"[..], b"zzzz", b"0003", b"0009abc", b"+0ff", b"<html>"] {
            assert!(matches!(read(&mut &*stream), Err(Error::Broken(_))), "{stream:?}");
        }
        assert!(matches!(read(&mut &b"000dERR gone"[..]), Err(Error::Broken(_))));
        assert!(matches!(read(&mut &b"000cERR gone"[..]), Err(Error::Server(text)) if text == "gone"));
    }

    #[test]
    fn a_line_that_is_too_long_is_not_written() {
        assert!(write(&mut Vec::new(), vec![b'x'; MOST_DATA]).is_ok());
        assert!(write(&mut Vec::new(), vec![b'x'; MOST_DATA + 1]).is_err());
    }

    #[test]
    fn bands_are_told_apart() {
        let mut stream = Vec::new();
        for line in [&b"\x02half\r"[..], b"\x01pa", b"\x01", b"\x02done\n", b"\x01ck"] {
            write(&mut stream, line).unwrap();
        }
        stream.extend(FLUSH);
        let (mut pack, mut heard) = (Vec::new(), Vec::new());
        Demultiplexer::new(stream.as_slice(), |text: &[u8]| heard.extend_from_slice(text))
            .read_to_end(&mut pack)
            .unwrap();
        assert_eq!(
            (pack.as_slice(), heard.as_slice()),
            (&b"pack"[..], &b"half\rdone\n"[..])
        );

        let mut stream = Vec::new();
        write(&mut stream, b"\x03no such thing\n").unwrap();
        let mut reader = Demultiplexer::new(stream.as_slice(), |_: &[u8]| ());
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
        assert!(matches!(reader.failure, Some(Error::Server(text)) if text == "no such thing"));
    }
}
