//! The trie against a matcher that tries every template by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::{Found, Trie};
use crate::template::{Segment, Template};

fn trie(templates: &[Template]) -> Trie {
    let mut trie = Trie::default();
    for (id, template) in (0..).zip(templates) {
        // an equal template may come twice; the first stays
        let _ = trie.insert("GET", template, false, id);
    }
    trie
}

fn matches(template: &[Segment], path: &[&str]) -> bool {
    match (template.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Segment::Many, rest)), _) => (0..=path.len()).any(|n| matches(rest, &path[n..])),
        (Some((Segment::One, rest)), Some((_, tail))) => matches(rest, tail),
        (Some((Segment::Literal(text), rest)), Some((head, tail))) => text == head && matches(rest, tail),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Rank of a template without `**`: literals before wildcards, the first difference decides.
fn rank(template: &Template) -> Vec<bool> {
    template.segments.iter().map(|s| *s == Segment::One).collect()
}

fn template() -> impl Strategy<Value = Template> {
    let segment = prop_oneof![3 => "[ab]", 2 => Just("*".to_owned()), 1 => Just("**".to_owned())];
    (prop::collection::vec(segment, 1..5), prop::option::of("[vw]")).prop_map(|(segments, verb)| {
        let verb = verb.map_or_else(String::new, |v| format!(":{v}"));
        Template::parse(&format!("/{}{verb}", segments.join("/"))).unwrap()
    })
}

proptest! {
    #[test]
    fn finds_a_route_exactly_when_one_matches(
        templates in prop::collection::vec(template(), 1..12),
        path in prop::collection::vec("[abc]", 1..7),
        verb in prop::option::of("[vwx]"),
    ) {
        let known = |v: &str| templates.iter().any(|t| t.verb.as_deref() == Some(v));
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let joined = format!("/{}", segments.join("/"));
        let with_verb = verb.as_ref().map_or_else(|| joined.clone(), |v| format!("{joined}:{v}"));
        // the path read with its verb, and (the colon belonging to the last segment) without
        let whole = with_verb[1..].split('/').collect::<Vec<_>>();
        let fits = |t: &Template| match &t.verb {
            Some(v) => verb.as_ref() == Some(v) && known(v) && matches(&t.segments, &segments),
            None => matches(&t.segments, &whole),
        };
        let found = trie(&templates).find(Some("GET"), &with_verb).unwrap();
        match found {
            Found::Route { binding, marks } => {
                let template = &templates[binding as usize];
                prop_assert!(fits(template), "{template:?}");
                check_marks(template, &with_verb[1..], &marks)?;
                check_rank(&templates, template, &fits)?;
            }
            _ => prop_assert!(!templates.iter().any(fits)),
        }
    }
}

/// Every template segment covers what it says.
fn check_marks(template: &Template, path: &str, marks: &[usize]) -> Result<(), TestCaseError> {
    prop_assert_eq!(marks.len(), template.segments.len() + 1);
    for (segment, bounds) in template.segments.iter().zip(marks.windows(2)) {
        let covered = path[bounds[0]..bounds[1]].trim_end_matches('/');
        match segment {
            Segment::Literal(text) => prop_assert_eq!(covered, text),
            Segment::One => prop_assert!(!covered.is_empty() && !covered.contains('/')),
            Segment::Many => {}
        }
    }
    Ok(())
}

/// Among templates without `**` and with the same verb the most literal one wins.
fn check_rank(
    templates: &[Template],
    found: &Template,
    fits: &impl Fn(&Template) -> bool,
) -> Result<(), TestCaseError> {
    let plain = |t: &&Template| !t.segments.contains(&Segment::Many) && t.verb == found.verb;
    if plain(&found) {
        for other in templates.iter().filter(plain).filter(|t| fits(t)) {
            prop_assert!(rank(found) <= rank(other), "{other:?} before {found:?}");
        }
    }
    Ok(())
}

#[test]
fn a_literal_after_any_number_of_segments_is_asked_first() {
    let texts = ["/a/**", "/a/**/x", "/a/**/*/y", "/a/**/*", "/a/**/**/z", "/a/**:v"];
    let templates: Vec<Template> = texts.iter().map(|t| Template::parse(t).unwrap()).collect();
    let trie = trie(&templates);
    let rows = [
        ("/a", "/a/**"),
        ("/a/b", "/a/**"),
        ("/a/b/c", "/a/**"),
        ("/a/x", "/a/**/x"),
        ("/a/b/x", "/a/**/x"),
        ("/a/x/x", "/a/**/x"),
        ("/a/y", "/a/**"),
        ("/a/b/y", "/a/**/*/y"),
        ("/a/b/c/z", "/a/**/**/z"),
        ("/a/b/c/z:v", "/a/**:v"),
    ];
    for (path, expected) in rows {
        let Ok(Found::Route { binding, marks }) = trie.find(Some("GET"), path) else { panic!("{path}") };
        assert_eq!(texts[binding as usize], expected, "{path}");
        assert_eq!(marks.len(), templates[binding as usize].segments.len() + 1);
    }
}

#[test]
fn many_wildcards_stay_linear() {
    let sets: [&[&str]; 4] = [
        &["/**/a/**/a/**/a/**/a/**/b", "/**/*/**/*/**/*/**/*/c", "/a/**/a/**/a/**/a/**/a/d"],
        &["/**/**/**/**/**/**/**/**/b", "/*/*/*/**/*/*/*/**/*", "/**/a/*/a/**/b"],
        &["/*/**/a/*/**/a/*/**/a/x", "/**", "/**/a", "/**/a/a", "/**/a/a/a/b"],
        &["/a/*/a/*/a/*/**/b", "/*/a/*/a/*/a/**/c", "/a/a/*/*/a/a/**/d", "/*/*/a/a/*/*/**/e"],
    ];
    for texts in sets {
        let templates: Vec<Template> = texts.iter().map(|t| Template::parse(t).unwrap()).collect();
        let trie = trie(&templates);
        let visits = |n: usize| {
            let path = "a/".repeat(n) + "no";
            let segments = super::search::split(&path).unwrap();
            // without a method nothing is ever found: the whole of the search
            trie.count_visits(None, &segments)
        };
        let (short, long) = (visits(1_000), visits(10_000));
        let nodes = trie.nodes.len();
        assert!(long > 1_000 && long <= short * 11, "{texts:?} {short} {long}");
        assert!(long <= 2 * nodes * 10_002, "{texts:?} {nodes} {long}");
    }
}
