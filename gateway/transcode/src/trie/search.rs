//! The search: depth first with a memory of what failed, so that no set of routes makes it go over a path twice.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::{BindingId, Trie};
use crate::excerpt::beginning;
use crate::percent::{Mode, PercentFault, decode};

/// As many segments as most paths have at most.
const USUAL_SEGMENTS: usize = 8;

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A binding, and where each of its template's segments begins in the path; one more mark stands at the end.
    Route {
        binding: BindingId,
        marks: Vec<usize>,
    },
    /// The path is known, but not with this method.
    WrongMethod(BTreeSet<String>),
    Nothing,
}

/// A segment that no route may ever match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadSegment {
    pub(crate) segment: String,
    pub(crate) expected: &'static str,
}

impl Trie {
    /// Finds the route of `method` for `path`, which begins with a slash and is still percent-encoded. Without a method
    /// nothing is found but the methods that the path takes.
    pub(crate) fn find(&self, method: Option<&str>, path: &str) -> Result<Found, BadSegment> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (shorter, slash) = match path.strip_suffix('/') {
            Some(shorter) => (shorter, true),
            None => (path, false),
        };
        let mut allowed = BTreeSet::new();
        // a verb first: `things/7:cancel` is the verb cancel where some route has it, else an id with a colon; the
        // colon itself is not encoded
        let verb = shorter.rsplit_once(':').filter(|(_, verb)| !verb.contains('/'));
        if let Some((plain, name)) = verb
            && let Ok(name) = decode(name, Mode::Segment)
            && let Some(id) = self.verbs.get(&*name)
        {
            let segments = split(plain)?;
            let found = self.search(method, &segments, *id, slash, &mut allowed);
            if let Some(found) = found {
                return Ok(found);
            }
        }
        let segments = split(shorter)?;
        Ok(match self.search(method, &segments, 0, slash, &mut allowed) {
            Some(found) => found,
            None if allowed.is_empty() => Found::Nothing,
            None => Found::WrongMethod(allowed),
        })
    }

    fn search(
        &self,
        method: Option<&str>,
        segments: &[PathSegment<'_>],
        verb: u16,
        slash: bool,
        allowed: &mut BTreeSet<String>,
    ) -> Option<Found> {
        if segments.iter().any(|s| s.text.is_empty()) {
            return None;
        }
        let mut search = Search::new(self, method, segments, allowed);
        (search.verb, search.slash) = (verb, slash);
        let binding = search.at(0, 0, false)?;
        let mut marks = search.marks;
        for mark in &mut marks {
            *mark = segments.get(*mark).map_or_else(|| end(segments), |s| s.start);
        }
        marks.push(end(segments));
        Some(Found::Route { binding, marks })
    }
}

#[cfg(test)]
impl Trie {
    /// How much work a search is.
    pub(super) fn count_visits(&self, method: Option<&str>, segments: &[PathSegment<'_>]) -> usize {
        let mut allowed = BTreeSet::new();
        let mut search = Search::new(self, method, segments, &mut allowed);
        search.at(0, 0, false);
        search.visits
    }
}

/// One segment of the path.
pub(super) struct PathSegment<'p> {
    text: Cow<'p, str>,
    /// Offset in the path after its first slash.
    start: usize,
    len: usize,
}

/// Where the last segment ends.
fn end(segments: &[PathSegment<'_>]) -> usize {
    segments.last().map_or(0, |s| s.start + s.len)
}

pub(super) fn split(path: &str) -> Result<Vec<PathSegment<'_>>, BadSegment> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let mut segments = Vec::with_capacity(USUAL_SEGMENTS);
    let mut start = 0;
    for raw in path.split('/') {
        let bad = |expected| BadSegment { segment: beginning(raw, 60).into_owned(), expected };
        let text = decode(raw, Mode::Segment).map_err(|e: PercentFault| bad(e.expected()))?;
        if text == "." || text == ".." {
            return Err(bad("a path without dot segments"));
        }
        segments.push(PathSegment { text, start, len: raw.len() });
        start += raw.len() + 1;
    }
    Ok(segments)
}

struct Search<'s, 'p> {
    trie: &'s Trie,
    method: Option<&'s str>,
    segments: &'s [PathSegment<'p>],
    verb: u16,
    slash: bool,
    allowed: &'s mut BTreeSet<String>,
    /// For each `**` node, the position from which on nothing was found below it; apart from the search for a literal.
    failed: HashMap<(u32, bool), usize, RandomState>,
    /// How many pairs of node and position were looked at.
    visits: usize,
    /// At which path segment each template segment begins.
    marks: Vec<usize>,
}

impl<'s, 'p> Search<'s, 'p> {
    fn new(
        trie: &'s Trie,
        method: Option<&'s str>,
        segments: &'s [PathSegment<'p>],
        allowed: &'s mut BTreeSet<String>,
    ) -> Self {
        let (failed, marks) = (HashMap::default(), Vec::with_capacity(segments.len() + 1));
        Self { trie, method, segments, verb: 0, slash: false, allowed, failed, visits: 0, marks }
    }

    /// Matches the path from segment `position` on below `node`; when `wanted` only with a literal on the way. Recursion
    /// is as deep as the longest template.
    fn at(&mut self, node: u32, position: usize, wanted: bool) -> Option<BindingId> {
        self.visits += 1;
        let here = self.trie.node(node)?;
        let Some(segment) = self.segments.get(position) else {
            let end = if wanted { None } else { self.end(node) };
            return end.or_else(|| self.below(here.many?, position, position, wanted));
        };
        if let Some(child) = here.literals.get(&*segment.text)
            && let Some(found) = self.below(*child, position, position + 1, false)
        {
            return Some(found);
        }
        if let Some(child) = here.one
            && let Some(found) = self.below(child, position, position + 1, wanted)
        {
            return Some(found);
        }
        self.many(here.many?, position, wanted)
    }

    /// `child` takes the segments from `position` to `next`.
    fn below(&mut self, child: u32, position: usize, next: usize, wanted: bool) -> Option<BindingId> {
        self.marks.push(position);
        let found = self.at(child, next, wanted);
        if found.is_none() {
            self.marks.pop();
        }
        found
    }

    /// A `**` from `position` on, first as part of a route with a literal after it.
    fn many(&mut self, child: u32, position: usize, wanted: bool) -> Option<BindingId> {
        let literal = self.trie.node(child)?.before_literal;
        let found = if literal { self.many_of(child, position, true) } else { None };
        found.or_else(|| if wanted { None } else { self.many_of(child, position, false) })
    }

    /// A `**` from `position` on: as many segments as it can have, then fewer.
    fn many_of(&mut self, child: u32, position: usize, wanted: bool) -> Option<BindingId> {
        let node = self.trie.node(child)?;
        let ends_here = node.literals.is_empty() && node.one.is_none() && node.many.is_none();
        let all = self.segments.len();
        let known = self.failed.get(&(child, wanted)).copied().unwrap_or(all + 1);
        let first = if ends_here { all } else { position };
        for next in (first..known).rev() {
            if let Some(found) = self.below(child, position, next, wanted) {
                return Some(found);
            }
        }
        self.failed.insert((child, wanted), known.min(first));
        None
    }

    /// The binding of this method that ends at `node`; methods of others are noted.
    fn end(&mut self, node: u32) -> Option<BindingId> {
        let (verb, slash) = (self.verb, self.slash);
        let ends = self.trie.node(node)?.ends.iter();
        let ends = ends.filter(|e| e.verb == verb && (!slash || e.trailing_slash));
        let with = |wanted: &str| ends.clone().find(|e| &*e.method == wanted).map(|e| e.binding);
        let found = self.method.and_then(|method| {
            with(method).or_else(|| with("GET").filter(|_| method == "HEAD")).or_else(|| with("*"))
        });
        if found.is_none() {
            self.allowed.extend(ends.map(|e| e.method.to_string()));
        }
        found
    }
}
