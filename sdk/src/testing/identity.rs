//! Certificates of test servers.

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who a test server says it is, and the authority that says so.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    ca: String,
}

impl Identity {
    /// A certificate for these host names and addresses by an authority of its own.
    ///
    /// # Panics
    /// On names that no certificate can hold.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self::issued(&params(names))
    }

    /// A certificate whose time is over.
    ///
    /// # Panics
    /// On names that no certificate can hold.
    #[must_use]
    pub fn expired(names: &[&str]) -> Self {
        let mut params = params(names);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        Self::issued(&params)
    }

    /// A certificate whose time is to come.
    ///
    /// # Panics
    /// On names that no certificate can hold.
    #[must_use]
    pub fn not_yet_valid(names: &[&str]) -> Self {
        let mut params = params(names);
        params.not_before = date_time_ymd(3001, 1, 1);
        params.not_after = date_time_ymd(3002, 1, 1);
        Self::issued(&params)
    }

    /// A certificate that is its own authority, as `openssl req -x509` makes it.
    ///
    /// # Panics
    /// On names that no certificate can hold.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = key();
        let certificate = sound(params.self_signed(&key));
        Self::of(&certificate, &key, certificate.pem())
    }

    /// The certificate of the authority, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    fn issued(params: &CertificateParams) -> Self {
        let ca_key = key();
        let mut ca = CertificateParams::default();
        ca.distinguished_name
            .push(DnType::CommonName, "the test authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = sound(ca.self_signed(&ca_key));
        let key = key();
        let certificate = sound(params.signed_by(&key, &Issuer::new(ca, ca_key)));
        Self::of(&certificate, &key, ca_certificate.pem())
    }

    fn of(certificate: &Certificate, key: &KeyPair, ca: String) -> Self {
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = sound(PrivateKeyDer::try_from(key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = sound(builder.with_safe_default_protocol_versions());
        let mut config = sound(builder.with_no_client_auth().with_single_cert(chain, key));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            config: Arc::new(config),
            ca,
        }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = sound(CertificateParams::new(names));
    params
        .distinguished_name
        .push(DnType::CommonName, "a test server");
    params
}

fn key() -> KeyPair {
    sound(KeyPair::generate())
}

fn sound<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("failed to make a certificate: {error}"))
}
