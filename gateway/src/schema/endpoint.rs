//! What is known of the endpoints of one backend, and which schema is in force for it.
//!
//! A new schema comes into force when every endpoint that is ready serves it. Until then methods that differ are called
//! only where the schema in force is, the others anywhere.

use std::sync::Arc;

use super::Methods;
use super::slots::Slots;
use crate::backend::Versions;
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
    files: Option<Arc<Files>>,
    serving: bool,
    ended: u64,
}

impl Endpoint {
    fn ready(&self) -> Option<&Arc<Files>> {
        self.files.as_ref().filter(|_| self.serving)
    }
}

/// What is known of one backend.
#[derive(Debug)]
pub(super) struct Known {
    endpoints: Vec<Endpoint>,
    /// The schema in force, and its methods.
    pub(super) files: Option<Arc<Files>>,
    pub(super) methods: Option<Arc<Methods>>,
    /// One that could not be used.
    refused: Option<Arc<Files>>,
    slots: Slots,
}

impl Known {
    pub(super) fn new(endpoints: usize) -> Self {
        let (files, methods, refused) = (None, None, None);
        let endpoints = vec![Endpoint::default(); endpoints];
        Self { endpoints, files, methods, refused, slots: Slots::default() }
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
                let same = endpoint.files.as_deref() == Some(&files) && endpoint.ended == ended;
                // endpoints that serve the same share it
                if !same {
                    endpoint.files = Some(self.slots.share(files));
                }
                endpoint.ended = ended;
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
        let files = self.slots.share(files.clone());
        for endpoint in &mut self.endpoints {
            endpoint.files = Some(Arc::clone(&files));
        }
    }

    /// What should come into force now, if it is not.
    pub(super) fn candidate(&self) -> Option<&Arc<Files>> {
        let mut ready = self.endpoints.iter().filter_map(Endpoint::ready);
        let first = match &self.files {
            Some(_) => ready.next(),
            None => ready.next().or_else(|| self.endpoints.iter().find_map(|one| one.files.as_ref())),
        }?;
        let new = Some(first) != self.files.as_ref() && Some(first) != self.refused.as_ref();
        let agreed = self.files.is_none() || ready.all(|files| files == first);
        (new && agreed).then_some(first)
    }

    /// Files that an endpoint has and whose methods are not known, where there is room for one more version.
    pub(super) fn unseen(&self) -> Option<Arc<Files>> {
        let mut all = self.endpoints.iter().filter_map(|endpoint| endpoint.files.as_ref());
        all.find(|files| self.slots.is_open_for(files)).cloned()
    }

    /// Takes what the methods of a version are.
    pub(super) fn learn(&mut self, files: &Arc<Files>, methods: Methods) {
        self.slots.insert(files, methods);
    }

    /// The methods of a version.
    pub(super) fn methods_of(&self, files: &Arc<Files>) -> Arc<Methods> {
        self.slots.methods(files)
    }

    /// Brings a schema into force.
    pub(super) fn adopt(&mut self, files: Arc<Files>) {
        self.refused = None;
        self.methods = Some(self.slots.methods(&files));
        self.files = Some(files);
    }

    /// Does not try a schema again, because it cannot be used.
    pub(super) fn refuse(&mut self, files: Arc<Files>) {
        self.refused = Some(files);
    }

    /// Whether each endpoint is ready, and whether it serves the schema in force.
    pub(super) fn standings(&self) -> impl Iterator<Item = (bool, bool)> {
        let current = |files: &Arc<Files>| Some(files) == self.files.as_ref();
        self.endpoints.iter().map(move |endpoint| {
            let ready = endpoint.ready();
            (ready.is_some(), ready.is_some_and(current))
        })
    }

    /// What the endpoints serve.
    pub(super) fn versions(&mut self) -> Versions {
        let mut versions = Versions { in_force: self.methods.clone(), ..Versions::default() };
        let is_served = self.standings().any(|(_, current)| current);
        let served = self.endpoints.iter().filter_map(|one| one.files.as_ref());
        let in_use: Vec<_> = served.chain(&self.files).cloned().collect();
        self.slots.keep(&in_use);
        let Self { endpoints, methods, refused, slots, .. } = self;
        for endpoint in endpoints {
            let place = endpoint.files.as_ref().and_then(|files| slots.place(files));
            if let (Some(place), Some(files)) = (place, &endpoint.files)
                && let Some(slot) = versions.methods.get_mut(place)
            {
                // where nobody serves the schema in force, because the new one cannot be used, there is no choice
                let is_taken_for_it = !is_served && refused.as_ref() == Some(files);
                *slot = if is_taken_for_it { methods.clone() } else { Some(slots.methods(files)) };
            }
            let fitness = place.filter(|_| endpoint.serving).map_or(0, Versions::fitness);
            versions.endpoints.push((endpoint.ended, fitness));
        }
        versions
    }
}

#[cfg(test)]
mod tests {
    //! Which schema is in force while endpoints change one after the other.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Whether an endpoint is ready, and whether it serves the schema in force.
    const SAME: (bool, bool) = (true, true);
    const READY: (bool, bool) = (true, false);
    const AWAY: (bool, bool) = (false, false);

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

    fn standings(known: &Known) -> Vec<(bool, bool)> {
        known.standings().collect()
    }

    #[test]
    fn a_schema_comes_into_force_when_every_ready_endpoint_has_it() {
        let mut known = Known::new(2);
        assert_eq!(settle(&mut known), None);
        know(&mut known, 0, "one");
        assert_eq!(settle(&mut known).unwrap(), "one");
        know(&mut known, 1, "one");
        assert_eq!(standings(&known), [SAME, SAME]);
        know(&mut known, 0, "two");
        assert_eq!(settle(&mut known).unwrap(), "one", "the other still serves it");
        assert_eq!(standings(&known), [READY, SAME]);
        assert!(known.take(1, News::Away));
        assert_eq!(settle(&mut known).unwrap(), "two", "the only one that is ready");
        assert_eq!(standings(&known), [SAME, AWAY]);
        know(&mut known, 1, "two");
        assert_eq!(standings(&known), [SAME, SAME]);
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
        known.refuse(Arc::new(files("broken")));
        assert_eq!(known.candidate(), None);
        assert_eq!(known.files.as_deref(), Some(&files("one")));
        know(&mut known, 0, "two");
        assert_eq!(settle(&mut known).unwrap(), "two");
    }
}
