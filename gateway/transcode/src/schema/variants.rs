//! Types of one name that are different things in different pools, told apart for documents.

use std::collections::{HashMap, HashSet};

use super::pending::Pending;

/// Which definition of its name each type of a pool is; the first has 0 and is not listed.
#[derive(Debug, Default)]
pub(crate) struct Variants(HashMap<String, u16>);

impl Variants {
    pub(crate) fn of(&self, full_name: &str) -> u16 {
        self.0.get(full_name).copied().unwrap_or_default()
    }
}

/// The variants of every pool. A type is the same in two when everything that it reaches is.
pub(crate) fn variants(pools: &[Pending<'_>]) -> Vec<Variants> {
    let mut found: Vec<Variants> = Vec::with_capacity(pools.len());
    for (index, pool) in pools.iter().enumerate() {
        let before: Vec<_> =
            pools.iter().take(index).map(|former| (former, differing(former, pool))).collect();
        let mut own = HashMap::new();
        for name in if before.is_empty() { None } else { Some(pool.by_name.keys()) }.into_iter().flatten() {
            let has = before.iter().zip(&found).filter(|((former, _), _)| former.by_name.contains_key(name));
            let mut last = None;
            let mut same = None;
            for ((_, differs), variants) in has {
                let variant = variants.of(name);
                last = last.max(Some(variant));
                if !differs.contains(name.as_str()) {
                    same = same.or(Some(variant));
                }
            }
            let variant = same.or(last.map(|last| last.saturating_add(1))).unwrap_or_default();
            if variant > 0 {
                own.insert(name.clone(), variant);
            }
        }
        found.push(Variants(own));
    }
    found
}

/// Types of both that are not the same, or reach one that is not.
fn differing<'p>(one: &'p Pending<'_>, two: &'p Pending<'_>) -> HashSet<&'p str> {
    let mut differs: HashSet<&str> = one.contradictions(two).collect();
    loop {
        let before = differs.len();
        for message in &two.messages {
            let reaches = message.descriptor.field.iter().any(|field| {
                let name = field.type_name.trim_start_matches('.');
                !name.is_empty() && (differs.contains(name) || is_known(one, name) != is_known(two, name))
            });
            if reaches || !one.extended_alike(two, &message.full_name) {
                differs.insert(&message.full_name);
            }
        }
        if differs.len() == before {
            return differs;
        }
    }
}

fn is_known(pool: &Pending<'_>, name: &str) -> bool {
    pool.by_name.contains_key(name)
}
