//! The route trie: finds the binding of a method and path, in time linear in the path for any set of routes.
//!
//! A literal beats `*`, `*` beats `**`, decided at the first segment where two routes differ. A `**` takes as much as it can,
//! but leaves what a literal after it wants: `{name=a/**}/raw` is asked before `{name=a/**}`.

mod search;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::template::{Segment, Template};
pub(crate) use search::Found;

/// Index of a binding.
pub(crate) type BindingId = u32;

/// Routes by method and path.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    /// Every verb of every route: what follows a last colon is a verb only when some route has it.
    verbs: HashMap<Box<str>, u16, RandomState>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, u32, RandomState>,
    one: Option<u32>,
    many: Option<u32>,
    /// It is a `**`, and some route has a literal after it.
    before_literal: bool,
    /// Routes that end here: verb (0 is none), HTTP method, binding.
    ends: Vec<End>,
}

#[derive(Debug, Clone)]
struct End {
    verb: u16,
    method: Box<str>,
    binding: BindingId,
    /// The path may also end in a slash.
    trailing_slash: bool,
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], verbs: HashMap::default() }
    }
}

impl Trie {
    /// Adds a route; the binding that already has this method and path when there is one.
    pub(crate) fn insert(
        &mut self,
        method: &str,
        template: &Template,
        trailing_slash: bool,
        binding: BindingId,
    ) -> Result<(), BindingId> {
        let verb = match &template.verb {
            None => 0,
            Some(verb) => {
                let next = u16::try_from(self.verbs.len() + 1).unwrap_or(u16::MAX);
                *self.verbs.entry(verb.as_str().into()).or_insert(next)
            }
        };
        let last_literal = template.segments.iter().rposition(|s| matches!(s, Segment::Literal(_)));
        let at = template.segments.iter().enumerate().fold(0, |at, (position, segment)| {
            let child = self.child(at, segment);
            if *segment == Segment::Many
                && last_literal > Some(position)
                && let Some(node) = self.nodes.get_mut(child as usize)
            {
                node.before_literal = true;
            }
            child
        });
        let Some(node) = self.nodes.get_mut(at as usize) else { return Ok(()) };
        if let Some(taken) = node.ends.iter().find(|e| e.verb == verb && &*e.method == method) {
            return Err(taken.binding);
        }
        node.ends.push(End { verb, method: method.into(), binding, trailing_slash });
        Ok(())
    }

    /// The node below `at` for a segment, made when it is missing.
    fn child(&mut self, at: u32, segment: &Segment) -> u32 {
        let fresh = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(at as usize) else { return at };
        let slot = match segment {
            Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_insert(fresh),
            Segment::One => node.one.get_or_insert(fresh),
            Segment::Many => node.many.get_or_insert(fresh),
        };
        let child = *slot;
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }
}
