//! Network failures in words.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};
use url::Url;

use crate::error::{Error, chain};

/// Whether the other side may have got the request, and perhaps acted on it, before this failure.
#[cfg(feature = "reqwest")]
pub(super) fn was_sent(error: &reqwest::Error) -> bool {
    let nothing_sent = error.is_builder()
        || error.is_connect()
        || !matches!(
            kind(error),
            Kind::Idle | Kind::Broken | Kind::NotHttp | Kind::Redirect(_) | Kind::Other(_)
        );
    !nothing_sent
}

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    UnknownHost,
    /// The DNS server did not answer, or not now.
    Dns,
    Refused,
    Unreachable,
    ConnectTimeout,
    Idle,
    Certificate(CertificateProblem),
    /// No roots, or another failure to judge that is ours.
    Roots(String),
    NotTls,
    Tls(String),
    ProxyLogin,
    ProxyRefused,
    /// Only for SOCKS, whose errors keep the reason to themselves.
    ProxyUnreachable,
    Broken,
    Redirect(String),
    Address,
    NotHttp,
    Other(String),
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateProblem {
    UnknownAuthority,
    Expired(Option<u64>),
    NotYet(Option<u64>),
    Name(Vec<String>),
    Other(String),
}

pub(super) fn explain(error: &reqwest::Error, proxy: Option<&Url>) -> Error {
    if let (Some(status), Some(url)) = (error.status(), error.url()) {
        // It was reached.
        return Error::remote(format!("{} was answered with {status}", place(url)));
    }
    let kind = kind(error);
    let doing = if error.is_body() || error.is_decode() {
        "read the answer of"
    } else {
        "reach"
    };
    let server = error.url().map_or_else(|| "the server".to_owned(), origin);
    let way = proxy
        .map(|proxy| format!(" through the proxy {}", origin(proxy)))
        .unwrap_or_default();
    let (why, hint) = words(&kind, proxy.is_some());
    // The message of the top layer holds the whole address.
    let cause = error
        .source()
        .map(chain)
        .filter(|cause| !why.contains(cause.as_str()));
    let failure = failed(format!("failed to {doing} {server}{way}: {why}"), hint);
    match cause {
        Some(cause) => failure.cause(cause),
        None => failure,
    }
}

/// What was asked for: an address without login, query and fragment. Secrets that stand in a path are hidden by the log.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

fn failed(text: String, hint: Option<&str>) -> Error {
    let failure = Error::remote(text);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A body of a request that the server no longer takes, or to which it gives no answer.
#[cfg(feature = "reqwest")]
pub(super) fn idle(url: &Url) -> Error {
    let (why, hint) = words(&Kind::Idle, false);
    let text = format!("failed to send to {}: {why}", origin(url));
    failed(text, hint)
}

/// A proxy that wants a login.
pub(super) fn proxy_login(url: &Url, proxy: Option<&Url>) -> Error {
    let (why, hint) = words(&Kind::ProxyLogin, true);
    let way = proxy
        .map(|proxy| format!(" through the proxy {}", origin(proxy)))
        .unwrap_or_default();
    let text = format!("failed to reach {}{way}: {why}", origin(url));
    failed(text, hint)
}

/// Scheme, host and port of an address: all of it that may be shown.
#[must_use]
pub fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

pub(super) fn kind(error: &reqwest::Error) -> Kind {
    if error.is_builder() {
        return Kind::Address;
    }
    let text = error.source().map(chain).unwrap_or_default();
    if error.is_redirect() {
        return Kind::Redirect(text);
    }
    if let Some(kind) = layers(error).find_map(|layer| find::<TlsError>(layer).map(tls_kind)) {
        return kind;
    }
    if let Some(kind) = proxy_kind(&text) {
        return kind;
    }
    if error.is_dns() || text.contains("dns error") {
        return if text.contains("not known") || text.contains("No address") {
            Kind::UnknownHost
        } else {
            Kind::Dns
        };
    }
    if error.is_timeout() {
        return if error.is_connect() {
            Kind::ConnectTimeout
        } else {
            Kind::Idle
        };
    }
    let io = layers(error).find_map(find::<io::Error>).map(io::Error::kind);
    match io {
        Some(io::ErrorKind::ConnectionRefused) => Kind::Refused,
        Some(
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable,
        ) => Kind::Unreachable,
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected,
        ) => Kind::Broken,
        _ => by_message(error, text),
    }
}

/// What a proxy did, if it was one; its errors tell that by their message only.
fn proxy_kind(text: &str) -> Option<Kind> {
    let unreachable = text.contains("failed to create underlying connection");
    if text.contains("tunnel error") {
        // Why it is unreachable is in the layers below.
        if text.contains("proxy authorization required") {
            return Some(Kind::ProxyLogin);
        }
        return (!unreachable).then_some(Kind::ProxyRefused);
    }
    if !text.contains("SOCKS error") {
        return None;
    }
    if text.contains("credentials not accepted") {
        return Some(Kind::ProxyLogin);
    }
    Some(if unreachable {
        Kind::ProxyUnreachable
    } else {
        Kind::ProxyRefused
    })
}

/// Hyper's own errors tell their kind by their message only.
fn by_message(error: &reqwest::Error, text: String) -> Kind {
    const BROKEN: [&str; 6] = [
        "connection closed",
        "connection was not ready",
        "end of file before message",
        "error reading a body",
        "unexpected EOF",
        "stream closed because of a broken pipe",
    ];
    const NOT_HTTP: [&str; 3] = [
        "invalid HTTP",
        "message head is too large",
        "received unexpected message",
    ];
    if NOT_HTTP.iter().any(|message| text.contains(message)) {
        Kind::NotHttp
    } else if BROKEN.iter().any(|message| text.contains(message)) {
        Kind::Broken
    } else if text.is_empty() {
        Kind::Other(
            error
                .status()
                .map_or_else(|| "the request failed".to_owned(), |status| status.to_string()),
        )
    } else {
        Kind::Other(text)
    }
}

fn tls_kind(error: &TlsError) -> Kind {
    match error {
        TlsError::InvalidCertificate(problem) => Kind::Certificate(certificate_problem(problem)),
        TlsError::General(text) => Kind::Roots(text.clone()),
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Kind::NotTls,
        TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            Kind::Tls("the server speaks no TLS 1.2 or 1.3".to_owned())
        }
        other => Kind::Tls(other.to_string()),
    }
}

fn certificate_problem(error: &CertificateError) -> CertificateProblem {
    match error {
        CertificateError::UnknownIssuer => CertificateProblem::UnknownAuthority,
        CertificateError::Expired => CertificateProblem::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateProblem::Expired(Some(UnixTime::as_secs(not_after)))
        }
        CertificateError::NotValidYet => CertificateProblem::NotYet(None),
        CertificateError::NotValidYetContext { not_before, .. } => {
            CertificateProblem::NotYet(Some(UnixTime::as_secs(not_before)))
        }
        CertificateError::NotValidForName => CertificateProblem::Name(Vec::new()),
        CertificateError::NotValidForNameContext { presented, .. } => {
            CertificateProblem::Name(presented.clone())
        }
        // What a self-signed certificate that nobody trusts comes out as.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            CertificateProblem::UnknownAuthority
        }
        other => CertificateProblem::Other(other.to_string()),
    }
}

fn words(kind: &Kind, proxied: bool) -> (String, Option<&'static str>) {
    let (why, hint) = match kind {
        Kind::UnknownHost => (
            "unknown host",
            Some("check the name; does the worker's DNS server know it?"),
        ),
        Kind::Dns => (
            "the name could not be looked up",
            Some("check the DNS servers of the worker"),
        ),
        Kind::Refused if proxied => ("connection refused", Some("check the address of the proxy")),
        Kind::Refused => (
            "connection refused",
            Some("check host and port; does the worker need a proxy?"),
        ),
        Kind::Unreachable => ("no route to the host", Some("check the network of the worker")),
        Kind::ConnectTimeout => (
            "no connection in time",
            Some("check host and port; does a firewall drop it, or is a proxy needed?"),
        ),
        Kind::Idle => (
            "no data for too long",
            Some("the server or the network hangs; try again later"),
        ),
        Kind::Certificate(problem) => return certificate_words(problem),
        Kind::Roots(text) => {
            return (
                text.clone(),
                Some("give the CA certificate in the source, or mend the worker's"),
            );
        }
        Kind::NotTls => (
            "the port does not speak TLS",
            Some("is it http:// rather than https://?"),
        ),
        Kind::Tls(text) => return (format!("TLS failed: {text}"), None),
        Kind::ProxyLogin => (
            "the proxy wants a login",
            Some("put user and password into the proxy's address: http://user:password@host:port"),
        ),
        Kind::ProxyRefused => (
            "the proxy refuses to connect",
            Some("does it allow this host and port? Does no_proxy lack it?"),
        ),
        Kind::ProxyUnreachable => (
            "the proxy cannot be reached",
            Some("check the address of the proxy"),
        ),
        Kind::Broken => (
            "the connection broke off",
            Some("try again; if it stays so, look at the server's log"),
        ),
        Kind::Redirect(text) => return (text.clone(), Some("give the address that the redirects lead to")),
        Kind::Address => ("the address or a header cannot be used", None),
        Kind::NotHttp => (
            "the port does not speak HTTP",
            Some("check the port; is it https:// rather than http://?"),
        ),
        Kind::Other(text) => return (text.clone(), None),
    };
    (why.to_owned(), hint)
}

fn certificate_words(problem: &CertificateProblem) -> (String, Option<&'static str>) {
    let on = |seconds: &Option<u64>| {
        seconds
            .map(|seconds| format!(" {}", date(seconds)))
            .unwrap_or_default()
    };
    match problem {
        CertificateProblem::UnknownAuthority => (
            "certificate signed by unknown authority".to_owned(),
            Some("give the certificate of its authority in the source, or among those of the worker"),
        ),
        CertificateProblem::Expired(end) => (
            format!("the certificate expired{}", on(end)),
            Some("renew it; is the worker's clock right?"),
        ),
        CertificateProblem::NotYet(start) => (
            format!("the certificate is not valid before{}", on(start)),
            Some("is the worker's clock right?"),
        ),
        CertificateProblem::Name(names) if names.is_empty() => {
            ("the certificate is for another host name".to_owned(), None)
        }
        CertificateProblem::Name(names) => (
            format!("the certificate is for another host name: {}", names.join(", ")),
            None,
        ),
        CertificateProblem::Other(text) => (format!("the certificate cannot be accepted: {text}"), None),
    }
}

fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// An error and all its sources. An I/O error that wraps another hides it from `source`; see [`find`].
fn layers<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The error itself, or what I/O errors wrap.
fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    if let Some(found) = error.downcast_ref::<E>() {
        return Some(found);
    }
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    find(inner)
}
