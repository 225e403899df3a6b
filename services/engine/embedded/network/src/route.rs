//! Interfaces, addresses and routes by rtnetlink (`linux/rtnetlink.h`, `linux/if_link.h`).

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Subnet;
use crate::netlink::{Attributes, CREATE, EXCLUSIVE, Message, REPLACE, Socket, attributes, number};

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const GET_ROUTE: u16 = 26;

const IFLA_NAME: u16 = 3;
const IFLA_LINK_INFO: u16 = 18;
const IFLA_ALIAS: u16 = 20;
const IFLA_NAMESPACE_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_PEER: u16 = 1;
const RTA_DESTINATION: u16 = 1;
const RTA_INTERFACE: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_SOURCE: u16 = 7;

const INET: u8 = 2;
const UP: u32 = 1;
const MAIN_TABLE: u8 = 254;
/// `RTPROT_STATIC`: made by an administrator's program.
const STATIC: u8 = 4;
const SCOPE_LINK: u8 = 253;
const SCOPE_UNIVERSE: u8 = 0;
const UNICAST: u8 = 1;
const UNREACHABLE: u8 = 7;

/// An interface.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
}

/// Routing requests in one network namespace.
#[derive(Debug)]
pub(crate) struct Routing(Socket);

impl Routing {
    /// In the namespace of this thread.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(None).map(Self)
    }

    /// Every interface.
    pub(crate) fn links(&mut self) -> io::Result<Vec<Link>> {
        let request = Message::new(GET_LINK, 0, &link_header(0, 0), &Attributes::new());
        Ok(self.0.dump(&request)?.iter().filter_map(|body| read_link(body)).collect())
    }

    /// The number of the interface of this name.
    pub(crate) fn link_index(&mut self, name: &str) -> io::Result<u32> {
        let found = self.links()?.into_iter().find(|link| link.name == name);
        found.map(|link| link.index).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// A pair: one end here under `name`, the other as `peer` in the namespace. Neither is up.
    pub(crate) fn add_pair(&mut self, name: &str, peer: &str, namespace: BorrowedFd<'_>) -> io::Result<()> {
        let far = Attributes::new()
            .string(IFLA_NAME, peer)
            .put(IFLA_NAMESPACE_FD, &namespace.as_raw_fd().to_ne_bytes());
        let mut far_end = link_header(0, 0).to_vec();
        far_end.extend_from_slice(far.bytes());
        let info = Attributes::new()
            .string(IFLA_INFO_KIND, "veth")
            .nest(IFLA_INFO_DATA, &Attributes::new().put(VETH_PEER, &far_end));
        let pair = Attributes::new().string(IFLA_NAME, name).nest(IFLA_LINK_INFO, &info);
        self.0.request(&Message::new(NEW_LINK, CREATE | EXCLUSIVE, &link_header(0, 0), &pair))
    }

    /// Removes an interface, and with it its addresses, its routes and the other end; one that is gone is fine.
    pub(crate) fn delete_link(&mut self, name: &str) -> io::Result<()> {
        let named = Attributes::new().string(IFLA_NAME, name);
        match self.0.request(&Message::new(DELETE_LINK, 0, &link_header(0, 0), &named)) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error()) => Ok(()),
            outcome => outcome,
        }
    }

    /// Takes an interface up.
    pub(crate) fn up(&mut self, index: u32) -> io::Result<()> {
        self.0.request(&Message::new(NEW_LINK, 0, &link_header(index, UP), &Attributes::new()))
    }

    /// Writes a text of ours on an interface.
    pub(crate) fn set_alias(&mut self, index: u32, alias: &str) -> io::Result<()> {
        let alias = Attributes::new().string(IFLA_ALIAS, alias);
        self.0.request(&Message::new(NEW_LINK, 0, &link_header(index, 0), &alias))
    }

    /// Gives an interface a single address.
    pub(crate) fn add_address(&mut self, index: u32, address: Ipv4Addr) -> io::Result<()> {
        let mut header = vec![INET, 32, 0, SCOPE_UNIVERSE];
        header.extend_from_slice(&index.to_ne_bytes());
        let both = Attributes::new().put(1, &address.octets()).put(2, &address.octets());
        self.0.request(&Message::new(NEW_ADDRESS, CREATE | REPLACE, &header, &both))
    }

    /// A single address is on the other end of an interface.
    pub(crate) fn add_neighbour_route(
        &mut self,
        index: u32,
        address: Ipv4Addr,
        source: Ipv4Addr,
    ) -> io::Result<()> {
        let route = Attributes::new()
            .put(RTA_DESTINATION, &address.octets())
            .put(RTA_INTERFACE, &index.to_ne_bytes())
            .put(RTA_SOURCE, &source.octets());
        self.add_route(&route_header(32, SCOPE_LINK, UNICAST), &route)
    }

    /// Everything else is behind this address on the interface.
    pub(crate) fn add_default_route(&mut self, index: u32, gateway: Ipv4Addr) -> io::Result<()> {
        let route =
            Attributes::new().put(RTA_GATEWAY, &gateway.octets()).put(RTA_INTERFACE, &index.to_ne_bytes());
        self.add_route(&route_header(0, SCOPE_UNIVERSE, UNICAST), &route)
    }

    /// What no narrower route covers of this range leads nowhere: nothing for it leaves the machine.
    pub(crate) fn add_unreachable(&mut self, range: Subnet) -> io::Result<()> {
        self.add_route(&route_header(range.bits(), SCOPE_UNIVERSE, UNREACHABLE), &destination(range))
    }

    /// Takes that back; one that is gone is fine.
    pub(crate) fn delete_unreachable(&mut self, range: Subnet) -> io::Result<()> {
        let header = route_header(range.bits(), SCOPE_UNIVERSE, UNREACHABLE);
        match self.0.request(&Message::new(DELETE_ROUTE, 0, &header, &destination(range))) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(()),
            outcome => outcome,
        }
    }

    /// The ranges that IPv4 routes lead to, default routes left out.
    pub(crate) fn routed(&mut self) -> io::Result<Vec<Subnet>> {
        let request = Message::new(GET_ROUTE, 0, &route_header(0, 0, 0), &Attributes::new());
        let bodies = self.0.dump(&request)?;
        Ok(bodies.iter().filter_map(|body| read_route(body)).collect())
    }

    fn add_route(&mut self, header: &[u8; 12], route: &Attributes) -> io::Result<()> {
        self.0.request(&Message::new(NEW_ROUTE, CREATE | REPLACE, header, route))
    }
}

fn destination(range: Subnet) -> Attributes {
    Attributes::new().put(RTA_DESTINATION, &range.base().octets())
}

/// `struct ifinfomsg`
fn link_header(index: u32, up: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&up.to_ne_bytes());
    header[12..16].copy_from_slice(&up.to_ne_bytes());
    header
}

/// `struct rtmsg`
const fn route_header(bits: u8, scope: u8, kind: u8) -> [u8; 12] {
    [INET, bits, 0, 0, MAIN_TABLE, STATIC, scope, kind, 0, 0, 0, 0]
}

fn read_link(body: &[u8]) -> Option<Link> {
    let mut link = Link { index: number(body, 4)?, name: String::new(), alias: None };
    for (kind, value) in attributes(body.get(16..)?) {
        match kind {
            IFLA_NAME => link.name = text(value)?,
            IFLA_ALIAS => link.alias = text(value),
            _ => {}
        }
    }
    Some(link)
}

fn read_route(body: &[u8]) -> Option<Subnet> {
    let (family, bits) = (*body.first()?, *body.get(1)?);
    let (_, value) = attributes(body.get(12..)?).find(|(kind, _)| *kind == RTA_DESTINATION)?;
    let address: [u8; 4] = value.try_into().ok()?;
    (family == INET && bits > 0).then(|| Subnet::new(Ipv4Addr::from(address), bits))
}

fn text(value: &[u8]) -> Option<String> {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8(value[..end].to_vec()).ok()
}
