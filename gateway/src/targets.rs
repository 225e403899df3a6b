//! From the backends of the command line to channels: one backend for each name, with an endpoint for each URI.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway::{Backend, Descriptors};
use mesh::client::{Builder, Channel, Endpoint, Times};
use mesh::identity::tls::{Client, Expected, Pem};

use crate::args::{Described, Place, Target};
use crate::settings::Fixed;

/// More than servers count against their clients (gRFC A8: five minutes). A peer that is gone is found by TCP.
const PING: Duration = Duration::from_secs(330);

/// A server that restarts is to be found soon.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The backends, and the TLS towards each endpoint that has it.
pub(crate) fn backends(fixed: &Fixed, pem: &Pem) -> Result<(Vec<Backend>, Vec<Arc<Client>>)> {
    let mut clients = Vec::new();
    let mut named: Vec<(String, Vec<Endpoint>)> = Vec::new();
    for target in &fixed.backends {
        let endpoint = endpoint(target, pem, &mut clients)?;
        let name = name(target);
        match named.iter_mut().find(|(other, _)| *other == name) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => named.push((name, vec![endpoint])),
        }
    }
    let mut described: BTreeMap<_, _> = descriptors(fixed)?.into_iter().collect();
    let backends = named.into_iter().filter_map(|(name, endpoints)| {
        let mut endpoints = endpoints.into_iter();
        let times = Times { ping: PING, max_pause: MAX_PAUSE, ..Times::default() };
        let first = Channel::builder(endpoints.next()?).times(times);
        let channel = endpoints.fold(first, Builder::endpoint).build();
        let descriptors = described.remove(&name);
        let backend = Backend::new(name, &channel);
        Some(match descriptors {
            Some(descriptors) => backend.with_descriptors(descriptors),
            None => backend,
        })
    });
    Ok((backends.collect(), clients))
}

/// What files say that backends serve, by the backends' names.
pub(crate) fn descriptors(fixed: &Fixed) -> Result<Vec<(String, Descriptors)>> {
    let names: BTreeSet<String> = fixed.backends.iter().map(name).collect();
    let mut files: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for Described { name, file } in &fixed.descriptors {
        let name = match name {
            Some(name) => {
                names.get(name).with_context(|| format!("--descriptor: there is no backend {name}"))?
            }
            None => match names.first() {
                Some(only) if names.len() == 1 => only,
                _ => bail!("--descriptor {}: say of which backend, NAME=FILE", file.display()),
            },
        };
        files.entry(name).or_default().push(file);
    }
    let read = |(name, files): (&str, Vec<&Path>)| {
        let paths = || files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
        let sets: Result<Vec<_>, _> = files.iter().map(std::fs::read).collect();
        let sets = sets.with_context(paths)?;
        let descriptors = Descriptors::read(sets.iter().map(Vec::as_slice)).with_context(paths)?;
        Ok((name.to_owned(), descriptors))
    };
    files.into_iter().map(read).collect()
}

/// How a backend is called: by its name, or by where it is.
fn name(Target { name, place }: &Target) -> String {
    match (name, place) {
        (Some(name), _) => name.clone(),
        (None, Place::Cleartext(address) | Place::Tls(address)) => address.clone(),
        (None, Place::Unix(path)) => path.display().to_string(),
    }
}

fn endpoint(Target { name, place }: &Target, pem: &Pem, clients: &mut Vec<Arc<Client>>) -> Result<Endpoint> {
    Ok(match place {
        Place::Cleartext(address) => Endpoint::h2c(address)?,
        Place::Unix(path) => Endpoint::unix(path),
        Place::Tls(address) => {
            let client = Client::new(pem, expected(name.as_deref(), address, pem));
            let client = client.with_context(|| format!("the backend https://{address}, see --mesh-ca"))?;
            let client = Arc::new(client);
            clients.push(Arc::clone(&client));
            Endpoint::tls(address, client)?
        }
    })
}

/// Who a backend must prove to be: a service of this name, where the gateway is a member of a mesh itself, else the host.
fn expected(name: Option<&str>, address: &str, pem: &Pem) -> Expected {
    let in_mesh = pem.mesh_root.is_some() && !pem.chain.is_empty();
    match name.filter(|_| in_mesh) {
        Some(name) => Expected::Service(name.to_owned()),
        None => Expected::Host(host(address).to_owned()),
    }
}

/// The host in `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
