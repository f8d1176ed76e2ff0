//! OpenPGP signatures of commits, judged as gpg does.

use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::KeyDetails;

use super::certificate::{self, Signer};
use super::refusal::Refusal;
use super::signed::Signed;

/// Which of the keys made the signature.
pub(super) fn verify(keys: &[SignedPublicKey], signed: &Signed, now: u64) -> Result<String, Refusal> {
    let signature = read(&signed.signature)?;
    let mut wrong = None;
    for certificate in keys {
        for signer in candidates(certificate, &signature) {
            let name = name(&signer);
            if !fits(&signature, &signer, &signed.payload) {
                wrong = Some(Refusal::Bad(name));
                continue;
            }
            certificate::judge(keys, certificate, &signer, &name, now)?;
            return in_time(&signature, &signer, name, now);
        }
    }
    Err(wrong.unwrap_or_else(|| Refusal::UnknownKey(issuer(&signature))))
}

/// The one signature of a block.
fn read(armored: &[u8]) -> Result<Signature, Refusal> {
    let unreadable = |error: pgp::errors::Error| Refusal::Unreadable(error.to_string());
    let (mut all, _) = DetachedSignature::from_armor_many(armored).map_err(unreadable)?;
    let signature = all
        .next()
        .ok_or_else(|| Refusal::Unreadable("it is empty".to_owned()))?
        .map_err(unreadable)?
        .signature;
    // As git does: which of two would count, if they said different things?
    if all.next().is_some() {
        return Err(Refusal::Unreadable("there are several in it".to_owned()));
    }
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err(Refusal::Unreadable("it is no signature of a text".to_owned()));
    }
    match certificate::flaw(&signature) {
        Some(flaw) => Err(Refusal::Unreadable(flaw.to_owned())),
        None => Ok(signature),
    }
}

/// The keys of a certificate that the signature names.
fn candidates<'a>(certificate: &'a SignedPublicKey, signature: &Signature) -> Vec<Signer<'a>> {
    let mut signers = vec![Signer::Primary(&certificate.primary_key)];
    signers.extend(certificate.public_subkeys.iter().map(Signer::Subkey));
    signers.retain(|signer| match signer {
        Signer::Primary(key) => names(signature, *key),
        Signer::Subkey(subkey) => names(signature, &subkey.key),
    });
    signers
}

fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    let id = key.legacy_key_id();
    let fingerprint = key.fingerprint();
    signature.issuer_key_id().into_iter().any(|issuer| *issuer == id)
        || signature
            .issuer_fingerprint()
            .into_iter()
            .any(|issuer| *issuer == fingerprint)
}

fn fits(signature: &Signature, signer: &Signer<'_>, payload: &[u8]) -> bool {
    match signer {
        Signer::Primary(key) => signature.verify(*key, payload).is_ok(),
        Signer::Subkey(subkey) => signature.verify(&subkey.key, payload).is_ok(),
    }
}

/// Signatures expire, too, and none is older than its key.
fn in_time(signature: &Signature, signer: &Signer<'_>, name: String, now: u64) -> Result<String, Refusal> {
    let made = signature.created().map_or(0, |time| u64::from(time.as_secs()));
    let lasts = signature
        .signature_expiration_time()
        .map_or(0, |time| u64::from(time.as_secs()));
    if made < signer.created() {
        return Err(Refusal::Unfit(name, "is younger than the signature"));
    }
    if lasts > 0 && made + lasts <= now {
        return Err(Refusal::SignatureExpired(name, made + lasts));
    }
    Ok(name)
}

fn name(signer: &Signer<'_>) -> String {
    format!("OpenPGP key {:X}", signer.fingerprint())
}

/// Whom the signature names.
fn issuer(signature: &Signature) -> Option<String> {
    let fingerprint = signature
        .issuer_fingerprint()
        .first()
        .map(|fingerprint| format!("OpenPGP key {fingerprint:X}"));
    fingerprint.or_else(|| {
        let ids = signature.issuer_key_id();
        ids.first().map(|id| format!("OpenPGP key {}", hex(id.as_ref())))
    })
}

/// An id as gpg writes it.
pub(super) fn hex(id: &[u8]) -> String {
    use std::fmt::Write as _;
    id.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}
