//! What a shim and the first process of its run say to each other: one JSON document per packet.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protocol::{receive, send_with_descriptor};

/// Longest packet.
pub(crate) const MAX_PACKET: usize = 128 * 1024;

/// From the shim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Polite signal; when the program has ended, what it started may end by itself.
    Stop,
    Signal {
        number: i32,
    },
    Exec {
        id: u64,
        argv: Vec<String>,
        timeout: Duration,
    },
    Connect {
        id: u64,
        port: u16,
    },
}

/// To the shim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The program was executed.
    Started,
    /// It could not be; the last report.
    Failed {
        code: Option<i32>,
        message: String,
    },
    /// It ended.
    Exited {
        code: Option<i32>,
        signal: Option<i32>,
    },
    ExecDone {
        id: u64,
        code: Option<i32>,
        message: Option<String>,
    },
    /// Comes with a descriptor.
    Connected {
        id: u64,
    },
    ConnectFailed {
        id: u64,
        message: String,
    },
}

pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a packet, or none of it: `WouldBlock` where the other side does not read.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    value: &T,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    if bytes.len() > MAX_PACKET {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the request is too long"));
    }
    if let Some(descriptor) = descriptor {
        send_with_descriptor(socket, &bytes, descriptor)?;
        return Ok(());
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let mut nothing = rustix::net::SendAncillaryBuffer::default();
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut nothing, flags)?;
    Ok(())
}

/// One packet; none when the other side has gone.
pub(crate) fn next<T: DeserializeOwned>(
    socket: impl AsFd,
    buffer: &mut [u8],
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut descriptors = Vec::new();
    let got = receive(socket, buffer, &mut descriptors)?;
    if got == 0 {
        return Ok(None);
    }
    let value = serde_json::from_slice(buffer.get(..got).unwrap_or_default())?;
    Ok(Some((value, descriptors.pop())))
}
