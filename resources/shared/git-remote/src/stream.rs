//! Transports that are one connection in both directions: SSH and `git://`.

use std::io::{BufRead, Write};

use crate::advertisement::Advertisement;
use crate::error::{Error, Result};
use crate::wire::{Body, Service, Wire};

/// A connection to a service.
pub(crate) struct Connection {
    pub(crate) reader: Box<dyn BufRead + Send>,
    pub(crate) writer: Box<dyn Write + Send>,
    /// What the other side said on its way out, if anything.
    pub(crate) last_words: Box<dyn FnMut() -> Option<String> + Send>,
}

/// Makes connections.
pub(crate) trait Connect: Send {
    /// Connects to a service, asking for protocol version 2 if that is wanted.
    fn connect(&mut self, service: Service, version_2: bool) -> Result<Connection>;
}

/// A server behind such connections. Version 2 takes any number of requests on one; version 0 takes one.
pub(crate) struct Stream<C> {
    connector: C,
    open: Option<Open>,
}

struct Open {
    connection: Connection,
    service: Service,
    /// Requests so far.
    requests: usize,
}

impl Open {
    fn takes(&self, service: Service, version_2: bool) -> bool {
        self.service == service && (self.requests == 0 || version_2)
    }

    /// Whether something is there to be read.
    fn answers(&mut self) -> bool {
        self.connection
            .reader
            .fill_buf()
            .is_ok_and(|bytes| !bytes.is_empty())
    }

    fn send(&mut self, body: &[u8]) -> std::io::Result<()> {
        self.requests += 1;
        self.connection.writer.write_all(body)?;
        self.connection.writer.flush()
    }
}

impl<C: Connect> Stream<C> {
    pub(crate) fn new(connector: C) -> Self {
        Self {
            connector,
            open: None,
        }
    }

    /// A new connection, whose advertisement comes first.
    fn reopen(&mut self, service: Service, version_2: bool) -> Result<&mut Open> {
        self.open = None;
        let connection = self.connector.connect(service, version_2)?;
        let open = self.open.insert(Open {
            connection,
            service,
            requests: 0,
        });
        if open.answers() {
            return Ok(open);
        }
        Err(match (open.connection.last_words)() {
            Some(words) => Error::refused(&words),
            None => Error::Broken("it ended before the server said anything".to_owned()),
        })
    }

    /// A connection that takes a request: the one that is open, or a new one whose advertisement has been read.
    fn ready(&mut self, service: Service, version_2: bool) -> Result<&mut Open> {
        if self
            .open
            .as_ref()
            .is_none_or(|open| !open.takes(service, version_2))
        {
            let open = self.reopen(service, version_2)?;
            Advertisement::read(&mut open.connection.reader, service)?;
        }
        self.open.as_mut().ok_or(Error::Interrupted)
    }

    /// Sends what is safe to send twice; again on a new connection if the one in use turns out to be dead.
    fn ask(&mut self, service: Service, version_2: bool, body: &[u8]) -> Result<()> {
        let open = self.ready(service, version_2)?;
        let was_used = open.requests > 0;
        let sent = open.send(body);
        if sent.is_ok() && open.answers() {
            return Ok(());
        }
        if was_used {
            self.open = None;
            let sent = self.ready(service, version_2)?.send(body);
            return sent.map_err(|error| Error::Broken(error.to_string()));
        }
        // What it said is read as the answer, or its end is found there.
        sent.map_err(|error| Error::Broken(error.to_string()))
    }
}

impl<C: Connect> Wire for Stream<C> {
    fn advertise(&mut self, service: Service, version_2: bool) -> Result<Box<dyn BufRead + Send + '_>> {
        let open = self.reopen(service, version_2)?;
        Ok(Box::new(&mut open.connection.reader))
    }

    fn request(
        &mut self,
        service: Service,
        version_2: bool,
        body: Body<'_>,
    ) -> Result<Box<dyn BufRead + Send + '_>> {
        match body {
            Body::Whole(body) => self.ask(service, version_2, &body)?,
            Body::Written(write) => {
                let open = self.ready(service, version_2)?;
                open.requests += 1;
                let written = write(&mut open.connection.writer);
                let flushed = open.connection.writer.flush();
                let flushed = flushed.map_err(|error| Error::Broken(error.to_string()));
                match written.and(flushed) {
                    Ok(()) => {}
                    // A server that refuses early has said why.
                    Err(Error::Broken(why)) => {
                        let words = (open.connection.last_words)();
                        return Err(words.map_or(Error::Broken(why), |words| Error::refused(&words)));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let open = self.open.as_mut().ok_or(Error::Interrupted)?;
        Ok(Box::new(&mut open.connection.reader))
    }
}
