//! The part of a source's fields that says how its repository is reached.

use concourse_resource_sdk::Secret;

use crate::config::{GitConfigEntry, HttpsTunnel};

/// The fields of a source that say how a repository is reached; none where a field was not given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Access<'a> {
    /// Address of the repository.
    pub uri: Option<&'a str>,
    /// Branch to follow.
    pub branch: Option<&'a str>,
    /// Login name for HTTP(S).
    pub username: Option<&'a str>,
    /// Password for HTTP(S).
    pub password: Option<&'a Secret>,
    /// SSH key.
    pub private_key: Option<&'a Secret>,
    /// Passphrase of the SSH key.
    pub private_key_passphrase: Option<&'a Secret>,
    /// SSH user, where the address names none.
    pub private_key_user: Option<&'a str>,
    /// Whether SSH servers may log in elsewhere with the key.
    pub forward_agent: bool,
    /// Lines of a `known_hosts` file.
    pub known_hosts: Option<&'a str>,
    /// HTTP proxy for SSH connections.
    pub https_tunnel: Option<&'a HttpsTunnel>,
    /// Git configuration.
    pub git_config: &'a [GitConfigEntry],
    /// Whether any TLS certificate is accepted.
    pub skip_ssl_verification: bool,
}
