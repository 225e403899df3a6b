//! Opening: what an earlier server left is taken over, what is half there is removed, and the rules are made anew.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Instance, Machine};
use crate::name::{Names, check};
use crate::nft::{Tables, Transaction};
use crate::route::Routing;
use crate::state::{self, Service};
use crate::{Error, Options, Subnet, claim, namespace, resolver, rules};

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

impl Machine {
    /// Takes over or begins.
    pub(crate) fn open(engine_dir: &Path, options: Options) -> Result<Self, Error> {
        let names = names(engine_dir).map_err(Error::failed("making the engine directory"))?;
        let mut routing = Routing::open().map_err(unsupported("no routing socket"))?;
        let mut tables = Tables::open().map_err(unsupported("no nf_tables in the kernel"))?;
        probe(&names)?;
        let saved = state::load(&names.state())?;
        let (subnet, services) = if let Some(saved) = saved {
            saved
        } else {
            let chosen = choose(&mut routing, &mut tables, &names, &options);
            if chosen.is_err() {
                // what was made for the trial
                let _ = fs::remove_dir(names.namespaces());
            }
            (chosen?, Vec::new())
        };
        let by_name = |service: Service| ((service.tool.clone(), service.job.clone()), service);
        let mut machine = Self {
            names,
            options,
            subnet,
            routing,
            tables,
            instances: BTreeMap::new(),
            services: services.into_iter().map(by_name).collect(),
            tools: HashMap::new(),
            next_instance: 0,
            next_service: 0,
            unsaved: true,
        };
        machine.begin()?;
        Ok(machine)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.adopt()?;
        self.move_when_empty()?;
        self.keep_range()?;
        let last = self.instances.values().map(|known| self.subnet.index(known.address)).max();
        self.next_instance = last.map_or(0, |last| last + 1);
        self.forget_departed_replicas();
        // a range that is written down is ours; and the rules come first: an interface must not be there before what guards it
        self.rebuild()?;
        self.save()?;
        self.routing.add_unreachable(self.subnet).map_err(unsupported("no routes may be made"))?;
        forward().map_err(unsupported("forwarding cannot be switched on"))
    }

    /// Pairs with a name on them and a kept namespace are instances; all else of ours is removed.
    fn adopt(&mut self) -> Result<(), Error> {
        let links = self.routing.links().map_err(Error::failed("listing interfaces"))?;
        for link in links {
            let Some(index) = self.names.index(&link.name) else { continue };
            let owner = link.alias.as_deref().and_then(|alias| alias.split_once('/'));
            let place = owner.and_then(|(tool, name)| Some((tool, name, self.subnet.instance(index)?)));
            match place.filter(|(_, name, _)| self.is_kept(name)) {
                Some((tool, name, address)) => {
                    let instance = Instance { tool: tool.to_owned(), address, link: link.name.clone() };
                    self.instances.insert(name.to_owned(), instance);
                }
                None => self
                    .routing
                    .delete_link(&link.name)
                    .map_err(Error::failed(format!("removing {}", link.name)))?,
            }
        }
        self.remove_stray_namespaces().map_err(Error::failed("removing namespaces that nobody uses"))
    }

    fn is_kept(&self, instance: &str) -> bool {
        check("instance", instance).is_ok() && namespace::is_kept(&self.names.namespace(instance))
    }

    fn remove_stray_namespaces(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.names.namespaces())? {
            let entry = entry?;
            let known = entry.file_name().to_str().is_some_and(|name| self.instances.contains_key(name));
            if !known {
                namespace::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Another range was asked for than the one in use: it is taken as soon as no instance lives in the old one.
    fn move_when_empty(&mut self) -> Result<(), Error> {
        let Some(wanted) = self.options.subnet.filter(|wanted| *wanted != self.subnet) else {
            return Ok(());
        };
        if !self.instances.is_empty() {
            tracing::warn!(current = %self.subnet, %wanted, "instances keep their range until all are gone");
            return Ok(());
        }
        self.routing.delete_unreachable(self.subnet).map_err(Error::failed("leaving a range"))?;
        claim::release(&mut self.tables, self.subnet, &self.names.table())
            .map_err(Error::failed("leaving a range"))?;
        self.choose_again()
    }

    /// The range is still ours, unless another platform took it while the machine was down and nothing held it.
    fn keep_range(&mut self) -> Result<(), Error> {
        let kept = claim::take(&mut self.tables, self.subnet, &self.names.table());
        if kept.map_err(unsupported("the rules were refused"))? {
            return Ok(());
        }
        tracing::warn!(range = %self.subnet, "another platform of this machine has the range of addresses");
        if self.instances.is_empty() { self.choose_again() } else { Ok(()) }
    }

    fn choose_again(&mut self) -> Result<(), Error> {
        self.subnet = choose(&mut self.routing, &mut self.tables, &self.names, &self.options)?;
        self.services.clear();
        Ok(())
    }

    fn forget_departed_replicas(&mut self) {
        let here = &self.instances;
        for service in self.services.values_mut() {
            let tool = &service.tool;
            service.ready.retain(|replica| {
                here.values().any(|known| known.address == *replica && known.tool == *tool)
            });
        }
    }

    /// The whole table in one transaction: there is no moment without rules.
    fn rebuild(&mut self) -> Result<(), Error> {
        let mut change = Transaction::of(&self.names.table());
        let nameservers = resolver::nameservers(&self.options.resolv_conf);
        rules::table(&mut change, &self.names.prefix(), self.subnet, &self.options, &nameservers);
        for instance in self.instances.values().cloned().collect::<Vec<_>>() {
            rules::add_instance(&mut change, &self.place(&instance).place(&instance));
        }
        for service in self.services.values() {
            rules::set_service(&mut change, None, Some(service));
        }
        change.commit(&mut self.tables).map_err(unsupported("the rules were refused"))
    }
}

/// By the real path of the engine directory.
fn names(engine_dir: &Path) -> io::Result<Names> {
    fs::create_dir_all(engine_dir)?;
    Ok(Names::of(&fs::canonicalize(engine_dir)?))
}

/// Keeps a namespace and lets it go, so that what cannot be done is known now and not at the first instance.
fn probe(names: &Names) -> Result<(), Error> {
    let directory = names.namespaces();
    private_directory(&directory).map_err(Error::failed("making room for namespaces"))?;
    // no name of an instance begins like that
    let path = directory.join(".probe");
    let kept = namespace::create(&path, |_| Ok(())).map_err(unsupported("namespaces cannot be kept"));
    let removed = namespace::remove(&path).map_err(unsupported("namespaces cannot be removed"));
    let outcome = kept.and(removed);
    if outcome.is_err() {
        // an instance that lives there keeps it
        let _ = fs::remove_dir(&directory);
    }
    outcome
}

fn private_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::set_permissions(path, PermissionsExt::from_mode(0o700))
}

/// A range that no route of the machine leads to and no other platform has; it is ours from here on.
fn choose(
    routing: &mut Routing,
    tables: &mut Tables,
    names: &Names,
    options: &Options,
) -> Result<Subnet, Error> {
    let routed = routing.routed().map_err(Error::failed("listing routes"))?;
    let free = |range: &Subnet| !routed.iter().any(|route| route.overlaps(*range));
    let mut take =
        |range| claim::take(tables, range, &names.table()).map_err(unsupported("the rules were refused"));
    if let Some(range) = options.subnet {
        if !(12..=24).contains(&range.bits()) {
            return Err(Error::Size(range));
        }
        return if free(&range) && take(range)? { Ok(range) } else { Err(Error::Overlap(range)) };
    }
    // what is behind the default route is not known, except for what every instance will ask
    let servers = resolver::nameservers(&options.resolv_conf);
    let free = |range: &Subnet| free(range) && !servers.iter().any(|server| range.contains(*server));
    let tens = (0..=u8::MAX).map(|step| names.first_subnet().wrapping_add(step));
    for range in tens.map(|x| Subnet::new([10, x, 0, 0].into(), 16)).filter(free) {
        if take(range)? {
            return Ok(range);
        }
    }
    Err(Error::NoSubnet)
}

/// Switches on forwarding between interfaces, which stays on: others may have come to need it.
fn forward() -> io::Result<()> {
    if fs::read_to_string(FORWARDING)?.trim() == "1" {
        return Ok(());
    }
    fs::write(FORWARDING, "1")?;
    tracing::info!("switched on net.ipv4.ip_forward, without which instances reach nothing");
    Ok(())
}

fn unsupported(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::Unsupported(format!("{what}: {error}"))
}
