//! Private keys, in the formats that people have.

use std::fmt;
use std::sync::Arc;

use concourse_resource_sdk::Secret;
use russh::keys::{PrivateKey, decode_secret_key};

use super::armor::{Armor, Locked};
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
    /// It is the public half of one.
    Public,
}

impl SshKey {
    /// Reads a key: RSA, ECDSA or Ed25519, in OpenSSH's format or in PEM (PKCS#1, SEC1, PKCS#8) or `PuTTY`'s, encrypted or not. Line ends of
    /// either kind, blanks around the lines and a missing line break at the end do not matter; nor do line breaks that became blanks or
    /// `\n`, as in some stores of secrets, and a passphrase for a key that has none.
    pub fn parse(text: &Secret, passphrase: Option<&Secret>) -> Result<Self, SshKeyError> {
        if is_public(text.expose().trim_start()) {
            return Err(SshKeyError::Public);
        }
        if text.expose().trim_start().starts_with("PuTTY-User-Key-File-") {
            return putty(text.expose().trim_start(), passphrase).map(|key| Self(Arc::new(key)));
        }
        let armor = Armor::parse(text.expose()).ok_or(SshKeyError::Unreadable)?;
        let text = armor.text();
        let passphrase = || passphrase.ok_or(SshKeyError::PassphraseMissing);
        let key = if armor.is_encrypted() {
            let clear = armor
                .decrypted(passphrase()?.expose())
                .map_err(|failure| match failure {
                    Locked::Unknown => SshKeyError::Unreadable,
                    Locked::Passphrase => SshKeyError::PassphraseWrong,
                })?;
            // What makes no key was decrypted with a wrong one.
            decode_secret_key(&clear, None).map_err(|_| SshKeyError::PassphraseWrong)?
        } else {
            match decode_secret_key(&text, None) {
                Ok(key) => key,
                Err(error) if is_encrypted(&text, &error) => {
                    decode_secret_key(&text, Some(passphrase()?.expose()))
                        .map_err(|_| SshKeyError::PassphraseWrong)?
                }
                Err(_) => padded(&text)
                    .and_then(|text| decode_secret_key(&text, None).ok())
                    .ok_or(SshKeyError::Unreadable)?,
            }
        };
        Ok(Self(Arc::new(key)))
    }
}

/// A key of `PuTTY`.
fn putty(text: &str, passphrase: Option<&Secret>) -> Result<PrivateKey, SshKeyError> {
    if text.lines().any(|line| line.trim_end() == "Encryption: none") {
        return decode_secret_key(text, None).map_err(|_| SshKeyError::Unreadable);
    }
    let passphrase = passphrase.ok_or(SshKeyError::PassphraseMissing)?;
    decode_secret_key(text, Some(passphrase.expose())).map_err(|_| SshKeyError::PassphraseWrong)
}

fn is_encrypted(text: &str, error: &russh::keys::Error) -> bool {
    matches!(error, russh::keys::Error::KeyIsEncrypted)
        || text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

fn is_public(text: &str) -> bool {
    let begins = |start: &&str| text.starts_with(*start);
    ["ssh-", "ecdsa-sha2-", "sk-", "---- BEGIN SSH2 PUBLIC KEY"]
        .iter()
        .any(begins)
        || (text.starts_with("-----BEGIN ")
            && text
                .lines()
                .next()
                .is_some_and(|line| line.contains("PUBLIC KEY-----")))
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
            Self::Public => "it is a public key",
        })
    }
}

impl std::error::Error for SshKeyError {}
