//! The SDK's HTTP client beneath `aws-sdk-s3`.

use std::io;
use std::pin::Pin;

use aws_smithy_runtime_api::client::http::{
    HttpClient as SmithyClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use concourse_resource_sdk::http::HttpClient;
use futures_util::{Stream, StreamExt as _, stream};
use http_body::Body as _;

/// How much of a body is handed over at a time: the idle timeout is about this much.
const PIECE: usize = 128 * 1024;

/// The way requests go.
#[derive(Debug, Clone)]
pub(crate) struct Wire(pub(crate) HttpClient);

impl SmithyClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(&client, request).await })
    }
}

async fn send(client: &HttpClient, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let builder = client
        .client()
        .request(head.method, head.uri.to_string())
        .headers(head.headers);
    let response = if body.size_hint().exact() == Some(0) {
        // A proxy's demand for a login is not told from the store's answer otherwise.
        builder.send().await.map_err(|error| client.explain(&error))
    } else {
        client.send_streaming(builder, pieces(body)).await
    };
    // Our own words are found again in `failure`; that it may be tried again is the same for all of them.
    let response = response.map_err(|error| ConnectorError::io(error.into()))?;
    let response = http::Response::<reqwest::Body>::from(response).map(SdkBody::from_body_1_x);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

/// A body in small pieces, none of which is copied.
fn pieces(body: SdkBody) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold((body, Bytes::new()), |(mut body, mut rest)| async move {
        while rest.is_empty() {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
            match frame.await? {
                // Trailers are part of the data in the encoding that S3 has for them.
                Ok(frame) => rest = frame.into_data().unwrap_or_default(),
                Err(error) => return Some((Err(io::Error::other(error)), (body, Bytes::new()))),
            }
        }
        let piece = rest.split_to(rest.len().min(PIECE));
        Some((Ok(piece), (body, rest)))
    })
    // It may be asked again after its end.
    .fuse()
}
