//! Where a message occurs: what may be said of it depends on who sends it.

use std::collections::HashSet;

use crate::program::Inner;
use crate::rules::{MethodRules, UnknownFields};
use crate::schema::{Message, MessageId};

/// The schema of a message by who sends it and how strictly it is read. Documents of canonical forms have one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// As it is printed; of canonical documents the only one.
    Output,
    /// As it is read where unknown fields are refused.
    Strict,
    /// As it is read where unknown fields are reported.
    Reporting,
    /// As it is read where unknown fields, and unknown words of enums, are ignored.
    Lenient,
    /// As strict, but for words of enums in upper and lower case.
    AnyCase,
    /// As reporting, but for words of enums in upper and lower case.
    ReportingAnyCase,
}

impl Side {
    pub(super) fn of_requests(rules: &MethodRules) -> Self {
        match (rules.unknown_fields, rules.any_case_enums) {
            (UnknownFields::Reject, false) => Self::Strict,
            (UnknownFields::Reject, true) => Self::AnyCase,
            (UnknownFields::Report, false) => Self::Reporting,
            (UnknownFields::Report, true) => Self::ReportingAnyCase,
            (UnknownFields::Ignore, _) => Self::Lenient,
        }
    }

    /// Paths and queries, which have no unknown words of enums.
    pub(super) fn of_text(rules: &MethodRules) -> Self {
        if rules.any_case_enums { Self::AnyCase } else { Self::Strict }
    }

    /// Whether a message may have its own fields alone.
    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Strict | Self::AnyCase)
    }

    /// What the names of its schemas end in. No full name of a proto has a hyphen.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Output => "",
            Self::Strict => "-Input",
            Self::Reporting => "-ReportedInput",
            Self::Lenient => "-LenientInput",
            Self::AnyCase => "-AnyCaseInput",
            Self::ReportingAnyCase => "-ReportedAnyCaseInput",
        }
    }
}

/// Which messages requests hold, and which replies hold: of each schema of the program by the messages' places.
#[derive(Debug)]
pub(super) struct Directions {
    requests: Vec<Vec<bool>>,
    replies: Vec<Vec<bool>>,
}

impl Directions {
    /// Follows every documented route, so that a message is described alike in all documents of a program.
    pub(super) fn of(inner: &Inner) -> Self {
        let none = || inner.schemas.iter().map(|schema| vec![false; schema.messages.len()]).collect();
        let mut found = Self { requests: none(), replies: none() };
        for binding in &inner.bindings {
            if let Some(method) = inner.methods.get(binding.method as usize).filter(|m| !m.rules.hidden) {
                follow(inner, (method.pool, method.input), &mut found.requests);
                follow(inner, (method.pool, method.output), &mut found.replies);
            }
        }
        if inner.schemas.len() > 1 {
            share(inner, &mut found.requests);
            share(inner, &mut found.replies);
        }
        found
    }

    pub(super) fn in_requests(&self, pool: u16, id: MessageId) -> bool {
        is_seen(&self.requests, pool, id)
    }

    pub(super) fn in_replies(&self, pool: u16, id: MessageId) -> bool {
        is_seen(&self.replies, pool, id)
    }
}

fn is_seen(seen: &[Vec<bool>], pool: u16, id: MessageId) -> bool {
    seen.get(usize::from(pool)).and_then(|seen| seen.get(id.0 as usize)).copied().unwrap_or_default()
}

fn follow(inner: &Inner, (pool, from): (u16, MessageId), seen: &mut [Vec<bool>]) {
    let (schema, Some(seen)) = (inner.schema(pool), seen.get_mut(usize::from(pool))) else { return };
    let mut pending = vec![from];
    while let Some(id) = pending.pop() {
        match seen.get_mut(id.0 as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        pending.extend(schema.message(id).fields.iter().filter_map(|f| f.kind.message()));
    }
}

/// A message that several schemas have alike is described once, and occurs wherever any of them has it.
fn share(inner: &Inner, seen: &mut [Vec<bool>]) {
    let name = |message: &Message| (message.full_name.clone(), message.variant);
    let all = || inner.schemas.iter().flat_map(|schema| &schema.messages);
    let flags = seen.iter().flatten();
    let found: HashSet<_> = all().zip(flags).filter(|(_, seen)| **seen).map(|(one, _)| name(one)).collect();
    for (message, seen) in all().zip(seen.iter_mut().flatten()) {
        *seen = found.contains(&name(message));
    }
}
