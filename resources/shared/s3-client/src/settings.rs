//! What a client is made with, decided from the fields of a source.

use concourse_resource_sdk::{Error, Secret};
use url::Url;

/// Where the store is, and how to speak to it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The bucket.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The address of a store that is not AWS; see [`endpoint_url`].
    pub endpoint: Option<Url>,
    /// Who we are.
    pub credentials: Credentials,
    /// A role to assume with these credentials.
    pub role_arn: Option<String>,
    /// Where the bucket's name goes.
    pub addressing: Addressing,
    /// Which checksums are sent and asked for.
    pub checksums: Checksums,
    /// CA certificates in PEM that are trusted, too.
    pub ca_bundle: Option<Secret>,
    /// Accepts any certificate.
    pub skip_tls_verification: bool,
}

/// Where credentials come from.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Requests are not signed, whatever the environment holds.
    #[default]
    Anonymous,
    /// These keys.
    Static(StaticKeys),
    /// Environment, shared files, web identity, container, instance.
    DefaultChain,
}

/// A pair of keys.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    /// The id of the key.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
    /// The token of a session that the keys belong to.
    pub session_token: Option<Secret>,
}

/// Where the bucket's name goes in an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In front of the host, where it can be part of one.
    #[default]
    VirtualHost,
    /// Into the path.
    Path,
}

/// Which checksums are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checksums {
    /// Wherever the API supports them.
    #[default]
    WhenSupported,
    /// Only where it requires them.
    WhenRequired,
}

/// The address that `endpoint` means: one without a scheme gets `https://`, or `http://` if TLS is off.
///
/// # Errors
/// Names the field if it is no address of a server.
pub fn endpoint_url(field: &str, endpoint: &str, disable_ssl: bool) -> Result<Url, Error> {
    let scheme = if disable_ssl { "http" } else { "https" };
    let address = if endpoint.contains("://") {
        endpoint.to_owned()
    } else {
        format!("{scheme}://{endpoint}")
    };
    // What is wrong with it may be a login in it: it is not shown.
    let wrong = || {
        Error::config(
            field,
            "expected the address of a server, such as s3.example:9000 or https://s3.example",
        )
        .hint("it may have a path, but no login, query or fragment")
    };
    let url = Url::parse(&address).map_err(|_| wrong())?;
    let plain = url.username().is_empty() && url.password().is_none();
    let usable = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && plain
        && url.query().is_none()
        && url.fragment().is_none();
    if usable { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_an_address_or_an_address_with_a_path() {
        for (endpoint, disable_ssl, url) in [
            ("s3.example", false, "https://s3.example/"),
            ("minio:9000", false, "https://minio:9000/"),
            ("minio:9000", true, "http://minio:9000/"),
            ("a_b:9000", true, "http://a_b:9000/"),
            ("127.0.0.1:9000", true, "http://127.0.0.1:9000/"),
            ("[::1]:9000", true, "http://[::1]:9000/"),
            ("https://s3.example/base", true, "https://s3.example/base"),
        ] {
            let read = endpoint_url("source.endpoint", endpoint, disable_ssl).unwrap();
            assert_eq!(read.as_str(), url, "{endpoint}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_without_being_shown() {
        for endpoint in [
            "ftp://x",
            "https://",
            "u:hidden@h",
            "https://h/?hidden",
            "h#hidden",
            "a b",
        ] {
            let problem = endpoint_url("source.endpoint", endpoint, false)
                .unwrap_err()
                .to_string();
            assert!(
                problem.starts_with("source.endpoint: ") && !problem.contains("hidden"),
                "{problem}"
            );
        }
    }
}
