//! What the server was asked.

use std::io::{self, BufRead, Read};

use base64::Engine as _;
use serde_json::Value;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// The target as sent: a path with its query, an address (by proxy), or `host:port` (CONNECT).
    pub target: String,
    /// The target without its query, not decoded.
    pub path: String,
    /// What follows `?`, not decoded; empty if there is none.
    pub query: String,
    /// The headers in their order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The whole body, without its transfer encoding.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The decoded pairs of the query.
    #[must_use]
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .into_owned()
            .collect()
    }

    /// User and password of basic authentication.
    #[must_use]
    pub fn basic_auth(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        let (user, password) = str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!(
                "the body of {} {} is no JSON: {error}: {}",
                self.method,
                self.target,
                self.text()
            ),
        }
    }

    /// Reads the line and the headers of the next request; none at the end of the connection. What is no request is an
    /// error of the kind `Other`.
    pub(super) fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        match stream.fill_buf()?.first() {
            None => return Ok(None),
            // TLS, for example, has no lines to wait for.
            Some(first) if !first.is_ascii_uppercase() => return Err(io::Error::other("not a request")),
            Some(_) => {}
        }
        let line = read_line(stream)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("not a request: {line:?}")));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = read_line(stream)?;
            if line.is_empty() {
                return Ok(Some(request));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| io::Error::other(format!("not a header: {line:?}")))?;
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Whether the client waits for leave to send the body.
    pub(super) fn expects_leave(&self) -> bool {
        self.header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    pub(super) fn read_body(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
        {
            return self.read_chunks(stream);
        }
        let length: u64 = match self.header("content-length") {
            Some(length) => length.parse().map_err(io::Error::other)?,
            None => 0,
        };
        let read = stream.take(length).read_to_end(&mut self.body)?;
        if read as u64 == length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn read_chunks(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        loop {
            let line = read_line(stream)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers, of which there are none in practice, and an empty line.
                while !read_line(stream)?.is_empty() {}
                return Ok(());
            }
            let before = self.body.len() as u64;
            stream.take(size).read_to_end(&mut self.body)?;
            if self.body.len() as u64 - before < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read_line(stream)?;
        }
    }
}

/// A line without its end; empty at the end of the connection, too.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.take(64 * 1024).read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line);
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
