//! What the server answers.

use std::time::Duration;

use serde_json::Value;

/// An answer, which may be a bad one.
#[derive(Clone, Debug)]
pub struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) declared_length: Option<u64>,
    pub(super) ending: Ending,
}

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// The connection closes after so many bytes of the body.
    Cut(usize),
    /// Nothing follows after so many bytes of the body, but the connection stays.
    Stall(usize),
    /// Not even a status line: the connection closes.
    Nothing,
}

impl Response {
    /// An empty answer with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            declared_length: None,
            ending: Ending::Whole,
        }
    }

    /// 200 with a text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::status(200)
            .header("Content-Type", "text/plain; charset=utf-8")
            .body(text.into())
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self::status(200)
            .header("Content-Type", "application/json")
            .body(value.to_string())
    }

    /// 302 to this address.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::status(302).header("Location", location)
    }

    /// Closes the connection instead of an answer.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            ending: Ending::Nothing,
            ..Self::status(200)
        }
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Waits before the answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Says that the body has this length, whatever it has, and closes the connection after it.
    #[must_use]
    pub fn declared_length(mut self, length: u64) -> Self {
        self.declared_length = Some(length);
        self
    }

    /// Closes the connection after so many bytes of the body.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.ending = Ending::Cut(bytes);
        self
    }

    /// Falls silent after so many bytes of the body, and keeps the connection.
    #[must_use]
    pub fn stall_after(mut self, bytes: usize) -> Self {
        self.ending = Ending::Stall(bytes);
        self
    }

    /// The status line and the headers.
    pub(super) fn head(&self) -> String {
        use std::fmt::Write as _;
        let reason = http::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or("Unknown"));
        for (name, value) in &self.headers {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let own_length = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if !own_length && self.status != 204 && self.status != 304 {
            let length = self.declared_length.unwrap_or(self.body.len() as u64);
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        if self.closes() {
            head.push_str("Connection: close\r\n");
        }
        head + "\r\n"
    }

    /// Whether the connection cannot be used after this.
    pub(super) fn closes(&self) -> bool {
        self.declared_length.is_some() || self.ending != Ending::Whole
    }
}
