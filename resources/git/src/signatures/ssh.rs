//! SSH signatures of commits. (Not in the reference.)

use ssh_key::{HashAlg, PublicKey, SshSig};

use super::refusal::Refusal;
use super::signed::Signed;

/// What git puts into the signature, so that one of another program does not count.
const NAMESPACE: &str = "git";

/// Which of the keys made the signature.
pub(super) fn verify(keys: &[PublicKey], signed: &Signed) -> Result<String, Refusal> {
    let signature =
        SshSig::from_pem(&signed.signature).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    let name = format!("SSH key {}", signature.public_key().fingerprint(HashAlg::Sha256));
    let key = keys
        .iter()
        .find(|key| key.key_data() == signature.public_key())
        .ok_or_else(|| Refusal::UnknownKey(Some(name.clone())))?;
    if signature.namespace() != NAMESPACE {
        return Err(Refusal::Unreadable(format!(
            "it was made for \"{}\", not for git",
            signature.namespace().escape_default()
        )));
    }
    match key.verify(NAMESPACE, &signed.payload, &signature) {
        Ok(()) => Ok(name),
        Err(_) => Err(Refusal::Bad(name)),
    }
}
