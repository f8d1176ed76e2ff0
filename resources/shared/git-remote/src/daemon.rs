//! `git://`: git's own protocol on a socket of its own, without login or encryption (gitprotocol-pack, "Git Transport").

use std::io::{BufReader, BufWriter, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::pktline;
use crate::stream::{Connect, Connection};
use crate::wire::Service;

/// The port of `git://`.
pub(crate) const PORT: u16 = 9418;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A `git daemon`.
pub(crate) struct Daemon {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

impl Connect for Daemon {
    fn connect(&mut self, service: Service, version_2: bool) -> Result<Connection> {
        let stream = self.dial()?;
        let broken = |error: std::io::Error| Error::Broken(error.to_string());
        stream.set_read_timeout(Some(IDLE_TIMEOUT)).map_err(broken)?;
        stream.set_write_timeout(Some(IDLE_TIMEOUT)).map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let mut writer = BufWriter::new(stream.try_clone().map_err(broken)?);
        let port = if self.port == PORT {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        let mut request = format!("{} {}\0host={}{port}\0", service.name(), self.path, self.host);
        if version_2 {
            request.push_str("\0version=2\0");
        }
        pktline::write(&mut writer, request).map_err(broken)?;
        writer.flush().map_err(broken)?;
        Ok(Connection {
            reader: Box::new(BufReader::with_capacity(64 * 1024, stream)),
            writer: Box::new(writer),
            last_words: Box::new(|| None),
        })
    }
}

impl Daemon {
    /// Tries every address of the host.
    fn dial(&self) -> Result<TcpStream> {
        let unreachable = |error: std::io::Error| Error::Unreachable {
            host: format!("{}:{}", self.host, self.port),
            why: error.to_string(),
        };
        let host = self.host.trim_matches(['[', ']']);
        let mut last = std::io::Error::other("the name has no address");
        for address in (host, self.port).to_socket_addrs().map_err(unreachable)? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(unreachable(last))
    }
}
