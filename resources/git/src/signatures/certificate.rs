//! What an OpenPGP certificate says of its keys: which may sign, until when, and whether they were revoked.
//!
//! Only what the primary key itself has signed counts, and that without limit in time: a key is expired or revoked for what
//! it signed before, too, as gpg has it.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicKey, Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::types::{Fingerprint, KeyDetails as _, Tag, Timestamp};

use super::refusal::Refusal;

/// A key of a certificate that may have signed.
#[derive(Debug)]
pub(super) enum Signer<'a> {
    Primary(&'a PublicKey),
    Subkey(&'a SignedPublicSubKey),
}

impl Signer<'_> {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Primary(key) => key.fingerprint(),
            Self::Subkey(subkey) => subkey.key.fingerprint(),
        }
    }

    /// When the key was made, in seconds since 1970.
    pub(super) fn created(&self) -> u64 {
        let time = match self {
            Self::Primary(key) => key.created_at(),
            Self::Subkey(subkey) => subkey.key.created_at(),
        };
        u64::from(time.as_secs())
    }
}

/// Why a signature never counts, whoever made it.
pub(super) fn flaw(signature: &Signature) -> Option<&'static str> {
    let Some(config) = signature.config() else {
        return Some("its version is unknown");
    };
    if config.hash_alg == HashAlgorithm::Md5 {
        return Some("it is made with MD5, which can be forged");
    }
    let unknown = config.hashed_subpackets().any(|packet| {
        packet.is_critical
            && matches!(
                packet.data,
                SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
            )
    });
    unknown.then_some("it has a critical part that is unknown")
}

/// Whether the key may sign now.
pub(super) fn judge(
    keys: &[SignedPublicKey],
    certificate: &SignedPublicKey,
    signer: &Signer<'_>,
    name: &str,
    now: u64,
) -> Result<(), Refusal> {
    let name = name.to_owned();
    if is_revoked(keys, certificate) {
        return Err(Refusal::Revoked(name));
    }
    let primary = Standing::of_primary(certificate)
        .ok_or_else(|| Refusal::Unfit(name.clone(), "is bound to no user by a valid signature"))?;
    primary.refuse_expired(&name, now)?;
    let standing = match signer {
        Signer::Primary(_) => primary,
        Signer::Subkey(subkey) => {
            let standing = Standing::of_subkey(certificate, subkey, &name)?;
            standing.refuse_expired(&name, now)?;
            standing
        }
    };
    if signer.created() > now {
        return Err(Refusal::Unfit(name, "was made in the future"));
    }
    if !standing.may_sign {
        return Err(Refusal::Unfit(name, "is not for signing"));
    }
    Ok(())
}

/// What the certificate says of one of its keys.
struct Standing {
    may_sign: bool,
    /// In seconds since 1970.
    expires: Option<u64>,
}

impl Standing {
    /// From the newest signature of the key on itself, else from those on its users.
    fn of_primary(certificate: &SignedPublicKey) -> Option<Self> {
        let key = &certificate.primary_key;
        let direct = newest(certificate.details.direct_signatures.iter().filter(|signature| {
            signature.typ() == Some(SignatureType::Key)
                && sound(signature)
                && signature.verify_key(key).is_ok()
        }));
        let mut users: Vec<&Signature> = certificate
            .details
            .users
            .iter()
            .filter_map(|user| {
                let own = user.signatures.iter().filter(|signature| {
                    sound(signature) && signature.verify_certification(key, Tag::UserId, &user.id).is_ok()
                });
                newest(own).filter(|signature| signature.typ() != Some(SignatureType::CertRevocation))
            })
            .collect();
        users.sort_by_key(|signature| std::cmp::Reverse(made(signature)));
        if direct.is_none() && users.is_empty() {
            return None;
        }
        let signatures = || direct.into_iter().chain(users.iter().copied());
        Some(Self {
            may_sign: signatures().find_map(flags).is_none_or(KeyFlags::sign),
            expires: signatures()
                .find_map(lifetime)
                .map(|lifetime| created(key) + lifetime),
        })
    }

    /// From the newest signature of the primary key on the subkey, which must have signed the primary key in turn.
    fn of_subkey(
        certificate: &SignedPublicKey,
        subkey: &SignedPublicSubKey,
        name: &str,
    ) -> Result<Self, Refusal> {
        let primary = &certificate.primary_key;
        let own = |typ: SignatureType| {
            let by_primary = move |signature: &&Signature| {
                signature.typ() == Some(typ)
                    && sound(signature)
                    && signature.verify_subkey_binding(primary, &subkey.key).is_ok()
            };
            subkey.signatures.iter().filter(by_primary)
        };
        if own(SignatureType::SubkeyRevocation).next().is_some() {
            return Err(Refusal::Revoked(name.to_owned()));
        }
        let unfit = |why| Refusal::Unfit(name.to_owned(), why);
        let binding = newest(own(SignatureType::SubkeyBinding))
            .ok_or_else(|| unfit("is not bound to its primary key"))?;
        let back = binding
            .embedded_signature()
            .is_some_and(|back| sound(back) && back.verify_primary_key_binding(&subkey.key, primary).is_ok());
        if !back {
            return Err(unfit("did not sign its primary key, so that anyone may claim it"));
        }
        let created = u64::from(subkey.key.created_at().as_secs());
        Ok(Self {
            may_sign: flags(binding).is_none_or(KeyFlags::sign),
            expires: lifetime(binding).map(|lifetime| created + lifetime),
        })
    }

    fn refuse_expired(&self, name: &str, now: u64) -> Result<(), Refusal> {
        match self.expires {
            Some(at) if at <= now => Err(Refusal::Expired(name.to_owned(), at)),
            _ => Ok(()),
        }
    }
}

/// Whether the owner of a certificate, or one whom the owner named for that, revoked it.
fn is_revoked(keys: &[SignedPublicKey], certificate: &SignedPublicKey) -> bool {
    let primary = &certificate.primary_key;
    let revokers = revokers(keys, certificate);
    certificate.details.revocation_signatures.iter().any(|signature| {
        signature.typ() == Some(SignatureType::KeyRevocation)
            && sound(signature)
            && (signature.verify_key(primary).is_ok()
                || revokers
                    .iter()
                    .any(|revoker| signature.verify_key_third_party(primary, *revoker).is_ok()))
    })
}

/// The keys at hand that the owner of a certificate lets revoke it.
fn revokers<'a>(keys: &'a [SignedPublicKey], certificate: &SignedPublicKey) -> Vec<&'a PublicKey> {
    let key = &certificate.primary_key;
    let mut fingerprints = Vec::new();
    for signature in &certificate.details.direct_signatures {
        if !sound(signature) || signature.verify_key(key).is_err() {
            continue;
        }
        let packets = signature
            .config()
            .into_iter()
            .flat_map(SignatureConfig::hashed_subpackets);
        fingerprints.extend(packets.filter_map(|packet| match &packet.data {
            SubpacketData::RevocationKey(revoker) => Some(revoker.fingerprint.clone()),
            _ => None,
        }));
    }
    let named = |key: &&PublicKey| {
        let own = key.fingerprint();
        fingerprints
            .iter()
            .any(|fingerprint| fingerprint[..] == *own.as_bytes())
    };
    keys.iter().map(|key| &key.primary_key).filter(named).collect()
}

fn sound(signature: &Signature) -> bool {
    flaw(signature).is_none()
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| made(signature))
}

fn made(signature: &Signature) -> u32 {
    signature.created().map_or(0, Timestamp::as_secs)
}

fn created(key: &PublicKey) -> u64 {
    u64::from(key.created_at().as_secs())
}

/// How long a key lasts from when it was made, in seconds; none where that is for ever.
fn lifetime(signature: &Signature) -> Option<u64> {
    signature
        .key_expiration_time()
        .map(|time| u64::from(time.as_secs()))
        .filter(|&seconds| seconds > 0)
}

/// What a key is for; none where nothing is said, which is for everything.
fn flags(signature: &Signature) -> Option<&KeyFlags> {
    signature
        .config()?
        .hashed_subpackets()
        .find_map(|packet| match &packet.data {
            SubpacketData::KeyFlags(flags) => Some(flags),
            _ => None,
        })
}
