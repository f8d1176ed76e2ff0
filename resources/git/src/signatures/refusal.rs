//! Why a commit does not count as signed.

use std::fmt;

use super::day;

/// Why a signature, or its absence, is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The commit has no signature.
    Unsigned,
    /// The signature is of a kind that is not looked at.
    Kind(&'static str),
    /// The signature cannot be read, or has what must not be ignored.
    Unreadable(String),
    /// None of the keys made it; who did, as far as the signature says.
    UnknownKey(Option<String>),
    /// It does not fit the commit.
    Bad(String),
    /// The key, or its primary key, was revoked.
    Revoked(String),
    /// The key expired at this time.
    Expired(String, u64),
    /// The signature itself expired at this time.
    SignatureExpired(String, u64),
    /// The key is not for signing, or its owner did not bind it.
    Unfit(String, &'static str),
}

impl Refusal {
    /// What can be done about it.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Unsigned => {
                "only signed commits pass while source.commit_verification_keys or _key_ids are set"
            }
            Self::Kind(_) | Self::Unreadable(_) => "sign commits with an OpenPGP or SSH key",
            Self::UnknownKey(_) => {
                "if it is to be trusted, add the key to source.commit_verification_keys, or its id to commit_verification_key_ids"
            }
            Self::Bad(_) => "the commit is not what was signed: do not trust it",
            Self::Revoked(_) => "the owner of the key declared it invalid: do not trust what it signs",
            Self::Expired(..) => "if its owner extended the key, give the new text of it",
            Self::SignatureExpired(..) => "sign the commit anew",
            Self::Unfit(..) => "sign with a key that is made for signing",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("it has no signature"),
            Self::Kind(kind) => write!(f, "its signature is {kind}, which is not looked at"),
            Self::Unreadable(why) => write!(f, "its signature cannot be used: {why}"),
            Self::UnknownKey(None) => f.write_str("its signature does not name a key"),
            Self::UnknownKey(Some(key)) => {
                write!(
                    f,
                    "it is signed by {key}, which is none of the keys that the source names"
                )
            }
            Self::Bad(key) => write!(
                f,
                "the signature by {key} is wrong: it was made for other content"
            ),
            Self::Revoked(key) => write!(f, "it is signed by {key}, which was revoked"),
            Self::Expired(key, at) => write!(f, "it is signed by {key}, which expired on {}", day(*at)),
            Self::SignatureExpired(key, at) => {
                write!(f, "the signature by {key} expired on {}", day(*at))
            }
            Self::Unfit(key, why) => write!(f, "it is signed by {key}, which {why}"),
        }
    }
}
