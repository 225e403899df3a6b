//! What one platform keeps in the kernel of this machine, as root.

mod adopt;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::net::Ipv4Addr;

use crate::name::{Names, check};
use crate::nft::{Tables, Transaction};
use crate::route::Routing;
use crate::rules::{self, Place};
use crate::state::{self, Service};
use crate::{Attached, Attachment, Error, Options, Protocol, Subnet, claim, hosts, namespace, resolver};

/// The interface's name inside an instance.
const INSIDE: &str = "eth0";

/// The addresses, services and rules of one platform.
#[derive(Debug)]
pub(crate) struct Machine {
    names: Names,
    options: Options,
    subnet: Subnet,
    routing: Routing,
    tables: Tables,
    instances: BTreeMap<String, Instance>,
    services: BTreeMap<(String, String), Service>,
    /// Numbers of tools in the rules' maps; they live as long as this.
    tools: HashMap<String, u32>,
    next_instance: u32,
    next_service: u32,
    /// The state file is older than the services.
    unsaved: bool,
}

#[derive(Clone, Debug)]
struct Instance {
    tool: String,
    address: Ipv4Addr,
    link: String,
}

impl Machine {
    pub(crate) fn attach(&mut self, instance: &str, tool: &str) -> Result<Attached, Error> {
        check("instance", instance)?;
        check("tool", tool)?;
        let netns = self.names.namespace(instance);
        if let Some(known) = self.instances.get(instance) {
            if known.tool == tool {
                return Ok(Attached { address: known.address, netns });
            }
            return Err(Error::Owner { instance: instance.to_owned(), tool: known.tool.clone() });
        }
        let (index, address) = self.free_instance()?;
        let new = Instance { tool: tool.to_owned(), address, link: self.names.link(index) };
        if let Err(error) = self.connect(instance, &new) {
            self.disconnect(instance, &new)?;
            return Err(error);
        }
        self.next_instance = index + 1;
        self.instances.insert(instance.to_owned(), new);
        Ok(Attached { address, netns })
    }

    pub(crate) fn detach(&mut self, instance: &str) -> Result<(), Error> {
        check("instance", instance)?;
        let Some(old) = self.instances.get(instance).cloned() else {
            return self.save();
        };
        self.disconnect(instance, &old)?;
        let mut change = Transaction::of(&self.names.table());
        rules::remove_instance(&mut change, &self.place(&old).place(&old));
        let mut changed = Vec::new();
        for service in self.services.values().filter(|service| service.ready.contains(&old.address)) {
            let mut less = service.clone();
            less.ready.retain(|replica| *replica != old.address);
            rules::set_service(&mut change, Some(service), Some(&less));
            changed.push(less);
        }
        self.commit(change, || format!("forgetting instance {instance}"))?;
        self.instances.remove(instance);
        for service in changed {
            self.services.insert((service.tool.clone(), service.job.clone()), service);
            self.unsaved = true;
        }
        self.save()
    }

    pub(crate) fn attached(&self) -> Vec<Attachment> {
        let attachment = |(name, instance): (&String, &Instance)| Attachment {
            instance: name.clone(),
            tool: instance.tool.clone(),
            address: instance.address,
        };
        self.instances.iter().map(attachment).collect()
    }

    pub(crate) fn set_service(
        &mut self,
        tool: &str,
        job: &str,
        port: u16,
        protocol: Protocol,
        ready: &[Ipv4Addr],
    ) -> Result<Ipv4Addr, Error> {
        check("tool", tool)?;
        check("job", job)?;
        if port == 0 {
            return Err(Error::Port(format!("{job} of tool {tool}")));
        }
        let key = (tool.to_owned(), job.to_owned());
        let address = match self.services.get(&key) {
            Some(known) => known.address,
            None => self.free_service()?,
        };
        let ready = self.replicas(tool, ready);
        let new = Service { tool: tool.to_owned(), job: job.to_owned(), address, port, protocol, ready };
        if self.services.get(&key) == Some(&new) {
            return self.save().map(|()| address);
        }
        let mut change = Transaction::of(&self.names.table());
        rules::set_service(&mut change, self.services.get(&key), Some(&new));
        self.commit(change, || format!("setting service {job} of tool {tool}"))?;
        self.services.insert(key, new);
        self.unsaved = true;
        self.save()?;
        Ok(address)
    }

    pub(crate) fn remove_service(&mut self, tool: &str, job: &str) -> Result<(), Error> {
        let key = (tool.to_owned(), job.to_owned());
        let Some(old) = self.services.get(&key) else {
            return self.save();
        };
        let mut change = Transaction::of(&self.names.table());
        rules::set_service(&mut change, Some(old), None);
        self.commit(change, || format!("removing service {job} of tool {tool}"))?;
        self.services.remove(&key);
        self.unsaved = true;
        self.save()
    }

    pub(crate) fn hosts<'a>(&'a self, tool: &str) -> String {
        let entries = self.services.values().filter(|service| self.may_reach(tool, &service.tool));
        let entry = |service: &'a Service| {
            let Service { tool, job, address, .. } = service;
            hosts::Entry { address: *address, tool, job }
        };
        hosts::render(tool, &self.options.domain, entries.map(entry))
    }

    pub(crate) fn resolv_conf(&self) -> String {
        resolver::resolv_conf(&self.options.resolv_conf)
    }

    pub(crate) const fn gateway(&self) -> Ipv4Addr {
        self.subnet.gateway()
    }

    /// Removes everything.
    pub(crate) fn remove(&mut self) -> Result<(), Error> {
        for (name, instance) in self.instances.clone() {
            self.disconnect(&name, &instance)?;
            self.instances.remove(&name);
        }
        self.services.clear();
        let mut change = Transaction::of(&self.names.table());
        change.add_table();
        change.delete_table();
        self.commit(change, || "removing the table".to_owned())?;
        claim::release(&mut self.tables, self.subnet, &self.names.table())
            .map_err(Error::failed("giving the range back"))?;
        self.routing.delete_unreachable(self.subnet).map_err(Error::failed("removing the route"))?;
        absent(fs::remove_file(self.names.state())).map_err(Error::failed("removing the network state"))?;
        absent(fs::remove_dir(self.names.namespaces())).map_err(Error::failed("removing the namespaces"))
    }

    /// Makes namespace, pair, addresses, routes and rules of an instance. The alias is the sign that it is connected.
    fn connect(&mut self, name: &str, instance: &Instance) -> Result<(), Error> {
        let path = self.names.namespace(name);
        let (gateway, address) = (self.subnet.gateway(), instance.address);
        let routing = &mut self.routing;
        namespace::remove(&path).map_err(Error::failed(format!("making room for {name}")))?;
        let make = |namespace: std::os::fd::BorrowedFd<'_>| {
            routing.add_pair(&instance.link, INSIDE, namespace)?;
            inside(address, gateway)
        };
        namespace::create(&path, make).map_err(Error::failed(format!("making the namespace of {name}")))?;
        let host_end = self.host_end(&instance.link, address).map_err(Error::failed("setting up a pair"))?;
        let alias = format!("{}/{name}", instance.tool);
        self.routing.set_alias(host_end, &alias).map_err(Error::failed("naming a pair"))?;
        // last, because it is all or nothing; whoever takes over makes all rules anew
        let mut change = Transaction::of(&self.names.table());
        rules::add_instance(&mut change, &self.place(instance).place(instance));
        self.commit(change, || format!("admitting instance {name}"))
    }

    fn host_end(&mut self, link: &str, address: Ipv4Addr) -> io::Result<u32> {
        let index = self.routing.link_index(link)?;
        self.routing.add_address(index, self.subnet.gateway())?;
        self.routing.up(index)?;
        self.routing.add_neighbour_route(index, address, self.subnet.gateway())?;
        Ok(index)
    }

    /// Removes pair and namespace, whatever of them is there.
    fn disconnect(&mut self, name: &str, instance: &Instance) -> Result<(), Error> {
        self.routing.delete_link(&instance.link).map_err(Error::failed(format!("disconnecting {name}")))?;
        namespace::remove(&self.names.namespace(name))
            .map_err(Error::failed(format!("removing the namespace of {name}")))
    }

    fn commit(&mut self, change: Transaction, what: impl FnOnce() -> String) -> Result<(), Error> {
        change.commit(&mut self.tables).map_err(|source| Error::Failed { context: what(), source })
    }

    /// Writes down what is not yet: also after an earlier attempt that failed.
    fn save(&mut self) -> Result<(), Error> {
        if self.unsaved {
            let services = self.services.values().cloned().collect();
            state::save(&self.names.state(), self.subnet, services)
                .map_err(Error::failed("writing the network state"))?;
            self.unsaved = false;
        }
        Ok(())
    }

    fn free_instance(&self) -> Result<(u32, Ipv4Addr), Error> {
        let taken = |index| self.instances.values().any(|known| self.subnet.index(known.address) == index);
        let index = Subnet::free(2, self.subnet.instances_end(), self.next_instance, taken);
        index
            .and_then(|index| Some((index, self.subnet.instance(index)?)))
            .ok_or(Error::Exhausted(self.subnet))
    }

    fn free_service(&mut self) -> Result<Ipv4Addr, Error> {
        let range = self.subnet.services();
        let taken = |index| self.services.values().any(|known| range.index(known.address) == index);
        let index = Subnet::free(1, self.subnet.instances_end() - 1, self.next_service, taken)
            .ok_or(Error::Exhausted(range))?;
        self.next_service = index + 1;
        Ok(Ipv4Addr::from_bits(range.base().to_bits() + index))
    }

    /// Those of the addresses that are attached instances of the tool, each once.
    fn replicas(&self, tool: &str, ready: &[Ipv4Addr]) -> Vec<Ipv4Addr> {
        let theirs = |address: &Ipv4Addr| {
            self.instances.values().any(|known| known.address == *address && known.tool == tool)
        };
        let mut replicas: Vec<_> = ready.iter().copied().filter(theirs).collect();
        replicas.sort_unstable();
        replicas.dedup();
        replicas
    }

    fn may_reach(&self, from: &str, to: &str) -> bool {
        from == to || self.options.allow.iter().any(|allow| allow.from == from && allow.to == to)
    }

    /// The numbers by which the rules know an instance's tool and those that may reach it.
    fn place(&mut self, instance: &Instance) -> Numbers {
        let tool = self.tool(&instance.tool);
        let allowed = self.options.allow.iter().filter(|allow| allow.to == instance.tool);
        let from: Vec<String> = allowed.map(|allow| allow.from.clone()).collect();
        let mut reached_by = vec![tool];
        reached_by.extend(from.iter().map(|name| self.tool(name)));
        reached_by.sort_unstable();
        reached_by.dedup();
        Numbers { tool, reached_by }
    }

    fn tool(&mut self, name: &str) -> u32 {
        // 0 is the mark of packets that nobody marked
        let next = u32::try_from(self.tools.len() + 1).unwrap_or(u32::MAX);
        *self.tools.entry(name.to_owned()).or_insert(next)
    }
}

#[derive(Debug)]
struct Numbers {
    tool: u32,
    reached_by: Vec<u32>,
}

impl Numbers {
    fn place<'a>(&'a self, instance: &'a Instance) -> Place<'a> {
        let Instance { link, address, .. } = instance;
        Place { link, address: *address, tool: self.tool, reached_by: &self.reached_by }
    }
}

/// Sets up the end of a pair inside the namespace of this thread.
fn inside(address: Ipv4Addr, gateway: Ipv4Addr) -> io::Result<()> {
    let mut routing = Routing::open()?;
    let loopback = routing.link_index("lo")?;
    routing.up(loopback)?;
    let index = routing.link_index(INSIDE)?;
    routing.add_address(index, address)?;
    routing.up(index)?;
    routing.add_neighbour_route(index, gateway, address)?;
    routing.add_default_route(index, gateway)
}

fn absent(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
