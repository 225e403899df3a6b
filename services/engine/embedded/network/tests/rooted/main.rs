//! The network as root, each test in a network namespace of its own that plays the machine.
//!
//! Without root there is nothing to test here: each test then says that it was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod ranges;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};

use engine_network::{Allow, Capabilities, Error, Network, Options, Protocol};
use scene::{Scene, Seen, Server, connect, inside};

const PORT: u16 = 8000;

#[test]
fn two_tools_on_one_port_are_kept_apart() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let a1 = network.attach("alpha-web-1", "alpha").unwrap();
    let a2 = network.attach("alpha-other-1", "alpha").unwrap();
    let b1 = network.attach("beta-web-1", "beta").unwrap();
    assert_ne!(a1.address, b1.address);
    let _alpha = Server::start(&a1.netns, PORT, "alpha");
    let _beta = Server::start(&b1.netns, PORT, "beta");

    // its own tool's other job, by address; itself by loopback; the machine to both
    assert_eq!(connect(&a2.netns, a1.address, PORT).unwrap(), "alpha");
    assert_eq!(connect(&a1.netns, Ipv4Addr::LOCALHOST, PORT).unwrap(), "alpha");
    assert_eq!(scene::greeted(a1.address, PORT).unwrap(), "alpha");
    assert_eq!(scene::greeted(b1.address, PORT).unwrap(), "beta");

    // another tool's instance is refused at once, in both directions
    assert_eq!(connect(&a1.netns, b1.address, PORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(connect(&b1.netns, a1.address, PORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn the_sockets_of_the_machine_are_refused_except_those_that_were_opened() {
    let Some(scene) = Scene::new() else { return };
    let uplink = scene::UPLINK;
    let closed = scene::listen(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 5000), "secret");
    let _open = scene::listen(SocketAddrV4::new(uplink, 5001), "public");
    let reachable = vec![SocketAddrV4::new(uplink, 5001)];
    let network = Network::open(&scene.engine(), Options { reachable, ..Options::default() }).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    for address in [network.gateway().unwrap(), uplink, Ipv4Addr::LOCALHOST] {
        assert_eq!(
            connect(&a.netns, address, 5000).unwrap_err().kind(),
            ErrorKind::ConnectionRefused,
            "{address}"
        );
    }
    assert_eq!(connect(&a.netns, uplink, 5001).unwrap(), "public");
    assert_eq!(scene::greeted(uplink, 5000).unwrap(), "secret", "the machine itself reaches it");
    drop(closed);
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn ipv6_of_the_machine_is_out_of_reach() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    // even an instance that could switch IPv6 on again would not get an answer
    let addresses = inside(&a.netns, || std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap());
    let devices: Vec<_> = addresses.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(devices, ["lo"]);
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_forged_source_address_goes_nowhere() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    let b = network.attach("b", "beta").unwrap();
    let seen = Seen::listen(&b.netns, b.address, 7000);
    // with the address of an instance of beta, alpha would be let through to beta
    let forged = network.attach("b2", "beta").unwrap().address;
    scene::forge_udp(&a.netns, forged, b.address, 7000, b"forged");
    scene::send_udp(b.address, 7000, b"from the machine");
    assert_eq!(seen.next(), "from the machine");
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_service_is_balanced_over_ready_replicas_and_keeps_its_address() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let client = network.attach("client", "alpha").unwrap();
    let stranger = network.attach("stranger", "beta").unwrap();
    let replicas: Vec<_> = (0..3).map(|n| network.attach(&format!("web-{n}"), "alpha").unwrap()).collect();
    let _servers: Vec<_> = replicas
        .iter()
        .enumerate()
        .map(|(n, replica)| Server::start(&replica.netns, PORT, &format!("replica {n}")))
        .collect();
    let all: Vec<_> = replicas.iter().map(|replica| replica.address).collect();
    let tcp = Protocol::Tcp;

    let address = network.service("alpha", "web", PORT, tcp, &all).unwrap();
    let mut counts = BTreeMap::new();
    for _ in 0..30 {
        *counts.entry(connect(&client.netns, address, PORT).unwrap()).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [10, 10, 10]);

    // an administrator's nft, which is no part of this, understands what it finds
    let rules = scene::listing();
    assert!(rules.contains(&format!("{address} . tcp . {PORT} : goto ")), "{rules}");

    // a replica reaches its own service, itself included
    let from_itself: BTreeSet<_> =
        (0..9).map(|_| connect(&replicas[0].netns, address, PORT).unwrap()).collect();
    assert_eq!(from_itself.len(), 3);

    // one ready: all go there; none ready: refused; another port: refused; another tool: refused
    assert_eq!(network.service("alpha", "web", PORT, tcp, &all[1..2]).unwrap(), address);
    for _ in 0..5 {
        assert_eq!(connect(&client.netns, address, PORT).unwrap(), "replica 1");
    }
    for (netns, port) in [(&client.netns, PORT + 1), (&stranger.netns, PORT)] {
        assert_eq!(connect(netns, address, port).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    assert_eq!(network.service("alpha", "web", PORT, tcp, &[]).unwrap(), address);
    assert_eq!(connect(&client.netns, address, PORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);

    // strangers and departed instances are never led to
    let theirs = [stranger.address, Ipv4Addr::new(192, 0, 2, 1)];
    assert_eq!(network.service("alpha", "web", PORT, tcp, &theirs).unwrap(), address);
    assert_eq!(connect(&client.netns, address, PORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    network.service("alpha", "web", PORT, tcp, &all[..2]).unwrap();
    network.detach("web-0").unwrap();
    for _ in 0..4 {
        assert_eq!(connect(&client.netns, address, PORT).unwrap(), "replica 1");
    }

    // another port by the same address, then gone
    assert_eq!(network.service("alpha", "web", 9000, tcp, &all).unwrap(), address);
    assert_eq!(connect(&client.netns, address, PORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(network.hosts("alpha").contains(&format!("{address}\tweb.tool-alpha.svc.cluster.local ")));
    assert!(!network.hosts("beta").contains("web"));
    network.remove_service("alpha", "web").unwrap();
    network.remove_service("alpha", "web").unwrap();
    assert!(!network.hosts("alpha").contains("web"));
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_udp_service_answers() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let client = network.attach("client", "alpha").unwrap();
    let server = network.attach("dns-1", "alpha").unwrap();
    let echo = Seen::listen(&server.netns, server.address, 5353).answer_one();
    let address = network.service("alpha", "dns", 5353, Protocol::Udp, &[server.address]).unwrap();
    assert_eq!(scene::ask_udp(&client.netns, address, 5353, b"who?").unwrap(), b"who?");
    echo.join().unwrap();
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn instances_reach_the_world_through_the_machine_but_not_cloud_credentials() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    let world = scene.world();
    let _server = Server::start(&world.netns, 80, "world");
    assert_eq!(connect(&a.netns, world.address, 80).unwrap(), "world");
    let metadata = connect(&a.netns, Ipv4Addr::new(169, 254, 169, 254), 80);
    assert_eq!(metadata.unwrap_err().kind(), ErrorKind::ConnectionRefused);

    // and the world does not reach them, even with a route
    world.route_to(a.address);
    let _inner = Server::start(&a.netns, PORT, "inner");
    let outcome = connect(&world.netns, a.address, PORT);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn the_name_server_of_the_machine_answers_instances_wherever_it_is() {
    let Some(scene) = Scene::new() else { return };
    let resolv_conf = scene.directory().join("resolv.conf");
    // one on the machine itself, one in the range that is refused otherwise
    let elsewhere = Ipv4Addr::new(169, 254, 169, 253);
    std::fs::write(&resolv_conf, format!("nameserver {}\nnameserver {elsewhere}\n", scene::UPLINK)).unwrap();
    let world = scene.world();
    world.add_address(elsewhere);
    let options = Options { resolv_conf: resolv_conf.clone(), ..Options::default() };
    let network = Network::open(&scene.engine(), options).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    assert_eq!(network.resolv_conf(), std::fs::read_to_string(&resolv_conf).unwrap());
    for (server, netns) in [(scene::UPLINK, scene::own()), (elsewhere, world.netns.clone())] {
        let answering = Seen::listen(&netns, server, 53).answer_one();
        assert_eq!(scene::ask_udp(&a.netns, server, 53, b"who?").unwrap(), b"who?");
        answering.join().unwrap();
        let _web = Server::start(&netns, 80, "web");
        let other_port = connect(&a.netns, server, 80).unwrap_err();
        assert_eq!(other_port.kind(), ErrorKind::ConnectionRefused, "{server}");
    }
    network.close(true).unwrap();
    std::fs::remove_file(resolv_conf).unwrap();
    scene.assert_clean();
}

#[test]
fn a_tool_reaches_another_that_was_allowed() {
    let Some(scene) = Scene::new() else { return };
    let allow = vec![Allow { from: "alpha".to_owned(), to: "beta".to_owned() }];
    let network = Network::open(&scene.engine(), Options { allow, ..Options::default() }).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    let b = network.attach("b", "beta").unwrap();
    let _servers = [Server::start(&a.netns, PORT, "a"), Server::start(&b.netns, PORT, "b")];
    let service = network.service("beta", "db", PORT, Protocol::Tcp, &[b.address]).unwrap();
    assert_eq!(connect(&a.netns, b.address, PORT).unwrap(), "b");
    assert_eq!(connect(&a.netns, service, PORT).unwrap(), "b");
    assert_eq!(connect(&b.netns, a.address, PORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(network.hosts("alpha").contains(&format!("{service}\tdb.tool-beta.svc.cluster.local")));
    assert!(!network.hosts("alpha").contains(" db\n"));
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_killed_server_leaves_a_working_network_that_is_taken_over() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    let b = network.attach("b", "alpha").unwrap();
    let gone = network.attach("gone", "alpha").unwrap();
    let _server = Server::start(&b.netns, PORT, "b");
    let service = network.service("alpha", "b", PORT, Protocol::Tcp, &[b.address, gone.address]).unwrap();
    // no destructor does anything: this is what a kill leaves
    drop(network);
    assert_eq!(connect(&a.netns, b.address, PORT).unwrap(), "b");
    // an interface without its namespace, a namespace without its interface, and one that was never finished
    scene::unmount(&gone.netns);
    std::fs::write(scene.engine().join("netns/stray"), "").unwrap();
    scene::forget_alias(a.address);

    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let left: Vec<_> = network.attached().into_iter().map(|found| (found.instance, found.tool)).collect();
    assert_eq!(left, [("b".to_owned(), "alpha".to_owned())]);
    assert!(!scene.engine().join("netns/stray").exists());
    assert!(!scene.engine().join("netns/a").exists());
    let again = network.attach("b", "alpha").unwrap();
    assert_eq!(again, b);
    let a = network.attach("a", "alpha").unwrap();
    for _ in 0..4 {
        assert_eq!(connect(&a.netns, service, PORT).unwrap(), "b");
    }
    assert!(network.hosts("alpha").contains(&service.to_string()));
    assert_eq!(network.service("alpha", "b", PORT, Protocol::Tcp, &[b.address]).unwrap(), service);
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn attaching_and_detaching_can_be_repeated() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let first = network.attach("a", "alpha").unwrap();
    assert_eq!(network.attach("a", "alpha").unwrap(), first);
    assert!(matches!(network.attach("a", "beta"), Err(Error::Owner { .. })));
    for name in ["", "..", "a/b", "a b", "-x"] {
        assert!(matches!(network.attach(name, "alpha"), Err(Error::Name { .. })), "{name:?}");
        assert!(matches!(network.attach("a2", name), Err(Error::Name { .. })), "{name:?}");
    }
    assert!(matches!(network.service("alpha", "web", 0, Protocol::Tcp, &[]), Err(Error::Port(_))));
    network.detach("a").unwrap();
    network.detach("a").unwrap();
    network.detach("never").unwrap();
    assert!(network.attached().is_empty());
    assert!(scene::pairs().is_empty());
    // an address does not come back at once: a late packet for the old instance must not meet the new one
    let second = network.attach("a", "alpha").unwrap();
    assert_ne!(second.address, first.address);
    network.close(true).unwrap();
    network.close(true).unwrap();
    assert!(network.attach("b", "alpha").is_err());
    assert!(network.attached().is_empty());
    scene.assert_clean();
}

#[test]
fn a_failed_attachment_leaves_nothing_and_can_be_repeated() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let (netns, aside) = (scene.engine().join("netns"), scene.engine().join("aside"));
    std::fs::rename(&netns, &aside).unwrap();
    let error = network.attach("a", "alpha").unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error}");
    assert!(scene::pairs().is_empty() && network.attached().is_empty());
    std::fs::rename(&aside, &netns).unwrap();
    // the same address for another tool: no rule of the first attempt is in the way
    let b = network.attach("b", "beta").unwrap();
    let _server = Server::start(&b.netns, PORT, "b");
    assert_eq!(scene::greeted(b.address, PORT).unwrap(), "b");
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_service_that_could_not_be_written_down_is_written_by_the_next_call() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let blocker = scene.engine().join("network.json.new");
    std::fs::create_dir(&blocker).unwrap();
    assert!(network.service("alpha", "web", PORT, Protocol::Tcp, &[]).is_err());
    std::fs::remove_dir(&blocker).unwrap();
    let address = network.service("alpha", "web", PORT, Protocol::Tcp, &[]).unwrap();
    drop(network);
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    assert!(network.hosts("alpha").contains(&address.to_string()));
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_process_in_a_detached_namespace_has_nothing_left() {
    let Some(scene) = Scene::new() else { return };
    let network = Network::open(&scene.engine(), Options::default()).unwrap();
    let a = network.attach("a", "alpha").unwrap();
    let server = Server::start(&a.netns, PORT, "a");
    network.detach("a").unwrap();
    assert!(!a.netns.exists(), "the process keeps it alive, but nobody can enter it by name");
    let outcome = scene::greeted(a.address, PORT).unwrap_err().kind();
    assert_eq!(outcome, ErrorKind::HostUnreachable);
    drop(server);
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn two_platforms_share_a_machine() {
    let Some(scene) = Scene::new() else { return };
    let one = Network::open(&scene.directory().join("one"), Options::default()).unwrap();
    let two = Network::open(&scene.directory().join("two"), Options::default()).unwrap();
    let a = one.attach("a", "alpha").unwrap();
    let b = two.attach("a", "alpha").unwrap();
    assert_ne!(a.address.octets()[1], b.address.octets()[1]);
    let _servers = [Server::start(&a.netns, PORT, "one"), Server::start(&b.netns, PORT, "two")];
    assert_eq!(scene::greeted(a.address, PORT).unwrap(), "one");
    assert_eq!(scene::greeted(b.address, PORT).unwrap(), "two");
    assert!(connect(&a.netns, b.address, PORT).is_err());
    let taken = Options { subnet: Some(engine_network::Subnet::new(b.address, 16)), ..Options::default() };
    let refused = Network::open(&scene.directory().join("three"), taken).unwrap_err();
    assert!(matches!(refused, Error::Overlap(_)), "{refused}");
    one.close(true).unwrap();
    assert_eq!(scene::greeted(b.address, PORT).unwrap(), "two");
    two.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn a_small_range_runs_out_and_recovers() {
    let Some(scene) = Scene::new() else { return };
    let options = Options { subnet: Some("10.77.1.0/24".parse().unwrap()), ..Options::default() };
    let network = Network::open(&scene.engine(), options).unwrap();
    for n in 0..126 {
        network.attach(&format!("i{n}"), "alpha").unwrap();
    }
    assert!(matches!(network.attach("more", "alpha"), Err(Error::Exhausted(_))));
    network.detach("i7").unwrap();
    network.attach("more", "alpha").unwrap();
    network.close(true).unwrap();
    scene.assert_clean();
}

#[test]
fn root_without_its_privileges_is_told_what_is_missing() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let Some(scene) = Scene::new() else { return };
    let before = capabilities(None).unwrap();
    for missing in [CapabilitySet::NET_ADMIN, CapabilitySet::SYS_ADMIN] {
        let mut less = before;
        less.effective.remove(missing);
        set_capabilities(None, less).unwrap();
        let refused = Network::open(&scene.engine(), Options::default()).unwrap_err();
        set_capabilities(None, before).unwrap();
        assert!(matches!(refused, Error::Unsupported(_)), "{refused}");
        assert!(refused.to_string().contains("permitted"), "{refused}");
    }
    std::fs::remove_dir_all(scene.engine()).unwrap();
    scene.assert_clean();
}

#[test]
fn without_root_there_are_no_addresses() {
    let network = Network::rootless();
    let nothing = Capabilities { addresses: false, services: false, outward: false, apart: false };
    assert_eq!(network.capabilities(), nothing);
    assert!(matches!(network.attach("a", "alpha"), Err(Error::Unsupported(_))));
    assert_eq!(network.hosts("alpha").lines().count(), 2);
    assert!(network.attached().is_empty());
    network.close(true).unwrap();
}
