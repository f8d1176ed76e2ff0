//! Agent forwarding: the server may have the one key sign, and never sees it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream;
use russh::keys::agent::client::AgentClient;
use russh::keys::agent::server::{Agent, MessageType, serve};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::sync::mpsc;

use super::SshKey;

/// A connection to the agent.
pub(super) trait Both: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Both for T {}

/// An agent in this process.
#[derive(Clone)]
pub(super) struct ForwardedAgent {
    connections: mpsc::UnboundedSender<Box<dyn Both>>,
}

impl ForwardedAgent {
    /// Starts one that has one key. It ends with the last of its handles.
    pub(super) async fn start(key: &SshKey) -> Result<Self, russh::keys::Error> {
        let (connections, receiver) = mpsc::unbounded_channel::<Box<dyn Both>>();
        let is_sealed = Arc::new(AtomicBool::new(false));
        let incoming = stream::unfold(receiver, |mut receiver| async {
            let connection = receiver.recv().await?;
            Some((io::Result::Ok(connection), receiver))
        });
        let agent = OneKey {
            is_sealed: Arc::clone(&is_sealed),
        };
        tokio::spawn(serve(Box::pin(incoming), agent));
        let agent = Self { connections };
        let (own, other) = duplex(64 * 1024);
        agent.connect(Box::new(other));
        AgentClient::connect(own).add_identity(&key.0, &[]).await?;
        is_sealed.store(true, Ordering::Relaxed);
        Ok(agent)
    }

    /// Serves somebody who asks.
    pub(super) fn connect(&self, connection: Box<dyn Both>) {
        // It fails only when the agent has ended, and then nobody waits for it.
        let _ = self.connections.send(connection);
    }
}

/// What may be asked of the agent.
#[derive(Clone)]
struct OneKey {
    /// It has its key: nobody changes that any more.
    is_sealed: Arc<AtomicBool>,
}

impl Agent for OneKey {
    async fn confirm_request(&self, message: MessageType) -> bool {
        match message {
            MessageType::RequestKeys | MessageType::Sign => true,
            MessageType::AddKeys => !self.is_sealed.load(Ordering::Relaxed),
            MessageType::RemoveKeys
            | MessageType::RemoveAllKeys
            | MessageType::Lock
            | MessageType::Unlock => false,
        }
    }
}
