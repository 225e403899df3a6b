//! Descriptors over a Unix socket (`SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Most descriptors taken with one read; the kernel closes what does not fit.
const MAX_DESCRIPTORS: usize = 8;

/// Reads bytes into `buffer` and appends descriptors that came with them. 0 bytes: the other side has closed.
///
/// It does what the socket does: a non-blocking one gives `WouldBlock`. With an asynchronous runtime, call it inside
/// the runtime's `try_io`.
pub fn receive<Fd: AsFd>(socket: Fd, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok(got.bytes)
}

/// Writes bytes with a descriptor attached to the first of them. Returns how many bytes were taken (at least one).
pub(crate) fn send_with_descriptor<Fd: AsFd>(
    socket: Fd,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights = [descriptor];
    ancillary.push(SendAncillaryMessage::ScmRights(&rights));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags)?)
}
