//! Whom to trust.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use crate::error::{Error, Result};

/// Where distributions keep all roots in one file. Reading one costs 1 ms, scanning the hashed directory 3.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
];

/// Which certificates a client accepts.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    extra: Vec<String>,
    anyone: bool,
}

impl Trust {
    /// Adds CA certificates to those of the worker.
    pub(super) fn add(&mut self, pem: &str) {
        if !pem.trim().is_empty() {
            self.extra.push(pem.to_owned());
        }
    }

    /// Sets whether any certificate will do.
    pub(super) fn skip(&mut self, skip: bool) {
        self.anyone = skip;
    }

    /// The TLS configuration, on a provider of its own: nothing is installed in the process.
    pub(super) fn client_config(&self) -> Result<ClientConfig> {
        let mut extra = Vec::new();
        for pem in &self.extra {
            extra.extend(certificates(pem)?);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = if self.anyone {
            Arc::new(Anyone {
                provider: Arc::clone(&provider),
            })
        } else {
            Arc::new(Roots {
                provider: Arc::clone(&provider),
                extra,
                verifier: OnceLock::new(),
            })
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("failed to set up TLS").cause(error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // reqwest does not touch the ALPN of a configuration that it did not make.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The certificates of a PEM text. Each must be one that can be trusted; text around them is ignored, as OpenSSL does.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let broken = |what: String| {
        Error::internal(format!("failed to read the CA certificates: {what}"))
            .hint("give one or more blocks from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")
    };
    // Secret stores and careless YAML fold lines or keep a literal `\n`.
    let unfolded = if pem.contains('\n') {
        pem.to_owned()
    } else {
        pem.replace("\\n", "\n")
    };
    if unfolded.contains("-----BEGIN CERTIFICATE-----") && !unfolded.trim().contains('\n') {
        return Err(broken("the lines of the text were joined into one".to_owned()));
    }
    let mut found = Vec::new();
    for item in CertificateDer::pem_slice_iter(unfolded.as_bytes()) {
        let number = found.len() + 1;
        let certificate =
            item.map_err(|error| broken(format!("certificate {number}: {}", pem_problem(&error))))?;
        RootCertStore::empty().add(certificate.clone()).map_err(|_| {
            broken(format!(
                "certificate {number}: its content is not an X.509 certificate"
            ))
        })?;
        found.push(certificate);
    }
    if found.is_empty() {
        let what = if pem.contains("PRIVATE KEY-----") {
            "the text holds a private key, but no certificate"
        } else {
            "the text holds no certificate"
        };
        return Err(broken(what.to_owned()));
    }
    Ok(found)
}

/// What is wrong with a PEM text, without its content: somebody may have put a key there.
fn pem_problem(error: &rustls::pki_types::pem::Error) -> &'static str {
    use rustls::pki_types::pem::Error as Pem;
    match error {
        Pem::MissingSectionEnd { .. } => "its END line is missing",
        Pem::IllegalSectionStart { .. } => "its BEGIN line is malformed",
        Pem::Base64Decode(_) => "its content is not base64",
        _ => "it cannot be read",
    }
}

/// The roots of the worker, or Mozilla's if it has none.
fn native_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let chosen = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if let Some(name) = chosen {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TlsError::General(format!(
                "no CA certificate can be read from where {name} points"
            )));
        }
        return Ok(roots);
    }
    for bundle in BUNDLES {
        if let Some(certificates) = read_bundle(Path::new(bundle)) {
            roots.add_parsable_certificates(certificates);
            if !roots.is_empty() {
                return Ok(roots);
            }
        }
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    }
    Ok(roots)
}

fn read_bundle(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(path).ok()?;
    Some(
        CertificateDer::pem_slice_iter(&text)
            .filter_map(std::result::Result::ok)
            .collect(),
    )
}

/// Trusts the worker's roots and some more. The roots are read when the first certificate is to be judged.
#[derive(Debug)]
struct Roots {
    provider: Arc<CryptoProvider>,
    extra: Vec<CertificateDer<'static>>,
    verifier: OnceLock<Result<Arc<WebPkiServerVerifier>, TlsError>>,
}

impl Roots {
    fn load(&self) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
        let mut roots = match native_roots() {
            Ok(roots) => roots,
            // The source says whom to trust: a variable that leads nowhere need not stop it.
            Err(_) if !self.extra.is_empty() => RootCertStore::empty(),
            Err(error) => return Err(error),
        };
        roots.add_parsable_certificates(self.extra.iter().cloned());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| TlsError::General(error.to_string()))
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verifier = self
            .verifier
            .get_or_init(|| self.load())
            .as_ref()
            .map_err(Clone::clone)?;
        let verdict = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            Err(error)
                if ca_as_server(&error)
                    && self.extra.iter().any(|own| own.as_ref() == end_entity.as_ref()) =>
            {
                // A self-signed server certificate, as `openssl req -x509` makes it, calls itself a CA. Git and curl accept
                // it when the source names this very certificate. Its dates were checked before its kind was.
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Whether a certificate was refused only because it is a CA's.
fn ca_as_server(error: &TlsError) -> bool {
    match error {
        TlsError::InvalidCertificate(CertificateError::Other(other)) => {
            other.to_string().contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}

/// Accepts any certificate, and signatures by keys that are too weak to check.
#[derive(Debug)]
struct Anyone {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
