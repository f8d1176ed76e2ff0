//! Keys that the source names by their ids, from a keyserver: the HTTP Keyserver Protocol.

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::http::{HttpClient, Redirects, Reply};
use concourse_resource_sdk::{Context, Error, Result};
use pgp::composed::SignedPublicKey;
use pgp::types::{Fingerprint, KeyDetails, KeyId};
use url::Url;

use super::keys::{Keys, openpgp_keys};
use super::openpgp::hex;

/// CONTRACT 5.5: the exit status of keys that cannot be downloaded.
const DOWNLOAD_EXIT: u8 = 123;
/// CONTRACT 2.
const DEFAULT: &str = "hkp://keyserver.ubuntu.com/";
const HKP_PORT: u16 = 11371;
/// Keys of well-known people have thousands of signatures of others.
const MOST_BYTES: usize = 16 << 20;
const MOST_REDIRECTS: usize = 5;
/// Digits of ids that anyone can make a key for.
const FORGEABLE: usize = 8;

/// Adds the keys of these ids; those that are empty are left out.
pub(super) async fn add(
    cx: &Context,
    keyserver: Option<&str>,
    ids: &[Option<&str>],
    keys: &mut Keys,
) -> Result<()> {
    let mut wanted = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        if let Some(id) = id {
            wanted.push(Id::parse(
                &format!("source.commit_verification_key_ids[{index}]"),
                id,
            )?);
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let server = Keyserver::new(cx, keyserver.unwrap_or(DEFAULT))?;
    for id in wanted {
        if id.0.len() == FORGEABLE {
            cx.log().warn(format!(
                "the key id {} is so short that anyone can make a key that has it: give the whole fingerprint",
                id.0
            ));
        }
        for key in server
            .download(&id)
            .await
            .map_err(|error| error.exit(DOWNLOAD_EXIT))?
        {
            cx.log().line(format!(
                "got OpenPGP key {:X} from {}",
                key.fingerprint(),
                server.address
            ));
            keys.add_openpgp(key);
        }
    }
    Ok(())
}

/// A key id or a fingerprint, in upper-case hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
struct Id(String);

impl Id {
    fn parse(path: &str, text: &str) -> Result<Self> {
        let digits: String = text.split_whitespace().collect();
        let digits = digits
            .strip_prefix("0x")
            .or(digits.strip_prefix("0X"))
            .unwrap_or(&digits);
        if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && matches!(digits.len(), 8 | 16 | 40 | 64) {
            return Ok(Self(digits.to_ascii_uppercase()));
        }
        let message = format!(
            "\"{}\" is no key id: it has 8, 16 or 40 hexadecimal digits",
            text.trim()
        );
        Err(Error::config(path, message).exit(DOWNLOAD_EXIT))
    }

    /// Whether the key has it, or one of its subkeys: a keyserver may send any key.
    fn is_of(&self, key: &SignedPublicKey) -> bool {
        self.fits(&key.fingerprint(), key.legacy_key_id())
            || key
                .public_subkeys
                .iter()
                .any(|subkey| self.fits(&subkey.key.fingerprint(), subkey.key.legacy_key_id()))
    }

    fn fits(&self, fingerprint: &Fingerprint, id: KeyId) -> bool {
        if self.0.len() > 16 {
            return self.0 == format!("{fingerprint:X}");
        }
        hex(id.as_ref()).ends_with(&self.0)
    }
}

struct Keyserver {
    /// As it was given, without what might be a login.
    address: String,
    lookup: Url,
    http: HttpClient,
}

impl Keyserver {
    fn new(cx: &Context, address: &str) -> Result<Self> {
        let lookup = lookup(address)
            .map_err(|message| Error::config("source.gpg_keyserver", message).exit(DOWNLOAD_EXIT))?;
        Ok(Self {
            address: concourse_resource_sdk::http::origin(&lookup),
            lookup,
            // Where the server is trusted to have the right key, another is not.
            http: cx
                .http()
                .redirects(Redirects::SameOrigin(MOST_REDIRECTS))
                .build()?,
        })
    }

    async fn download(&self, id: &Id) -> Result<Vec<SignedPublicKey>> {
        let failed = |cause: String| {
            Error::remote(format!("failed to get the key {} from {}", id.0, self.address))
                .cause(cause)
                .hint("see source.gpg_keyserver; a key in source.commit_verification_keys needs no keyserver")
        };
        let mut url = self.lookup.clone();
        url.query_pairs_mut()
            .append_pair("op", "get")
            .append_pair("options", "mr")
            .append_pair("search", &format!("0x{}", id.0));
        let request = self.http.client().get(url);
        let response = match self.http.send_retrying(request).await {
            Ok(response) => response,
            Err(error) => return Err(failed(error.to_string())),
        };
        let (reply, broken) = Reply::read(response, MOST_BYTES).await;
        if let Some(broken) = broken {
            return Err(failed(self.http.explain(&broken).to_string()));
        }
        if !reply.status.is_success() {
            return Err(failed(format!("the server answered {}", reply.status)));
        }
        if reply.body.len() >= MOST_BYTES {
            return Err(failed(format!(
                "the answer has more than {} MiB",
                MOST_BYTES >> 20
            )));
        }
        let mut keys = openpgp_keys(&reply.body);
        keys.retain(|key| id.is_of(key));
        if keys.is_empty() {
            return Err(failed("no such key is in the answer".to_owned()));
        }
        Ok(keys)
    }
}

/// The address of look-ups on a keyserver.
fn lookup(address: &str) -> Result<Url, String> {
    let (scheme, rest) = address
        .trim()
        .split_once("://")
        .ok_or_else(|| format!("\"{address}\" is no address: it begins with hkp:// or hkps://"))?;
    let (http, port) = match scheme.to_ascii_lowercase().as_str() {
        "hkp" => ("http", Some(HKP_PORT)),
        "hkps" | "https" => ("https", None),
        "http" => ("http", None),
        _ => {
            return Err(format!(
                "keyservers by {scheme}:// cannot be asked, only hkp:// and hkps://"
            ));
        }
    };
    let parsed = Url::parse(&format!("{http}://{}", rest.trim_end_matches('/')));
    let mut url = parsed.map_err(|error| format!("\"{address}\" is no address: {error}"))?;
    if let (None, Some(port)) = (url.port(), port)
        // Of an address that says :80, the URL does not keep it.
        && !rest.split('/').next().is_some_and(|host| host.ends_with(":80"))
        && url.set_port(Some(port)).is_err()
    {
        return Err(format!("\"{address}\" is no address: it has no host"));
    }
    let path = format!("{}/pks/lookup", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_keyservers() {
        for (address, expected) in [
            (DEFAULT, "http://keyserver.ubuntu.com:11371/pks/lookup"),
            ("hkp://k", "http://k:11371/pks/lookup"),
            ("hkp://k:80/", "http://k/pks/lookup"),
            ("hkp://[::1]:8080", "http://[::1]:8080/pks/lookup"),
            ("hkps://k", "https://k/pks/lookup"),
            ("HKPS://k:8443/below/", "https://k:8443/below/pks/lookup"),
            ("https://k", "https://k/pks/lookup"),
            ("http://k", "http://k/pks/lookup"),
        ] {
            assert_eq!(
                lookup(address).as_ref().map(Url::as_str),
                Ok(expected),
                "{address}"
            );
        }
        for address in ["k.example", "ldap://k", "hkp://", "hkps://:1"] {
            assert!(lookup(address).is_err(), "{address}");
        }
    }

    #[test]
    fn ids_are_hexadecimal() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        for (text, expected) in [
            (digits, Some(digits.to_uppercase())),
            ("0xdeadbeefdeadbeef", Some("DEADBEEFDEADBEEF".to_owned())),
            (" DEAD BEEF ", Some("DEADBEEF".to_owned())),
            ("ada@ex.org", None),
            ("deadbee", None),
            ("0xg0000000", None),
        ] {
            assert_eq!(Id::parse("x", text).ok().map(|id| id.0), expected, "{text}");
        }
    }
}
