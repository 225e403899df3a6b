//! What is known of the endpoints of one backend, and which schema is in force for it.
//!
//! A new schema comes into force when every endpoint that is ready serves it. Until then methods that differ are called
//! only where the schema in force is, the others anywhere.

use std::collections::HashSet;

use super::changes::changes;
use crate::backend::{READY, SAME};
use crate::reflect::Files;

/// What is heard of an endpoint, while so many of its connections had ended.
#[derive(Debug)]
pub(super) enum News {
    /// What it serves.
    Files(u64, Files),
    /// Whether it says that it serves.
    Serving(u64, bool),
    /// It does not answer.
    Away,
}

/// What is known of one endpoint.
#[derive(Clone, Debug, Default)]
struct Endpoint {
    /// What it served when it was last seen.
    files: Option<Files>,
    serving: bool,
    ended: u64,
}

impl Endpoint {
    fn ready(&self) -> Option<&Files> {
        self.files.as_ref().filter(|_| self.serving)
    }
}

/// What is known of one backend.
#[derive(Debug)]
pub(super) struct Known {
    endpoints: Vec<Endpoint>,
    /// The schema in force.
    pub(super) files: Option<Files>,
    /// One that could not be used.
    refused: Option<Files>,
}

impl Known {
    pub(super) fn new(endpoints: usize) -> Self {
        Self { endpoints: vec![Endpoint::default(); endpoints], files: None, refused: None }
    }

    /// Whether any endpoint is ready.
    pub(super) fn is_serving(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.ready().is_some())
    }

    /// Takes news of an endpoint; says whether anything is new.
    pub(super) fn take(&mut self, endpoint: usize, news: News) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(endpoint) else { return false };
        match news {
            News::Files(ended, files) => {
                let same = endpoint.files.as_ref() == Some(&files) && endpoint.ended == ended;
                (endpoint.files, endpoint.ended) = (Some(files), ended);
                !same
            }
            News::Serving(ended, serving) => {
                let same = endpoint.serving == serving && endpoint.ended == ended;
                (endpoint.serving, endpoint.ended) = (serving, ended);
                !same
            }
            News::Away => std::mem::replace(&mut endpoint.serving, false),
        }
    }

    /// Takes what every endpoint serves from a description.
    pub(super) fn describe(&mut self, files: &Files) {
        for endpoint in &mut self.endpoints {
            endpoint.files = Some(files.clone());
        }
    }

    /// What should come into force now, if it is not.
    pub(super) fn candidate(&self) -> Option<&Files> {
        let mut ready = self.endpoints.iter().filter_map(Endpoint::ready);
        let first = match &self.files {
            Some(_) => ready.next(),
            None => ready.next().or_else(|| self.endpoints.iter().find_map(|one| one.files.as_ref())),
        }?;
        let new = Some(first) != self.files.as_ref() && Some(first) != self.refused.as_ref();
        let agreed = self.files.is_none() || ready.all(|files| files == first);
        (new && agreed).then_some(first)
    }

    /// Brings a schema into force; returns the former one.
    pub(super) fn adopt(&mut self, files: Files) -> Option<Files> {
        self.refused = None;
        self.files.replace(files)
    }

    /// Takes a schema back that cannot be used, and does not try it again.
    pub(super) fn refuse(&mut self, former: Option<Files>) {
        self.refused = std::mem::replace(&mut self.files, former);
    }

    /// What each endpoint is fit for, with how many of its connections had ended.
    pub(super) fn fitness(&self) -> impl Iterator<Item = (u64, u8)> {
        self.endpoints.iter().map(|endpoint| {
            let fitness = match endpoint.ready() {
                None => 0,
                files if files == self.files.as_ref() => READY | SAME,
                Some(_) => READY,
            };
            (endpoint.ended, fitness)
        })
    }

    /// Paths of methods that are not everywhere as the schema in force has them.
    pub(super) fn differing(&self) -> HashSet<String> {
        let ready = || self.endpoints.iter().filter_map(Endpoint::ready);
        // where nobody serves the schema in force, because the new one cannot be used, there is no choice
        let Some(force) = self.files.as_ref().filter(|force| ready().any(|files| files == *force)) else {
            return HashSet::new();
        };
        let others = ready().filter(|files| *files != force);
        others.flat_map(|files| changes(force, files)).collect()
    }
}

#[cfg(test)]
mod tests {
    //! Which schema is in force while endpoints change one after the other.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn files(version: &str) -> Files {
        Files { services: vec![version.to_owned()], ..Files::default() }
    }

    fn know(known: &mut Known, endpoint: usize, version: &str) {
        known.take(endpoint, News::Files(0, files(version)));
        known.take(endpoint, News::Serving(0, true));
    }

    fn settle(known: &mut Known) -> Option<String> {
        if let Some(candidate) = known.candidate().cloned() {
            known.adopt(candidate);
        }
        known.files.as_ref().map(|files| files.services[0].clone())
    }

    fn fitness(known: &Known) -> Vec<u8> {
        known.fitness().map(|(_, fitness)| fitness).collect()
    }

    #[test]
    fn a_schema_comes_into_force_when_every_ready_endpoint_has_it() {
        let mut known = Known::new(2);
        assert_eq!(settle(&mut known), None);
        know(&mut known, 0, "one");
        assert_eq!(settle(&mut known).unwrap(), "one");
        know(&mut known, 1, "one");
        assert_eq!(fitness(&known), [READY | SAME, READY | SAME]);
        know(&mut known, 0, "two");
        assert_eq!(settle(&mut known).unwrap(), "one", "the other still serves it");
        assert_eq!(fitness(&known), [READY, READY | SAME]);
        assert!(known.take(1, News::Away));
        assert_eq!(settle(&mut known).unwrap(), "two", "the only one that is ready");
        assert_eq!(fitness(&known), [READY | SAME, 0]);
        know(&mut known, 1, "two");
        assert_eq!(fitness(&known), [READY | SAME, READY | SAME]);
    }

    #[test]
    fn the_last_schema_stays_while_nobody_is_ready() {
        let mut known = Known::new(1);
        know(&mut known, 0, "one");
        settle(&mut known);
        known.take(0, News::Away);
        known.take(0, News::Files(1, files("two")));
        assert_eq!(settle(&mut known).unwrap(), "one");
        assert!(!known.is_serving());
        known.take(0, News::Serving(1, true));
        assert_eq!(settle(&mut known).unwrap(), "two");
    }

    #[test]
    fn what_cannot_be_used_is_not_tried_again() {
        let mut known = Known::new(1);
        know(&mut known, 0, "one");
        settle(&mut known);
        know(&mut known, 0, "broken");
        let former = known.adopt(files("broken"));
        known.refuse(former);
        assert_eq!(known.candidate(), None);
        assert_eq!(known.files, Some(files("one")));
        know(&mut known, 0, "two");
        assert_eq!(settle(&mut known).unwrap(), "two");
    }
}
