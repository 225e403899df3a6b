//! How this process reaches a port of an instance.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::link::Link;

/// A way to an instance.
#[derive(Clone, Debug)]
pub(crate) enum Dial {
    /// By its address; without addresses that is the machine's loopback.
    Address(Ipv4Addr),
    /// Its shim connects inside the instance's own network and hands the socket over.
    Link(Arc<Link>),
}

impl Dial {
    /// Connects to a TCP port of the instance.
    pub(crate) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        match self {
            Self::Address(address) => TcpStream::connect(SocketAddrV4::new(*address, port)).await,
            Self::Link(link) => link.dial(port).await,
        }
    }
}
