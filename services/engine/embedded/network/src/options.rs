//! What an operator may choose about the network.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Subnet;

/// What an operator may choose. The default suits one platform on one machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// The range of addresses, a /12 to /24; the lower half is for instances, the upper for services. None: a
    /// `10.x.0.0/16` that overlaps no route of the machine. A range once used is kept while its state is.
    pub subnet: Option<Subnet>,
    /// The domain after `svc` in the names of jobs (contract 8.3).
    pub domain: String,
    /// Sockets of the machine that instances may connect to (TCP); every other local address is refused to them.
    pub reachable: Vec<SocketAddrV4>,
    /// Ranges that instances may not reach. The default is the link-local range, where clouds keep credentials.
    pub refused: Vec<Subnet>,
    /// The file that names the machine's name servers; instances may ask those, wherever they are.
    pub resolv_conf: PathBuf,
    /// Tools whose instances may be reached by another tool, beside its own.
    pub allow: Vec<Allow>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            subnet: None,
            domain: "cluster.local".to_owned(),
            reachable: Vec::new(),
            refused: vec![Subnet::new(Ipv4Addr::new(169, 254, 0, 0), 16)],
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            allow: Vec::new(),
        }
    }
}

/// One tool may reach the instances and services of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The tool that connects.
    pub from: String,
    /// The tool that is connected to.
    pub to: String,
}

/// The transport of a service's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Its number in an IP header (IANA).
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}
