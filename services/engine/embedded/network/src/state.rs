//! What the kernel cannot remember: the range in use and the services with their addresses.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use durable::{Replace, Sync};
use serde::{Deserialize, Serialize};

use crate::{Error, Protocol, Subnet};

/// The newest form of the file.
const VERSION: u32 = 1;

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    version: u32,
    subnet: String,
    services: Vec<Service>,
}

/// An address of a job's port and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) tool: String,
    pub(crate) job: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// Replicas that take connections.
    pub(crate) ready: Vec<Ipv4Addr>,
}

/// Reads the file; none is none.
pub(crate) fn load(path: &Path) -> Result<Option<(Subnet, Vec<Service>)>, Error> {
    let bad = |reason: String| Error::State { path: path.to_owned(), reason };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(error.to_string())),
    };
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if saved.version != VERSION {
        return Err(bad(format!("version {} is not {VERSION}", saved.version)));
    }
    let subnet: Subnet = saved.subnet.parse().map_err(bad)?;
    if let Some(stray) = saved.services.iter().find(|service| !subnet.services().contains(service.address)) {
        return Err(bad(format!("{} is not an address of a service in {subnet}", stray.address)));
    }
    Ok(Some((subnet, saved.services)))
}

/// Replaces the file; a crash leaves the old one or the new one.
pub(crate) fn save(path: &Path, subnet: Subnet, services: Vec<Service>) -> io::Result<()> {
    let saved = Saved { version: VERSION, subnet: subnet.to_string(), services };
    Replace::mode(0o600).sync(Sync::Contents).write(path, &serde_json::to_vec(&saved)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn service() -> Service {
        Service {
            tool: "alpha".to_owned(),
            job: "web".to_owned(),
            address: Ipv4Addr::new(10, 90, 128, 3),
            port: 8000,
            protocol: Protocol::Udp,
            ready: vec![Ipv4Addr::new(10, 90, 0, 2)],
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("network.json");
        assert!(load(&path).unwrap().is_none());
        let subnet = "10.90.0.0/16".parse().unwrap();
        save(&path, subnet, vec![service()]).unwrap();
        assert_eq!(load(&path).unwrap(), Some((subnet, vec![service()])));
    }

    #[test]
    fn a_file_that_is_torn_or_newer_or_strange_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("network.json");
        save(&path, "10.90.0.0/16".parse().unwrap(), vec![service()]).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(load(&path).is_err(), "{end}");
        }
        let strange = [
            ("\"version\":1", "\"version\":2"),
            ("10.90.128.3", "192.0.2.1"),
            ("10.90.0.0/16", "10.90.0.1/16"),
            ("\"udp\"", "\"sctp\""),
        ];
        for (old, new) in strange {
            fs::write(&path, whole.replace(old, new)).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains("network.json"), "{error}");
        }
    }
}
