//! A POST to an `http://` address through a tunnel of a proxy (`proxy_https_tunnel`): reqwest makes tunnels for TLS only.

use bytes::Bytes;
use concourse_resource_sdk::Error;
use concourse_resource_sdk::http::{Reply, Silence, TunnelError, open_tunnel, origin};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::limits::{IDLE, MOST_ANSWER_BYTES};

/// An open tunnel.
pub(crate) struct Tunnel {
    stream: TcpStream,
}

impl Tunnel {
    /// Opens a tunnel to the host of `url`.
    pub(crate) async fn open(proxy: &Url, url: &Url) -> Result<Self, Silence> {
        let failed = |why: String| {
            let text = format!(
                "failed to reach {} through the proxy {}: {why}",
                origin(url),
                origin(proxy)
            );
            Error::remote(text)
        };
        let target = authority(url);
        let stream = match timeout(IDLE, open_tunnel(proxy, &target)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error @ TunnelError::Io(_))) => return Err(Silence::for_now(failed(error.to_string()))),
            Ok(Err(error)) => return Err(Silence::before_sending(failed(error.to_string()))),
            Err(_) => return Err(Silence::for_now(failed("it does not answer".to_owned()))),
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
            Silence::before_sending(Error::internal("failed to make the request").cause(error))
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
