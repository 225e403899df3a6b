//! Where connections come from, and what each kind proves of its peer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, UnixListener};

use crate::identity::{Peer, Principal};
use crate::memory;
use crate::transport::BoxIo;

/// A place that connections come from.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(feature = "tls")]
    Tls(TcpListener, Arc<crate::identity::tls::Server>),
    Cleartext(TcpListener),
    Unix(UnixListener, Principal),
    Memory(memory::Listener),
}

/// A connection as it was accepted; TLS is still to come.
pub(super) struct Accepted {
    pub(super) io: BoxIo,
    pub(super) peer: Peer,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<crate::identity::tls::Server>>,
}

impl Listener {
    /// TLS: the peer is who its certificate says, nobody where it shows none.
    #[cfg(feature = "tls")]
    pub fn tls(listener: TcpListener, tls: Arc<crate::identity::tls::Server>) -> Self {
        Self(Kind::Tls(listener, tls))
    }

    /// HTTP/2 in clear: every peer is nobody, on loopback too.
    pub fn h2c(listener: TcpListener) -> Self {
        Self(Kind::Cleartext(listener))
    }

    /// A Unix socket: whoever may open it is `identity`; the modes of the file and its directory are the lock.
    pub fn unix(listener: UnixListener, identity: Principal) -> Self {
        Self(Kind::Unix(listener, identity))
    }

    /// Connections of this process: the peer is who the connector was made for.
    pub fn memory(listener: memory::Listener) -> Self {
        Self(Kind::Memory(listener))
    }
}

/// What the accept loop needs of a listener.
pub(super) trait Accept: Send {
    /// The next connection.
    fn accept(&mut self, user_timeout: Duration) -> impl Future<Output = io::Result<Accepted>> + Send;

    /// Closes one connection that waits, when there are no descriptors to serve it.
    fn reject(&mut self);
}

impl Accept for Listener {
    async fn accept(&mut self, user_timeout: Duration) -> io::Result<Accepted> {
        match &mut self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(listener, tls) => {
                Ok(Accepted { tls: Some(Arc::clone(tls)), ..tcp(listener, user_timeout).await? })
            }
            Kind::Cleartext(listener) => tcp(listener, user_timeout).await,
            Kind::Unix(listener, identity) => {
                let (stream, _) = listener.accept().await?;
                Ok(plain(Box::new(stream), Peer { principal: identity.clone(), from: Arc::from("unix") }))
            }
            Kind::Memory(listener) => {
                let (stream, peer) = listener.accept().await;
                Ok(plain(Box::new(stream), peer))
            }
        }
    }

    fn reject(&mut self) {
        match &mut self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(listener, _) => drop(listener.accept().now_or_never()),
            Kind::Cleartext(listener) => drop(listener.accept().now_or_never()),
            Kind::Unix(listener, _) => drop(listener.accept().now_or_never()),
            Kind::Memory(_) => {}
        }
    }
}

async fn tcp(listener: &TcpListener, user_timeout: Duration) -> io::Result<Accepted> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let millis = u32::try_from(user_timeout.as_millis()).unwrap_or(u32::MAX);
    rustix::net::sockopt::set_tcp_user_timeout(&stream, millis)?;
    Ok(plain(Box::new(stream), Peer::anonymous(address.to_string())))
}

fn plain(io: BoxIo, peer: Peer) -> Accepted {
    Accepted {
        io,
        peer,
        #[cfg(feature = "tls")]
        tls: None,
    }
}
