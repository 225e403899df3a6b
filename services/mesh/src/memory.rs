//! Connections inside a process, for services that live in one: the same HTTP/2, layers and identities as over sockets.

use std::io;
use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::identity::{Peer, Principal};

/// Bytes that wait in a pipe before its writer does.
const PIPE: usize = 64 * 1024;

/// Connections that wait to be accepted.
const BACKLOG: usize = 128;

/// The accepting side.
#[derive(Debug)]
pub struct Listener {
    incoming: mpsc::Receiver<(DuplexStream, Peer)>,
}

/// The connecting side. It carries the identity that its connections have: whoever composes the process vouches for it.
#[derive(Clone, Debug)]
pub struct Connector {
    outgoing: mpsc::Sender<(DuplexStream, Peer)>,
    principal: Principal,
}

/// A listener, and a connector whose connections are `identity`.
pub fn pair(identity: Principal) -> (Listener, Connector) {
    let (outgoing, incoming) = mpsc::channel(BACKLOG);
    (Listener { incoming }, Connector { outgoing, principal: identity })
}

impl Listener {
    /// The next connection; pending for ever once every connector is gone.
    pub async fn accept(&mut self) -> (DuplexStream, Peer) {
        match self.incoming.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }
}

impl Connector {
    /// A connector to the same listener whose connections are another identity.
    pub fn identified_as(&self, identity: Principal) -> Self {
        Self { outgoing: self.outgoing.clone(), principal: identity }
    }

    /// Whom its connections are.
    pub fn identity(&self) -> &Principal {
        &self.principal
    }

    /// Opens a connection; refused once the listener is gone.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let peer = Peer { principal: self.principal.clone(), from: Arc::from("memory") };
        let refused =
            |_| io::Error::new(io::ErrorKind::ConnectionRefused, "the listener in this process is gone");
        self.outgoing.send((theirs, peer)).await.map_err(refused)?;
        Ok(ours)
    }
}
