//! How SSH servers are reached and logged in to (CONTRACT 7).

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result, Secret};
use git_remote::{KnownHosts, SshKey, SshKeyError, SshOptions};
use url::Url;

use crate::access::Access;
use crate::config::HttpsTunnel;

/// CONTRACT 2: an unreadable key fails before any network access, whatever the address is.
pub(crate) fn options(access: &Access<'_>) -> Result<SshOptions> {
    Ok(SshOptions {
        key: key(access)?,
        forward_agent: access.forward_agent,
        user: access.private_key_user.map(str::to_owned),
        known_hosts: known_hosts(access)?,
        tunnel: access.https_tunnel.map(tunnel).transpose()?.flatten(),
        ..SshOptions::default()
    })
}

fn key(access: &Access<'_>) -> Result<Option<SshKey>> {
    let Some(key) = access.private_key else {
        return Ok(None);
    };
    let problem = match SshKey::parse(key, access.private_key_passphrase) {
        Ok(key) => return Ok(Some(key)),
        Err(SshKeyError::PassphraseMissing) => Error::config(
            "source.private_key",
            "Private key has a passphrase but private_key_passphrase has not been set.",
        )
        .verbatim(),
        Err(SshKeyError::PassphraseWrong) => {
            Error::config("source.private_key_passphrase", "does not fit source.private_key")
        }
        Err(SshKeyError::Public) => Error::config("source.private_key", "is a public key").hint(
            "paste the other file of the two, the one without .pub; its first line has the words PRIVATE KEY",
        ),
        Err(SshKeyError::Unreadable) => Error::config(
            "source.private_key",
            "is no private key in OpenSSH or PEM format, or it is damaged",
        )
        .hint("paste the whole file, with its first and last line; in YAML as a block: `private_key: |`"),
    };
    Err(problem)
}

fn known_hosts(access: &Access<'_>) -> Result<Option<KnownHosts>> {
    let Some(text) = access.known_hosts else {
        return Ok(None);
    };
    let hosts = KnownHosts::parse(text).map_err(|line| {
        Error::config("source.known_hosts", format!("line {line} makes no sense"))
            .hint("each line is a host, a kind of key and the key, as ssh-keyscan prints them")
    })?;
    Ok(Some(hosts))
}

/// CONTRACT 7: without host or port, connections are direct.
fn tunnel(tunnel: &HttpsTunnel) -> Result<Option<Url>> {
    let (Some(host), Some(port)) = (tunnel.proxy_host.non_empty(), tunnel.proxy_port.non_empty()) else {
        return Ok(None);
    };
    let wrong = |field: &str, value: &str| -> Error {
        Error::config(
            format!("source.https_tunnel.{field}"),
            format!("\"{value}\" cannot be used"),
        )
    };
    let port: u16 = port.trim().parse().map_err(|_| wrong("proxy_port", port))?;
    let url = Url::parse(&format!("http://{}", host.trim())).ok();
    let mut url = url
        .filter(|url| url.path() == "/")
        .ok_or_else(|| wrong("proxy_host", host))?;
    url.set_port(Some(port)).map_err(|()| wrong("proxy_host", host))?;
    if let Some(user) = tunnel.proxy_user.non_empty() {
        let password = tunnel.proxy_password.non_empty().map(Secret::expose);
        url.set_username(user)
            .and_then(|()| url.set_password(password))
            .map_err(|()| wrong("proxy_host", host))?;
    }
    Ok(Some(url))
}
