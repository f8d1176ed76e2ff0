//! The keys that the source gives, read.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Context, Error, Result};
use pgp::composed::{Deserializable as _, SignedPublicKey};
use pgp::types::{EcdsaPublicParams, KeyDetails as _, PublicParams};
use ssh_key::PublicKey;

/// CONTRACT 5.5: the exit status of keys that cannot be used.
const KEY_EXIT: u8 = 2;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// Keys that may sign.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) openpgp: Vec<SignedPublicKey>,
    pub(super) ssh: Vec<PublicKey>,
}

impl Keys {
    /// The keys of these texts.
    pub(super) fn read(cx: &Context, texts: &[&str]) -> Result<Self> {
        let mut keys = Self::default();
        let mut empty = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let path = format!("source.commit_verification_keys[{index}]");
            if text.contains("PRIVATE KEY") {
                return Err(Error::config(path, "this is a private key")
                    .hint("give the public one, and consider the private one published")
                    .exit(KEY_EXIT));
            }
            if keys.add(text) == 0 {
                empty.push(path);
            }
        }
        if keys.is_empty() && !texts.is_empty() {
            let text = format!("Invalid GPG key in: {}", texts.join("\n"));
            return Err(Error::config("source.commit_verification_keys", text)
                .verbatim()
                .hint("a key is an armoured OpenPGP public key, or an SSH public key as in authorized_keys")
                .exit(KEY_EXIT));
        }
        for path in empty {
            cx.log()
                .warn(format!("{path} holds no public key that can be used"));
        }
        Ok(keys)
    }

    /// Adds the keys of a text, and answers how many there are.
    fn add(&mut self, text: &str) -> usize {
        let mut count = 0;
        for key in openpgp_keys(text) {
            self.add_openpgp(key);
            count += 1;
        }
        for key in text
            .lines()
            .filter_map(|line| PublicKey::from_openssh(line.trim()).ok())
        {
            self.ssh.push(key);
            count += 1;
        }
        count
    }

    /// Adds what is new of a key: a key that is given twice is revoked if one of the two says so.
    pub(super) fn add_openpgp(&mut self, new: SignedPublicKey) {
        let Some(known) = self
            .openpgp
            .iter_mut()
            .find(|known| known.fingerprint() == new.fingerprint())
        else {
            self.openpgp.push(new);
            return;
        };
        let details = &mut known.details;
        details
            .revocation_signatures
            .extend(new.details.revocation_signatures);
        details.direct_signatures.extend(new.details.direct_signatures);
        for user in new.details.users {
            match details.users.iter_mut().find(|known| known.id == user.id) {
                Some(known) => known.signatures.extend(user.signatures),
                None => details.users.push(user),
            }
        }
        for subkey in new.public_subkeys {
            let same = |known: &&mut pgp::composed::SignedPublicSubKey| known.key == subkey.key;
            match known.public_subkeys.iter_mut().find(same) {
                Some(known) => known.signatures.extend(subkey.signatures),
                None => known.public_subkeys.push(subkey),
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.openpgp.is_empty() && self.ssh.is_empty()
    }
}

/// The key without what cannot be judged: on secp256k1, half of the signatures that gpg makes are refused by the library, whose rules are those of Bitcoin.
fn judgeable(mut key: SignedPublicKey) -> Option<SignedPublicKey> {
    let is_bitcoin =
        |params: &PublicParams| matches!(params, PublicParams::ECDSA(EcdsaPublicParams::Secp256k1 { .. }));
    key.public_subkeys
        .retain(|subkey| !is_bitcoin(subkey.key.public_params()));
    Some(key).filter(|key| !is_bitcoin(key.primary_key.public_params()))
}

/// The OpenPGP keys of a text, which may hold several blocks, and each of them several keys. What cannot be read is left out.
pub(super) fn openpgp_keys(text: &str) -> Vec<SignedPublicKey> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        rest = &rest[start..];
        let end = rest.find(END).map_or(rest.len(), |at| at + END.len());
        let (block, after) = rest.split_at(end);
        if let Ok((found, _)) = SignedPublicKey::from_string_many(block) {
            keys.extend(found.filter_map(Result::ok).filter_map(judgeable));
        }
        rest = after;
    }
    keys
}
