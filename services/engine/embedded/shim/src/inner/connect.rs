//! Connections to the run's own loopback, made from inside.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

/// How long a connection may take; loopback answers at once unless the backlog is full.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection on its way.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) id: u64,
    pub(super) socket: OwnedFd,
    pub(super) deadline: Instant,
}

impl Connecting {
    /// Begins one: IPv4 first, IPv6 where nothing listens there.
    pub(super) fn begin(id: u64, port: u16, now: Instant) -> io::Result<Self> {
        let socket = match dial(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Err(Errno::CONNREFUSED) => {
                // a host without IPv6 must not hide that the port is closed
                dial(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).map_err(|_| Errno::CONNREFUSED)
            }
            other => other,
        }?;
        Ok(Self { id, socket, deadline: now + PATIENCE })
    }

    /// The connected socket, once it is writable.
    pub(super) fn finish(self) -> io::Result<OwnedFd> {
        sockopt::socket_error(&self.socket)??;
        Ok(self.socket)
    }
}

fn dial(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}
