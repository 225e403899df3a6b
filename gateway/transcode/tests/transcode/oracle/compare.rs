//! What is the same: JSON by its values, messages by the bits of theirs.

use prost_reflect::{DynamicMessage, ReflectMessage as _, SerializeOptions, Value};

const ANY: &str = "google.protobuf.Any";

/// How the oracle prints with the names of the proto file.
pub(crate) fn oracle_json(message: &DynamicMessage) -> String {
    print(message, &SerializeOptions::new().use_proto_field_name(true), false)
}

/// The oracle's JSON, on many lines if `pretty`.
pub(crate) fn print(message: &DynamicMessage, options: &SerializeOptions, pretty: bool) -> String {
    let mut out = Vec::new();
    let printed = if pretty {
        message.serialize_with_options(&mut serde_json::Serializer::pretty(&mut out), options)
    } else {
        message.serialize_with_options(&mut serde_json::Serializer::new(&mut out), options)
    };
    printed.unwrap();
    String::from_utf8(out).unwrap()
}

/// Parsed JSON with its numbers as text of doubles, since 1.0 and 1 are the same number.
pub(crate) fn tree(json: &str) -> serde_json::Value {
    fn settle(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Number(n) => *value = format!("number {:?}", n.as_f64().unwrap()).into(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(settle),
            serde_json::Value::Object(members) => members.values_mut().for_each(settle),
            _ => {}
        }
    }
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    settle(&mut value);
    value
}

/// Whether two messages have the same fields and extensions with the same values, floating point by its bits.
pub(crate) fn same(one: &DynamicMessage, other: &DynamicMessage) -> bool {
    if let (Some(a), Some(b)) = (inside(one), inside(other)) {
        return same(&a, &b);
    }
    let (mine, others) = (set(one), set(other));
    let alike = |((n, v), (m, w)): (&(u32, &Value), &(u32, &Value))| n == m && same_value(v, w);
    mine.len() == others.len() && mine.iter().zip(&others).all(alike)
}

/// The message in an `Any`, whose bytes may have the entries of a map in any order.
fn inside(message: &DynamicMessage) -> Option<DynamicMessage> {
    let descriptor = message.descriptor();
    if descriptor.full_name() != ANY {
        return None;
    }
    let (url, value) = (message.get_field_by_number(1)?, message.get_field_by_number(2)?);
    let inner = descriptor.parent_pool().get_message_by_name(url.as_str()?.rsplit('/').next()?)?;
    DynamicMessage::decode(inner, value.as_bytes()?.clone()).ok()
}

fn set(message: &DynamicMessage) -> Vec<(u32, &Value)> {
    let fields = message.fields().map(|(f, v)| (f.number(), v));
    fields.chain(message.extensions().map(|(e, v)| (e.number(), v))).collect()
}

fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
        (Value::Message(a), Value::Message(b)) => same(a, b),
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same_value(v, w)))
        }
        _ => one == other,
    }
}

/// Whether the text of a message can be one only: no floating point, whose spellings differ, and no map of several
/// entries, whose order is free.
pub(crate) fn has_one_text(message: &DynamicMessage) -> bool {
    !contains(message, &|value| is_float(value) || value.as_map().is_some_and(|entries| entries.len() > 1))
}

/// Whether there is floating point in a message.
pub(crate) fn has_float(message: &DynamicMessage) -> bool {
    contains(message, &is_float)
}

fn is_float(value: &Value) -> bool {
    match value {
        Value::F32(_) | Value::F64(_) => true,
        // whose number is not there when it is zero
        Value::Message(m) => {
            matches!(m.descriptor().full_name(), "google.protobuf.DoubleValue" | "google.protobuf.FloatValue")
        }
        _ => false,
    }
}

fn contains(message: &DynamicMessage, what: &dyn Fn(&Value) -> bool) -> bool {
    let one = |value: &Value| what(value) || value.as_message().is_some_and(|m| contains(m, what));
    let found = |value: &Value| match value {
        Value::List(values) => values.iter().any(one),
        Value::Map(entries) => what(value) || entries.values().any(one),
        _ => one(value),
    };
    match inside(message) {
        Some(inner) => contains(&inner, what),
        None => set(message).into_iter().any(|(_, value)| found(value)),
    }
}
