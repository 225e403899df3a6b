//! Name servers: which the machine asks, and which of them instances can ask too (resolv.conf(5)).

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Where systemd-resolved writes the servers that its own, on the loopback, asks.
const UPSTREAM: &str = "/run/systemd/resolve/resolv.conf";

/// The contents of `/etc/resolv.conf` for instances, from the machine's file.
pub(crate) fn resolv_conf(machine: &Path) -> String {
    render(&read(machine), &read(Path::new(UPSTREAM)))
}

/// The servers that instances ask.
pub(crate) fn nameservers(machine: &Path) -> Vec<Ipv4Addr> {
    reachable(&resolv_conf(machine)).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The machine's file without servers that instances cannot reach: those on the loopback, and IPv6. Where none is
/// left, the upstream file in the same way.
fn render(machine: &str, upstream: &str) -> String {
    let source = if reachable(machine).next().is_some() { machine } else { upstream };
    let mut file = String::new();
    for server in reachable(source) {
        // a String takes everything that is written to it
        let _ = writeln!(file, "nameserver {server}");
    }
    let kept = |line: &&str| ["search ", "domain ", "options "].iter().any(|word| line.starts_with(word));
    for line in source.lines().map(str::trim).filter(kept) {
        file.push_str(line);
        file.push('\n');
    }
    file
}

fn reachable(file: &str) -> impl Iterator<Item = Ipv4Addr> {
    let servers = file.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    });
    servers.filter_map(|server| match server {
        IpAddr::V4(server) if !server.is_loopback() && !server.is_unspecified() => Some(server),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_instances_reach_are_kept_in_order() {
        let machine = "# by hand\nnameserver 127.0.0.1\nnameserver 192.0.2.53\nnameserver ::1\n\
                       nameserver 192.0.2.54 \nsearch example.org\noptions ndots:2\nsortlist 10.0.0.0\n";
        let expected = "nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch example.org\noptions ndots:2\n";
        assert_eq!(render(machine, "nameserver 192.0.2.1\n"), expected);
    }

    #[test]
    fn a_server_on_the_loopback_gives_way_to_those_it_asks() {
        let upstream = "nameserver 192.0.2.1\nsearch a.example\n";
        assert_eq!(render("nameserver 127.0.0.53\noptions edns0\n", upstream), upstream);
        assert_eq!(render("nameserver 127.0.0.53\n", ""), "");
        assert_eq!(render("nameserver x\nnameserver\nnameserver 0.0.0.0\n", ""), "");
    }
}
