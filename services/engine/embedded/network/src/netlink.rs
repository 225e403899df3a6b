//! Netlink: messages, attributes, and a socket that sends them and reads the answers (RFC 3549, `linux/netlink.h`).

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

/// `NLM_F_REQUEST`
const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`
const ACK: u16 = 0x4;
/// `NLM_F_ROOT | NLM_F_MATCH`
const DUMP: u16 = 0x300;
/// `NLM_F_EXCL`: it must not exist.
pub(crate) const EXCLUSIVE: u16 = 0x200;
/// `NLM_F_CREATE`: it may be made.
pub(crate) const CREATE: u16 = 0x400;
/// `NLM_F_REPLACE`: it may be there already.
pub(crate) const REPLACE: u16 = 0x100;
/// `NLM_F_APPEND`: after what is there.
pub(crate) const APPEND: u16 = 0x800;

/// `NLMSG_ERROR`
const ERROR: u16 = 0x2;
/// `NLMSG_DONE`
const DONE: u16 = 0x3;
/// `NLM_F_DUMP_INTR`: what was read is not one state.
const INTERRUPTED: u16 = 0x10;
/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;
const HEADER: usize = 16;

/// A list of attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// One more attribute.
    pub(crate) fn put(mut self, kind: u16, value: &[u8]) -> Self {
        // every value here is a name, an address or a list of a few of them: far below the 64 KiB of the field
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        pad(&mut self.0);
        self
    }

    /// One more attribute that holds attributes.
    pub(crate) fn nest(self, kind: u16, inner: &Self) -> Self {
        self.put(kind | NESTED, &inner.0)
    }

    /// A number in network order, as netfilter has them.
    pub(crate) fn big(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// A string with its terminator.
    pub(crate) fn string(self, kind: u16, value: &str) -> Self {
        let mut bytes = Vec::with_capacity(value.len() + 1);
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
        self.put(kind, &bytes)
    }

    /// The bytes as they go into a message or an attribute.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A message without its sequence number.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Message {
    /// With the family's own header in front of the attributes.
    pub(crate) fn new(kind: u16, flags: u16, header: &[u8], attributes: &Attributes) -> Self {
        let mut body = header.to_vec();
        pad(&mut body);
        body.extend_from_slice(attributes.bytes());
        Self { kind, flags, body }
    }

    fn write(&self, out: &mut Vec<u8>, flags: u16, sequence: u32) {
        let length = u32::try_from(HEADER + self.body.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_ne_bytes());
        out.extend_from_slice(&self.kind.to_ne_bytes());
        out.extend_from_slice(&(self.flags | flags | REQUEST).to_ne_bytes());
        out.extend_from_slice(&sequence.to_ne_bytes());
        out.extend_from_slice(&0_u32.to_ne_bytes());
        out.extend_from_slice(&self.body);
        pad(out);
    }
}

/// A socket to one netlink family, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// Opens it; none is the routing family.
    pub(crate) fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let family = AddressFamily::NETLINK;
        let fd = rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        // an answer comes at once or never: do not wait for ever for one that was lost
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(Duration::from_secs(10)))?;
        // a whole table in one transaction; without the privilege the usual size stays
        let _ = sockopt::set_socket_send_buffer_size_force(&fd, 16 << 20);
        let _ = sockopt::set_socket_recv_buffer_size_force(&fd, 4 << 20);
        Ok(Self { fd, sequence: 0 })
    }

    /// Sends one message and waits until it was done or refused.
    pub(crate) fn request(&mut self, message: &Message) -> io::Result<()> {
        let sequence = self.send(message, ACK)?;
        loop {
            for part in Parts(&self.receive(RecvFlags::empty())?) {
                if part.sequence == sequence && part.kind == ERROR {
                    return part.outcome();
                }
            }
        }
    }

    /// Asks for a list, and gives the body of every entry.
    pub(crate) fn dump(&mut self, message: &Message) -> io::Result<Vec<Vec<u8>>> {
        // a list that changed while it was read is read again; it cannot change for ever
        for _ in 0..16 {
            if let Some(entries) = self.dump_once(message)? {
                return Ok(entries);
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    fn dump_once(&mut self, message: &Message) -> io::Result<Option<Vec<Vec<u8>>>> {
        let sequence = self.send(message, DUMP)?;
        let (mut entries, mut whole) = (Vec::new(), true);
        loop {
            for part in Parts(&self.receive(RecvFlags::empty())?) {
                if part.sequence != sequence {
                    continue;
                }
                whole &= part.flags & INTERRUPTED == 0;
                match part.kind {
                    DONE => return Ok(whole.then_some(entries)),
                    ERROR => part.outcome()?,
                    _ => entries.push(part.body.to_vec()),
                }
            }
        }
    }

    /// Sends messages that stand or fall together, as nftables takes them: it answers before the send returns.
    pub(crate) fn batch(&mut self, messages: &[Message]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for message in messages {
            self.sequence = self.sequence.wrapping_add(1);
            message.write(&mut bytes, 0, self.sequence);
        }
        rustix::net::send(&self.fd, &bytes, SendFlags::empty())?;
        let mut outcome = Ok(());
        loop {
            let answer = match self.receive(RecvFlags::DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return outcome,
                answer => answer?,
            };
            for part in Parts(&answer).filter(|part| part.kind == ERROR) {
                outcome = outcome.and(part.outcome());
            }
        }
    }

    fn send(&mut self, message: &Message, flags: u16) -> io::Result<u32> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(HEADER + message.body.len() + 4);
        message.write(&mut bytes, flags, self.sequence);
        rustix::net::send(&self.fd, &bytes, SendFlags::empty())?;
        Ok(self.sequence)
    }

    fn receive(&self, flags: RecvFlags) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; 64 << 10];
        let ((), length) = rustix::io::retry_on_intr(|| {
            rustix::net::recv(&self.fd, &mut buffer[..], flags).map(|(_, length)| ((), length))
        })?;
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// One message of an answer.
struct Part<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

impl Part<'_> {
    /// What an error message says; number 0 is success.
    fn outcome(&self) -> io::Result<()> {
        match number(self.body, 0) {
            Some(0) => Ok(()),
            Some(error) => Err(io::Error::from_raw_os_error(error.cast_signed().wrapping_neg())),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The messages in what was received.
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let length = number(self.0, 0)? as usize;
        let body = self.0.get(HEADER..length)?;
        let kind = half(self.0, 4)?;
        let flags = half(self.0, 6)?;
        let sequence = number(self.0, 8)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Part { kind, flags, sequence, body })
    }
}

/// The attributes in these bytes: kind without flags, and value.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes, 0)?);
        let kind = half(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Four bytes at an offset, as a number of this machine.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn attributes_come_back_as_they_were_put() {
        let inner = Attributes::new().big(7, 9);
        let list = Attributes::new().string(3, "lo").nest(18, &inner).put(1, &[1, 2, 3, 4, 5]);
        let read: Vec<_> = attributes(list.bytes()).collect();
        assert_eq!(read, [(3, &b"lo\0"[..]), (18, inner.bytes()), (1, &[1, 2, 3, 4, 5])]);
    }

    #[test]
    fn a_torn_answer_ends_the_reading() {
        let mut bytes = Vec::new();
        Message::new(ERROR, 0, &(-17_i32).to_ne_bytes(), &Attributes::new()).write(&mut bytes, 0, 5);
        let part = Parts(&bytes).next().unwrap();
        assert_eq!((part.sequence, part.outcome().unwrap_err().raw_os_error()), (5, Some(17)));
        for end in 0..bytes.len() {
            assert_eq!(Parts(&bytes[..end]).count(), 0, "{end}");
        }
        for end in 0..8 {
            assert_eq!(attributes(&Attributes::new().big(1, 2).bytes()[..end]).count(), 0);
        }
    }

    #[test]
    fn a_length_of_zero_does_not_loop() {
        assert_eq!(Parts(&[0; 64]).count(), 0);
        assert_eq!(attributes(&[0; 64]).count(), 0);
    }
}
