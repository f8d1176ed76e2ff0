//! Tunnels through an HTTP proxy (CONNECT), for what reqwest makes none: SSH, and addresses without TLS.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// More than any proxy's answer to CONNECT.
const MOST_HEAD_BYTES: usize = 16 * 1024;

/// Why there is no tunnel.
#[derive(Debug)]
pub enum TunnelError {
    /// The proxy cannot be reached, or closed the connection.
    Io(io::Error),
    /// It wants a login, or another one.
    Login,
    /// It refuses with this status.
    Refused(u16),
    /// It does not speak HTTP.
    NotHttp,
}

impl fmt::Display for TunnelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Login => f.write_str("it wants a login, or another one (407)"),
            Self::Refused(status) => write!(f, "it refuses the tunnel with status {status}"),
            Self::NotHttp => f.write_str("it does not speak HTTP"),
        }
    }
}

impl std::error::Error for TunnelError {}

impl From<io::Error> for TunnelError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens a tunnel to `target`, which is `host:port`, through the proxy at an `http://` address, whose login is sent if it has
/// one. Waits as long as the proxy lets it.
pub async fn open_tunnel(proxy: &Url, target: &str) -> Result<TcpStream, TunnelError> {
    let host = proxy.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, proxy.port_or_known_default().unwrap_or(80))).await?;
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(login) = login(proxy) {
        head.extend(["Proxy-Authorization: Basic ", &login, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the head belongs to the tunnel.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < MOST_HEAD_BYTES {
        answer.push(stream.read_u8().await?);
    }
    match status(&answer) {
        Some(200..=299) => Ok(stream),
        // 401 is what tinyproxy answers to a wrong login.
        Some(407 | 401) => Err(TunnelError::Login),
        Some(status) => Err(TunnelError::Refused(status)),
        None => Err(TunnelError::NotHttp),
    }
}

fn login(proxy: &Url) -> Option<String> {
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    let mut login: Vec<u8> = percent_decode_str(proxy.username()).collect();
    login.push(b':');
    login.extend(percent_decode_str(proxy.password().unwrap_or_default()));
    Some(STANDARD.encode(login))
}

fn status(head: &[u8]) -> Option<u16> {
    let line = str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_answers_with_a_status_or_with_something_else() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 407 x\r\n\r\n", Some(407)),
            ("HTTP/1.1 200\r\n\r\n", Some(200)),
            ("SSH-2.0-x\r\n\r\n", None),
            ("HTTP/1.1 x\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[test]
    fn a_login_is_decoded() {
        let login = |url: &str| login(&Url::parse(url).unwrap());
        assert_eq!(login("http://u:p%40@h:1"), Some(STANDARD.encode("u:p@")));
        assert_eq!(login("http://u@h:1"), Some(STANDARD.encode("u:")));
        assert_eq!(login("http://h:1"), None);
    }
}
