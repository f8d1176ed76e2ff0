//! Whether the commit that a get checks out is signed by a key that the source names: CONTRACT 5.5.

mod certificate;
mod keys;
mod keyserver;
mod openpgp;
mod refusal;
mod signed;
mod ssh;

use std::time::{SystemTime, UNIX_EPOCH};

use concourse_resource_sdk::{Context, Error, Result};
use git2::{ObjectType, Oid, Repository};

use self::keys::Keys;
use self::refusal::Refusal;
use self::signed::Signed;
use crate::config::Source;
use git_source::git_failed;

const OPENPGP: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
const X509: &[u8] = b"-----BEGIN SIGNED MESSAGE-----";

/// The keys, one of which must have signed.
#[derive(Debug)]
pub(crate) struct Verification {
    keys: Keys,
    /// In seconds since 1970.
    now: u64,
}

impl Verification {
    /// Reads the keys of the source and downloads those that it names; nothing where it names none.
    pub(crate) async fn prepare(cx: &Context, source: &Source) -> Result<Option<Self>> {
        let given = source.commit_verification_keys.0.as_deref().unwrap_or_default();
        let given: Vec<&str> = given.iter().filter_map(|key| key.non_empty()).collect();
        let ids = source
            .commit_verification_key_ids
            .0
            .as_deref()
            .unwrap_or_default();
        let ids: Vec<Option<&str>> = ids.iter().map(|id| id.non_empty()).collect();
        if given.is_empty() && ids.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut keys = Keys::read(cx, &given)?;
        keyserver::add(cx, source.gpg_keyserver.non_empty(), &ids, &mut keys).await?;
        let now = cx.now().duration_since(UNIX_EPOCH);
        Ok(Some(Self {
            keys,
            now: now.map_or(0, |now| now.as_secs()),
        }))
    }

    /// Fails unless one of the keys has signed the commit. `version` is what the commit was found by.
    pub(crate) fn check(
        &self,
        cx: &Context,
        repo: &Repository,
        commit: Oid,
        version: Option<&str>,
    ) -> Result<()> {
        let object = repo
            .odb()
            .and_then(|store| Ok(store.read(commit)?.data().to_vec()))
            .map_err(git_failed("read the commit to verify"))?;
        match self.signer(&object) {
            Ok(signer) => {
                cx.log()
                    .line(format!("The commit {commit} is signed by {signer}"));
                Ok(())
            }
            Err(refusal) => {
                let named = version.and_then(|version| named(repo, version)).unwrap_or(commit);
                Err(Error::remote(format!("The commit {named} is not signed"))
                    .cause(&refusal)
                    .hint(refusal.hint()))
            }
        }
    }

    /// Which key signed it.
    fn signer(&self, commit: &[u8]) -> Result<String, Refusal> {
        let signed = Signed::split(commit).ok_or(Refusal::Unsigned)?;
        if signed.signature.starts_with(OPENPGP) {
            openpgp::verify(&self.keys.openpgp, &signed, self.now)
        } else if signed.signature.starts_with(SSH) {
            ssh::verify(&self.keys.ssh, &signed)
        } else if signed.signature.starts_with(X509) {
            Err(Refusal::Kind("an X.509 signature"))
        } else {
            Err(Refusal::Kind("neither an OpenPGP nor an SSH signature"))
        }
    }
}

/// CONTRACT 5.5: the object that the version names, which for an annotated tag is the tag.
fn named(repo: &Repository, version: &str) -> Option<Oid> {
    let tag = repo.find_reference(&format!("refs/tags/{version}"));
    if let Ok(tag) = tag {
        return tag.target();
    }
    let object = repo.revparse_single(version).ok()?;
    matches!(object.kind(), Some(ObjectType::Commit | ObjectType::Tag)).then(|| object.id())
}

/// A time as OpenPGP has it, for people.
fn day(seconds: u64) -> String {
    let day = SystemTime::UNIX_EPOCH
        .checked_add(std::time::Duration::from_secs(seconds))
        .and_then(|time| jiff::Timestamp::try_from(time).ok())
        .map(|time| time.to_string());
    day.map_or_else(|| seconds.to_string(), |day| day.chars().take(10).collect())
}
