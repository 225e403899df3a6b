//! From a path template and random values to a path, as `google/api/http.proto` says that clients do it.

use std::fmt::Write as _;

use prost_reflect::{Kind, MessageDescriptor};

use crate::random::Random;
use crate::values::scalar;

/// A path, and what its variables stand for.
pub(crate) struct Expanded {
    pub(crate) path: String,
    /// Field path and text.
    pub(crate) variables: Vec<(String, String)>,
}

/// Fills every variable and wildcard of `template`; a `**` is `length` segments.
pub(crate) fn expand(
    random: &mut Random,
    template: &str,
    input: &MessageDescriptor,
    length: u64,
) -> Expanded {
    let mut out = Expanded { path: String::new(), variables: Vec::new() };
    let mut rest = template;
    while let Some(open) = rest.find(['{', '*']) {
        out.path.push_str(&rest[..open]);
        rest = &rest[open..];
        if let Some(after) = rest.strip_prefix('{') {
            let (variable, after) = after.split_once('}').unwrap();
            rest = after;
            let (name, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
            let (raw, encoded) = value(random, name, pattern, input, length);
            out.path.push_str(&encoded);
            out.variables.push((name.to_owned(), raw));
        } else {
            let many = rest.starts_with("**");
            rest = rest.trim_start_matches('*');
            out.path.push_str(&segments(random, if many { "**" } else { "*" }, length).1);
        }
    }
    out.path.push_str(rest);
    out
}

/// A variable's value, and how it stands in the path.
fn value(
    random: &mut Random,
    name: &str,
    pattern: &str,
    input: &MessageDescriptor,
    length: u64,
) -> (String, String) {
    let kind = kind(name, input);
    if kind != Kind::String {
        assert_eq!(pattern, "*", "{name} of {}", input.full_name());
        let raw = scalar(random, &kind).unwrap().0;
        let encoded = encode(&raw, false);
        return (raw, encoded);
    }
    if pattern == "*" {
        // a single segment may stand for anything, a slash too
        let raw =
            if random.chance(20) { format!("{}/{}", random.word(), random.word()) } else { random.word() };
        let encoded = encode(&raw, false);
        return (raw, encoded);
    }
    segments(random, pattern, length)
}

fn kind(name: &str, input: &MessageDescriptor) -> Kind {
    let mut message = input.clone();
    let mut parts = name.split('.').peekable();
    loop {
        let field = message.get_field_by_name(parts.next().unwrap()).unwrap();
        match field.kind() {
            Kind::Message(inner) if parts.peek().is_some() => message = inner,
            kind => return kind,
        }
    }
}

/// The segments of a pattern, raw and encoded.
fn segments(random: &mut Random, pattern: &str, length: u64) -> (String, String) {
    let mut raw = Vec::new();
    for segment in pattern.split('/') {
        match segment {
            // the escape of a slash is left as it stands in a value of several segments, so it cannot be one here
            "*" => raw.push(random.word().replace("%2F", "%")),
            "**" => (0..length).for_each(|_| raw.push(random.word().replace("%2F", "%"))),
            literal => raw.push(literal.to_owned()),
        }
    }
    let raw = raw.join("/");
    let encoded = encode(&raw, true);
    (raw, encoded)
}

/// Percent-encodes everything but `-_.~0-9a-zA-Z`, and a slash by choice.
pub(crate) fn encode(text: &str, slash: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || (slash && byte == b'/') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}
