//! What is said to the server while the connection is made.

use std::sync::{Arc, OnceLock};

use concourse_resource_sdk::console::Console;
use russh::client::{ChannelOpenHandle, Msg, Session};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelOpenFailure};

use super::agent::ForwardedAgent;
use super::known_hosts::KnownHosts;

/// Judges the host key.
pub(super) struct Client {
    host: String,
    port: u16,
    known_hosts: Option<KnownHosts>,
    log: Console,
    refusal: Arc<OnceLock<String>>,
    agent: Option<ForwardedAgent>,
}

impl Client {
    pub(super) fn new(host: String, port: u16, known_hosts: Option<KnownHosts>, log: Console) -> Self {
        Self {
            host,
            port,
            known_hosts,
            log,
            refusal: Arc::default(),
            agent: None,
        }
    }

    /// Lets the server reach an agent.
    pub(super) fn with_agent(self, agent: Option<ForwardedAgent>) -> Self {
        Self { agent, ..self }
    }

    /// The fingerprint of the key that was refused, if one was.
    pub(super) fn refusal(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.refusal)
    }
}

impl russh::client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let Some(known) = &self.known_hosts else {
            return Ok(true);
        };
        // Certificates are not asked for.
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Ok(false);
        };
        let trusted = known.trusts(&self.host, self.port, key);
        if !trusted {
            let fingerprint = format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
            let _ = self.refusal.set(fingerprint);
        }
        Ok(trusted)
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(agent) = &self.agent {
            reply.accept().await;
            agent.connect(Box::new(channel.into_stream()));
        } else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        }
        Ok(())
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Self::Error> {
        let banner = banner.trim_end();
        if !banner.is_empty() {
            self.log.line(banner);
        }
        Ok(())
    }
}
