//! Private keys, in the formats that people have.

use std::fmt;
use std::sync::Arc;

use concourse_resource_sdk::Secret;
use russh::keys::{PrivateKey, decode_secret_key};

use super::short_scalar::padded;

/// A private key that is ready to be used.
#[derive(Clone)]
pub struct SshKey(pub(crate) Arc<PrivateKey>);

/// Why a text is no private key. Never holds any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshKeyError {
    /// It is in none of the formats that are known, or damaged.
    Unreadable,
    /// It is encrypted, and there is no passphrase.
    PassphraseMissing,
    /// The passphrase does not fit.
    PassphraseWrong,
}

impl SshKey {
    /// Reads a key: RSA, ECDSA or Ed25519, in OpenSSH's format or in PEM (PKCS#1, SEC1, PKCS#8), encrypted or not. Line ends of
    /// either kind, blanks around the lines and a missing line break at the end do not matter; nor does a passphrase for a key
    /// that has none.
    pub fn parse(text: &Secret, passphrase: Option<&Secret>) -> Result<Self, SshKeyError> {
        let lines: Vec<&str> = text.expose().lines().map(str::trim).collect();
        let text = format!("{}\n", lines.join("\n").trim());
        let key = match decode_secret_key(&text, None) {
            Ok(key) => key,
            Err(error) if is_encrypted(&text, &error) => {
                let passphrase = passphrase.ok_or(SshKeyError::PassphraseMissing)?;
                decode_secret_key(&text, Some(passphrase.expose()))
                    .map_err(|_| SshKeyError::PassphraseWrong)?
            }
            Err(_) => padded(&text)
                .and_then(|text| decode_secret_key(&text, None).ok())
                .ok_or(SshKeyError::Unreadable)?,
        };
        Ok(Self(Arc::new(key)))
    }
}

fn is_encrypted(text: &str, error: &russh::keys::Error) -> bool {
    matches!(error, russh::keys::Error::KeyIsEncrypted)
        || text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SshKey(…)")
    }
}

impl fmt::Display for SshKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it is no private key in OpenSSH or PEM format, or it is damaged",
            Self::PassphraseMissing => "it is encrypted, and there is no passphrase",
            Self::PassphraseWrong => "the passphrase does not fit",
        })
    }
}

impl std::error::Error for SshKeyError {}
