//! A POST to an `http://` address through a tunnel of a proxy (`proxy_https_tunnel`): reqwest makes tunnels for TLS only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use concourse_resource_sdk::Error;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::sender::{IDLE, MOST_ANSWER_BYTES, Reply, Silence, origin};

/// More than any proxy's answer to CONNECT.
const MOST_HEAD_BYTES: usize = 16 * 1024;

/// An open tunnel.
pub(crate) struct Tunnel {
    stream: TcpStream,
}

impl Tunnel {
    /// Opens a tunnel to the host of `url`.
    pub(crate) async fn open(proxy: &Url, url: &Url) -> Result<Self, Silence> {
        let failed = |why: String, is_transient: bool| {
            let text = format!(
                "failed to reach {} through the proxy {}: {why}",
                origin(url),
                origin(proxy)
            );
            Silence::before_sending(Error::remote(text), is_transient)
        };
        let target = authority(url);
        let stream = match timeout(IDLE, connect(proxy, &target)).await {
            Err(_) => return Err(failed("it does not answer".to_owned(), true)),
            Ok(Err(error)) => return Err(failed(error.to_string(), true)),
            Ok(Ok((stream, status))) => match status {
                Some(200..=299) => stream,
                Some(407) => return Err(failed("407, it wants a login, or another one".to_owned(), false)),
                Some(status) => {
                    return Err(failed(
                        format!("it refuses the tunnel with status {status}"),
                        false,
                    ));
                }
                None => return Err(failed("it does not speak HTTP".to_owned(), false)),
            },
        };
        Ok(Self { stream })
    }

    /// Posts JSON through the tunnel, which ends with the answer.
    pub(crate) async fn post(self, url: &Url, body: &str) -> Result<Reply, Silence> {
        let lost = |why: String| {
            let text = format!("failed to read the answer of {}: {why}", origin(url));
            Silence::after_sending(Error::remote(text))
        };
        let request = request(url, body).map_err(|error| {
            Silence::before_sending(Error::internal("failed to make the request").cause(error), false)
        })?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(self.stream)).await?;
            let driver = tokio::spawn(connection);
            let response = sender.send_request(request).await?;
            let (parts, body) = response.into_parts();
            // As much as came: the status says it all for a webhook.
            let body = Limited::new(body, MOST_ANSWER_BYTES).collect().await;
            driver.abort();
            let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Ok::<_, hyper::Error>(Reply {
                status: parts.status,
                headers: parts.headers,
                body: String::from_utf8_lossy(&bytes).into_owned(),
            })
        };
        match timeout(IDLE, exchange).await {
            Err(_) => Err(lost("it does not answer".to_owned())),
            Ok(Err(error)) => Err(lost(error.to_string())),
            Ok(Ok(reply)) => Ok(reply),
        }
    }
}

fn request(url: &Url, body: &str) -> http::Result<http::Request<Full<Bytes>>> {
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.extend(["?", query]);
    }
    http::Request::post(target)
        .header(http::header::HOST, authority(url))
        .header(http::header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(
            http::header::USER_AGENT,
            concat!("concourse-slack-resource/", env!("CARGO_PKG_VERSION")),
        )
        .body(Full::new(Bytes::from(body.to_owned())))
}

/// Host and port, as CONNECT wants it.
fn authority(url: &Url) -> String {
    format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or(80)
    )
}

/// Connects to the proxy and asks for a tunnel; answers the status, if it is one.
async fn connect(proxy: &Url, target: &str) -> std::io::Result<(TcpStream, Option<u16>)> {
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
    Ok((stream, status(&answer)))
}

fn login(proxy: &Url) -> Option<String> {
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    let mut login = decoded(proxy.username());
    login.push(b':');
    login.extend(decoded(proxy.password().unwrap_or_default()));
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
