//! The policy, as nftables has it: who may reach whom, what leaves, and where services lead.

use std::net::Ipv4Addr;

use crate::nft::{Field, Hook, Kind, Register, Rule, Transaction, Value, Verdict};
use crate::state::Service;
use crate::{Options, Protocol, Subnet};

/// `NFPROTO_IPV4`, as `meta nfproto` gives it.
const IPV4: &[u8] = &[2];

/// What the rules need to know of one attached instance.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The host's end of its pair.
    pub(crate) link: &'a str,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// The number of its tool.
    pub(crate) tool: u32,
    /// The numbers of the tools whose instances may reach it, its own among them.
    pub(crate) reached_by: &'a [u32],
}

/// The table without instances and services.
pub(crate) fn table(
    change: &mut Transaction,
    prefix: &str,
    subnet: Subnet,
    options: &Options,
    nameservers: &[Ipv4Addr],
) {
    change.replace_table();
    sets(change);
    for chain in ["from_instance", "between", "names"] {
        change.add_chain(chain);
    }
    names(change, nameservers);
    guard(change, prefix.as_bytes());
    services(change, prefix.as_bytes(), subnet);
    input(change, prefix.as_bytes(), options);
    forward(change, prefix.as_bytes(), options);
    outward(change, prefix.as_bytes(), subnet);
}

/// An instance is there.
pub(crate) fn add_instance(change: &mut Transaction, place: &Place<'_>) {
    change.add_element("sources", &source(place), Value::None);
    change.add_element("owners", &place.address.octets(), Value::Mark(place.tool));
    for tool in place.reached_by {
        change.add_element("members", &member(*tool, place.address), Value::None);
    }
    change.add_element("hairpins", &pair(place.address), Value::None);
}

/// An instance is no more.
pub(crate) fn remove_instance(change: &mut Transaction, place: &Place<'_>) {
    change.delete_element("sources", &source(place));
    change.delete_element("owners", &place.address.octets());
    for tool in place.reached_by {
        change.delete_element("members", &member(*tool, place.address));
    }
    change.delete_element("hairpins", &pair(place.address));
}

/// A service leads to its ready replicas in turn, in place of where it led before. One without any has no rule, and
/// its address refuses.
pub(crate) fn set_service(change: &mut Transaction, old: Option<&Service>, new: Option<&Service>) {
    if let Some(old) = old.filter(|old| !old.ready.is_empty()) {
        change.delete_element("services", &endpoint(old.address, old.protocol, old.port));
        change.flush_chain(&chain(old));
        change.delete_chain(&chain(old));
    }
    let Some(new) = new.filter(|new| !new.ready.is_empty()) else { return };
    change.add_chain(&chain(new));
    let mut left = u32::try_from(new.ready.len()).unwrap_or(u32::MAX);
    for replica in &new.ready {
        // one of n, then one of those that are left, and so on: each gets the same share
        let rule = if left > 1 { Rule::new().one_of(left) } else { Rule::new() };
        change.add_rule(&chain(new), &rule.redirect(*replica));
        left = left.saturating_sub(1);
    }
    change.add_element("services", &endpoint(new.address, new.protocol, new.port), Value::Chain(&chain(new)));
}

fn sets(change: &mut Transaction) {
    use Kind::{Address, Interface, Mark, Port, Transport};
    change.add_set("sources", &[Interface, Address], Value::None);
    change.add_set("owners", &[Address], Value::Mark(0));
    change.add_set("members", &[Mark, Address], Value::None);
    change.add_set("hairpins", &[Address, Address], Value::None);
    change.add_set("services", &[Address, Transport, Port], Value::Chain(""));
}

/// IPv4 only, and nobody from an address that is not its own.
fn guard(change: &mut Transaction, prefix: &[u8]) {
    change.add_base_chain("guard", "filter", Hook::Prerouting, -300);
    let ours = || Rule::new().is(Field::IncomingInterface, prefix);
    change.add_rule("guard", &ours().differs(Field::Family, IPV4).verdict(Verdict::Drop));
    let spoofed = ours()
        .load(Field::IncomingInterface, Register(0))
        .load(Field::Source, Register(4))
        .not_found("sources", Register(0));
    change.add_rule("guard", &spoofed.verdict(Verdict::Drop));
}

fn services(change: &mut Transaction, prefix: &[u8], subnet: Subnet) {
    let ours = || Rule::new().is(Field::IncomingInterface, prefix);
    change.add_base_chain("services", "nat", Hook::Prerouting, -100);
    let served = ours()
        .load(Field::Destination, Register(0))
        .load(Field::Transport, Register(1))
        .load(Field::DestinationPort, Register(2))
        .dispatch("services", Register(0));
    change.add_rule("services", &served);
    // what still has a service's address after that has nobody to serve it
    change.add_base_chain("unserved", "filter", Hook::Prerouting, -99);
    change.add_rule("unserved", &ours().inside(Field::Destination, subnet.services()).refuse());
}

/// The machine's own sockets: only replies, questions to its name server, and what was opened to instances.
fn input(change: &mut Transaction, prefix: &[u8], options: &Options) {
    let ours = || Rule::new().is(Field::IncomingInterface, prefix);
    change.add_base_chain("input", "filter", Hook::Input, 0);
    change.add_rule("input", &ours().known().verdict(Verdict::Accept));
    change.add_rule("input", &ours().verdict(Verdict::Jump("names")));
    for socket in &options.reachable {
        let reachable = open(*socket.ip(), Protocol::Tcp, socket.port());
        change.add_rule("input", &reachable.is(Field::IncomingInterface, prefix).verdict(Verdict::Accept));
    }
    change.add_rule("input", &ours().refuse());
}

/// Questions to name servers, be they this machine or in a range that is refused otherwise.
fn names(change: &mut Transaction, nameservers: &[Ipv4Addr]) {
    for server in nameservers {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let question = open(*server, protocol, 53);
            change.add_rule("names", &question.verdict(Verdict::Accept));
        }
    }
}

/// What goes to this socket.
fn open(address: Ipv4Addr, protocol: Protocol, port: u16) -> Rule {
    Rule::new()
        .is(Field::Destination, &address.octets())
        .is(Field::Transport, &[protocol.number()])
        .is(Field::DestinationPort, &port.to_be_bytes())
}

fn forward(change: &mut Transaction, prefix: &[u8], options: &Options) {
    change.add_base_chain("forward", "filter", Hook::Forward, 0);
    let ours = || Rule::new().is(Field::IncomingInterface, prefix);
    let inward = || Rule::new().is(Field::OutgoingInterface, prefix);
    change.add_rule("forward", &ours().verdict(Verdict::Goto("from_instance")));
    change.add_rule("forward", &inward().known().verdict(Verdict::Accept));
    change.add_rule("forward", &inward().verdict(Verdict::Drop));
    change.add_rule("from_instance", &Rule::new().known().verdict(Verdict::Accept));
    change.add_rule("from_instance", &inward().verdict(Verdict::Goto("between")));
    change.add_rule("from_instance", &Rule::new().verdict(Verdict::Jump("names")));
    for range in &options.refused {
        change.add_rule("from_instance", &Rule::new().inside(Field::Destination, *range).refuse());
    }
    // the owner of the source, as the packet's mark, joined with the destination must be on the list. The mark is not
    // read by anybody after this; it is there because nft cannot list a map's value as part of a key
    let owner = Rule::new().load(Field::Source, Register(0)).mark("owners", Register(0));
    change.add_rule("between", &owner);
    let allowed = Rule::new()
        .load(Field::Mark, Register(0))
        .load(Field::Destination, Register(1))
        .found("members", Register(0));
    change.add_rule("between", &allowed.verdict(Verdict::Accept));
    change.add_rule("between", &Rule::new().refuse());
}

fn outward(change: &mut Transaction, prefix: &[u8], subnet: Subnet) {
    change.add_base_chain("outward", "nat", Hook::Postrouting, 100);
    let ours = || Rule::new().is(Field::Family, IPV4).inside(Field::Source, subnet);
    change.add_rule("outward", &ours().differs(Field::OutgoingInterface, prefix).masquerade());
    // an instance that was balanced to itself must see another's address, or it would answer itself directly
    let own = ours()
        .load(Field::Source, Register(0))
        .load(Field::Destination, Register(1))
        .found("hairpins", Register(0));
    change.add_rule("outward", &own.masquerade());
}

fn chain(service: &Service) -> String {
    let address = service.address.to_bits();
    format!("to_{address:08x}")
}

fn source(place: &Place<'_>) -> Vec<u8> {
    let mut key = place.link.as_bytes().to_vec();
    key.resize(16, 0);
    key.extend_from_slice(&place.address.octets());
    key
}

fn member(tool: u32, address: Ipv4Addr) -> Vec<u8> {
    [tool.to_ne_bytes(), address.octets()].concat()
}

fn pair(address: Ipv4Addr) -> Vec<u8> {
    [address.octets(), address.octets()].concat()
}

fn endpoint(address: Ipv4Addr, protocol: Protocol, port: u16) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    [address.octets(), [protocol.number(), 0, 0, 0], [high, low, 0, 0]].concat()
}
