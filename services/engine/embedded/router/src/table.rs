//! Where hosts lead. Requests read it without a lock while it is changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use crate::backend::{Backend, Ticket};

/// Where hosts lead.
#[derive(Debug, Default)]
pub struct Table(ArcSwap<Hosts>);

/// By the first label of the host; the routes of each, longest prefix first.
type Hosts = HashMap<String, Vec<Arc<Route>>>;

impl Table {
    /// Leads nowhere yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Leads a host and path to these instances, in place of those before. Instances that drain get nothing; with
    /// none that takes requests, clients are told that the tool does not run (503). `host` is the first label, the
    /// tool; `path` is a prefix that ends at a segment, `/` for everything.
    pub fn set(&self, host: &str, path: &str, backends: Vec<Arc<Backend>>) {
        let host = host.to_ascii_lowercase();
        let prefix = path.trim_end_matches('/').to_owned();
        let route = Arc::new(Route { prefix, backends, turn: AtomicUsize::new(0) });
        self.0.rcu(|hosts| {
            let mut hosts = Hosts::clone(hosts);
            let routes = hosts.entry(host.clone()).or_default();
            routes.retain(|other| other.prefix != route.prefix);
            routes.push(Arc::clone(&route));
            routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
            hosts
        });
    }

    /// Leads a host and path nowhere (404).
    pub fn remove(&self, host: &str, path: &str) {
        let host = host.to_ascii_lowercase();
        let prefix = path.trim_end_matches('/');
        self.0.rcu(|hosts| {
            let mut hosts = Hosts::clone(hosts);
            if let Some(routes) = hosts.get_mut(&host) {
                routes.retain(|route| route.prefix != prefix);
                if routes.is_empty() {
                    hosts.remove(&host);
                }
            }
            hosts
        });
    }

    /// The route of a request.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<Arc<Route>> {
        let hosts = self.0.load();
        hosts.get(host)?.iter().find(|route| route.covers(path)).cloned()
    }
}

/// One host and path.
#[derive(Debug)]
pub(crate) struct Route {
    prefix: String,
    backends: Vec<Arc<Backend>>,
    turn: AtomicUsize,
}

impl Route {
    /// The instance with the least in flight that is not among those that were tried; in turn among equals.
    pub(crate) fn choose(&self, tried: &[Ticket]) -> Option<Ticket> {
        let count = self.backends.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let open = |backend: &&Arc<Backend>| {
            !backend.is_draining() && !tried.iter().any(|ticket| Arc::ptr_eq(ticket.backend(), backend))
        };
        loop {
            let in_turn = (0..count).map(|step| &self.backends[first.wrapping_add(step) % count]);
            let least = in_turn.filter(open).min_by_key(|backend| backend.in_flight())?;
            // one that began to drain in between is not chosen again
            if let Some(ticket) = least.admit() {
                return Some(ticket);
            }
        }
    }

    fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.prefix.as_str());
        rest.is_some_and(|rest| self.prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Tcp;

    fn backend(id: &str) -> Arc<Backend> {
        Backend::new(id, Tcp(([127, 0, 0, 1], 1).into()))
    }

    #[test]
    fn the_longest_prefix_wins_at_a_segment() {
        let table = Table::new();
        table.set("Alpha", "/", vec![backend("root")]);
        table.set("alpha", "/api/", vec![backend("api")]);
        let id = |path: &str| {
            let route = table.find("alpha", path).unwrap();
            route.choose(&[]).unwrap().backend().id().to_owned()
        };
        assert_eq!(id("/"), "root");
        assert_eq!(id("/apis"), "root");
        assert_eq!(id("/api"), "api");
        assert_eq!(id("/api/x"), "api");
        assert_eq!(id("*"), "root");
        table.remove("ALPHA", "/api");
        assert_eq!(id("/api"), "root");
        table.remove("alpha", "/");
        assert!(table.find("alpha", "/").is_none());
    }

    #[test]
    fn the_least_busy_is_chosen_and_equals_take_turns() {
        let table = Table::new();
        let (a, b, c) = (backend("a"), backend("b"), backend("c"));
        table.set("alpha", "/", vec![Arc::clone(&a), Arc::clone(&b), Arc::clone(&c)]);
        let route = table.find("alpha", "/").unwrap();
        let mut seen: Vec<_> = (0..3).map(|_| route.choose(&[]).unwrap().backend().id().to_owned()).collect();
        seen.sort();
        assert_eq!(seen, ["a", "b", "c"]);
        let (_busy_a, _busy_b) = (a.admit().unwrap(), b.admit().unwrap());
        for _ in 0..4 {
            assert_eq!(route.choose(&[]).unwrap().backend().id(), "c");
        }
    }

    #[test]
    fn neither_draining_nor_tried_instances_are_chosen() {
        let table = Table::new();
        let (a, b) = (backend("a"), backend("b"));
        table.set("alpha", "/", vec![Arc::clone(&a), Arc::clone(&b)]);
        let route = table.find("alpha", "/").unwrap();
        a.drain();
        for _ in 0..4 {
            assert_eq!(route.choose(&[]).unwrap().backend().id(), "b");
        }
        let tried = [b.admit().unwrap()];
        assert!(route.choose(&tried).is_none());
        table.set("alpha", "/", Vec::new());
        assert!(table.find("alpha", "/").unwrap().choose(&[]).is_none());
    }
}
