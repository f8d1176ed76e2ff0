//! `ssh://` and the scp form, by an SSH client of our own process: no agent, no files, no configuration.

mod agent;
mod armor;
mod client;
mod key;
mod known_hosts;
mod pump;
mod short_scalar;

use std::borrow::Cow;
use std::io::{self, BufWriter, Read as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use concourse_resource_sdk::console::Console;
use concourse_resource_sdk::http::open_tunnel;
use russh::ChannelWriteHalf;
use russh::client::Msg;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use url::Url;

use self::agent::ForwardedAgent;
pub use self::key::{SshKey, SshKeyError};
pub use self::known_hosts::KnownHosts;
use crate::error::{Error, Result};
use crate::stream::{Connect, Connection};
use crate::wire::Service;

/// The port of SSH.
pub(crate) const PORT: u16 = 22;

/// For the connection, the handshake and the login, each. russh itself waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a silent server is asked whether it is still there; it is given up after four questions.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Bytes of what a program prints that are read.
const MOST_ANSWER: u64 = 1024 * 1024;

/// What is sent in one go.
const PIECE: usize = 32 * 1024;

/// What SSH connections are made with.
#[derive(Debug, Clone, Default)]
pub struct SshOptions {
    /// The key to log in with.
    pub key: Option<SshKey>,
    /// Lets the server have the key sign for it: agent forwarding, from within this process.
    pub forward_agent: bool,
    /// The user where the address names none; without it, who runs this process.
    pub user: Option<String>,
    /// The host keys that are trusted; without them any is, with a warning.
    pub known_hosts: Option<KnownHosts>,
    /// The HTTP proxy through which connections go, perhaps with a login.
    pub tunnel: Option<Url>,
    /// Whether it was said already that host keys are not checked; clones share it.
    pub is_told: Arc<AtomicBool>,
}

/// A git server behind SSH.
pub(crate) struct Ssh {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
    options: SshOptions,
    log: Console,
    runtime: Handle,
    /// The connection, which takes any number of channels.
    session: Option<Arc<russh::client::Handle<client::Client>>>,
}

impl Ssh {
    pub(crate) fn new(
        user: Option<String>,
        (host, port): (String, u16),
        path: String,
        options: SshOptions,
        log: Console,
    ) -> Self {
        let user = user.or_else(|| options.user.clone()).unwrap_or_else(own_user);
        Self {
            user,
            host,
            port,
            path,
            options,
            log,
            runtime: Handle::current(),
            session: None,
        }
    }

    /// The connection, made and logged in if there is none yet.
    async fn session(&mut self) -> Result<Arc<russh::client::Handle<client::Client>>> {
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        if self.options.known_hosts.is_none() && !self.options.is_told.swap(true, Ordering::Relaxed) {
            self.log
                .warn(format!("the host key of {} is not checked", self.host));
        }
        let stream = self.within("connect", self.dial()).await??;
        // Of no consequence if it fails.
        let _ = stream.set_nodelay(true);
        let client = client::Client::new(
            self.host.clone(),
            self.port,
            self.options.known_hosts.clone(),
            self.log.clone(),
        );
        let refusal = client.refusal();
        let client = client.with_agent(self.agent().await?);
        let session = russh::client::connect_stream(Arc::new(self.config()), stream, client);
        let session = self.within("shake hands", session).await?;
        let mut session = session.map_err(|error| match refusal.get() {
            Some(fingerprint) => Error::HostKey {
                host: self.host.clone(),
                fingerprint: fingerprint.clone(),
            },
            None => self.unreachable(&error.to_string()),
        })?;
        self.within("log in", self.log_in(&mut session)).await??;
        Ok(Arc::clone(self.session.insert(Arc::new(session))))
    }

    /// The agent that is forwarded, if one is.
    async fn agent(&self) -> Result<Option<ForwardedAgent>> {
        match &self.options.key {
            Some(key) if self.options.forward_agent => ForwardedAgent::start(key)
                .await
                .map(Some)
                .map_err(|error| self.unreachable(&format!("failed to start an agent: {error}"))),
            _ => Ok(None),
        }
    }

    async fn dial(&self) -> Result<TcpStream> {
        let Some(proxy) = &self.options.tunnel else {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
            return stream.map_err(|error| self.unreachable(&error.to_string()));
        };
        let target = if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        };
        open_tunnel(proxy, &target).await.map_err(|error| {
            let proxy = proxy.origin().ascii_serialization();
            self.unreachable(&format!("through the proxy {proxy}: {error}"))
        })
    }

    fn config(&self) -> russh::client::Config {
        let mut config = russh::client::Config {
            client_id: russh::SshId::Standard(Cow::Borrowed(concat!(
                "SSH-2.0-concourse_git_",
                env!("CARGO_PKG_VERSION")
            ))),
            keepalive_interval: Some(KEEPALIVE),
            keepalive_max: 4,
            window_size: 8 * 1024 * 1024,
            maximum_packet_size: 65_535,
            nodelay: true,
            ..russh::client::Config::default()
        };
        let pinned = self.options.known_hosts.as_ref();
        let pinned = pinned
            .map(|hosts| hosts.algorithms(&self.host, self.port))
            .unwrap_or_default();
        if !pinned.is_empty() {
            // A server has several keys: ask for one of those that are known.
            let kind = |algorithm: &russh::keys::Algorithm| std::mem::discriminant(algorithm);
            let mut order = config.preferred.key.to_vec();
            order.sort_by_key(|algorithm| !pinned.iter().any(|known| kind(known) == kind(algorithm)));
            config.preferred.key = Cow::Owned(order);
        }
        config
    }

    async fn log_in(&self, session: &mut russh::client::Handle<client::Client>) -> Result<()> {
        let outcome = match &self.options.key {
            Some(key) => {
                let hash = if key.0.algorithm().is_rsa() {
                    // What servers of today take; the old ssh-rsa only where the server says so.
                    let best = session.best_supported_rsa_hash().await;
                    best.map_err(|error| self.unreachable(&error.to_string()))?
                        .unwrap_or(Some(HashAlg::Sha256))
                } else {
                    None
                };
                let key = PrivateKeyWithHashAlg::new(Arc::clone(&key.0), hash);
                session.authenticate_publickey(&self.user, key).await
            }
            None => session.authenticate_none(&self.user).await,
        };
        match outcome {
            Ok(russh::client::AuthResult::Success) => Ok(()),
            Ok(russh::client::AuthResult::Failure { .. }) => Err(Error::SshLogin {
                user: self.user.clone(),
                host: self.host.clone(),
                sent: self.options.key.is_some(),
            }),
            Err(error) => Err(self.unreachable(&error.to_string())),
        }
    }

    /// What a program on the server prints, given this and the repository.
    pub(crate) fn ask(&mut self, program: &str, argument: &str) -> Result<Vec<u8>> {
        let command = format!("{program} {} {argument}", quoted(&self.path));
        let runtime = self.runtime.clone();
        let mut connection = runtime.block_on(self.open(command, false))?;
        drop(connection.writer);
        let mut answer = Vec::new();
        connection
            .reader
            .take(MOST_ANSWER)
            .read_to_end(&mut answer)
            .map_err(|error| Error::Broken(error.to_string()))?;
        if answer.is_empty() {
            let words = (connection.last_words)().unwrap_or_else(|| "it printed nothing".to_owned());
            return Err(Error::Broken(format!("{program} on {}: {words}", self.host)));
        }
        Ok(answer)
    }

    /// Runs a command on a channel of its own.
    async fn open(&mut self, command: String, version_2: bool) -> Result<Connection> {
        let session = self.session().await?;
        let broken = |error: russh::Error| Error::Broken(error.to_string());
        let channel = self
            .within("open a channel", session.channel_open_session())
            .await?;
        let channel = channel.map_err(broken)?;
        if version_2 {
            // Servers may refuse it, and then speak version 0.
            channel
                .set_env(false, "GIT_PROTOCOL", "version=2")
                .await
                .map_err(broken)?;
        }
        if self.options.forward_agent && self.options.key.is_some() {
            channel.agent_forward(false).await.map_err(broken)?;
        }
        channel.exec(true, command).await.map_err(broken)?;
        let (read, write) = channel.split();
        let (pieces, last_words) = pump::start(&self.runtime, read, self.log.clone());
        let writer = ChannelWriter {
            write: Some(write),
            runtime: self.runtime.clone(),
            _session: session,
        };
        Ok(Connection {
            reader: Box::new(pieces),
            writer: Box::new(BufWriter::with_capacity(PIECE, writer)),
            last_words,
        })
    }

    async fn within<T>(&self, doing: &str, work: impl Future<Output = T>) -> Result<T> {
        let outcome = timeout(PATIENCE, work).await;
        outcome
            .map_err(|_| self.unreachable(&format!("it took more than {} s to {doing}", PATIENCE.as_secs())))
    }

    fn unreachable(&self, why: &str) -> Error {
        Error::Unreachable {
            host: format!("{}:{}", self.host, self.port),
            why: why.to_owned(),
        }
    }
}

impl Connect for Ssh {
    fn connect(&mut self, service: Service, version_2: bool) -> Result<Connection> {
        let runtime = self.runtime.clone();
        let command = format!("{} {}", service.name(), quoted(&self.path));
        runtime.block_on(self.open(command, version_2))
    }
}

/// Writes into a channel.
struct ChannelWriter {
    write: Option<ChannelWriteHalf<Msg>>,
    runtime: Handle,
    /// The connection ends with its last user.
    _session: Arc<russh::client::Handle<client::Client>>,
}

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(write) = &self.write else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let piece = bytes::Bytes::copy_from_slice(&bytes[..bytes.len().min(PIECE)]);
        let count = piece.len();
        self.runtime
            .block_on(write.data_bytes(piece))
            .map_err(io::Error::other)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A path as one word of the remote shell, as git writes it.
fn quoted(path: &str) -> String {
    let mut word = String::from("'");
    for c in path.chars() {
        match c {
            '\'' | '!' => word.extend(["'\\", &c.to_string(), "'"]),
            c => word.push(c),
        }
    }
    word.push('\'');
    word
}

/// Who runs this process: what ssh takes for the user.
fn own_user() -> String {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mine = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&id.as_str()));
    mine.and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .unwrap_or_else(|| "root".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in [
            ("/srv/a b.git", "'/srv/a b.git'"),
            ("it's", "'it'\\''s'"),
            ("a!b", "'a'\\!'b'"),
            ("$(id)`x`;", "'$(id)`x`;'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }
}
