//! YAML as `PyYAML`'s `dump` writes it: block style, ASCII, lines of 80, strings quoted where YAML 1.1 needs it.

mod scalar;
mod style;

use super::Value;
use scalar::Writer;

/// The YAML of a tree, with the end of its last line.
pub(crate) fn yaml(value: &Value) -> String {
    let mut writer = Writer::default();
    match value {
        Value::List(items) if !items.is_empty() => list(&mut writer, items, 0),
        Value::Map(pairs) if !pairs.is_empty() => map(&mut writer, pairs, 0),
        _ => scalar(&mut writer, value, 2),
    }
    writer.end()
}

fn list(writer: &mut Writer, items: &[Value], indent: usize) {
    for item in items {
        writer.begin(indent);
        writer.indicator("-");
        match item {
            Value::Map(pairs) if !pairs.is_empty() => map(writer, pairs, indent + 2),
            Value::List(items) if !items.is_empty() => list(writer, items, indent + 2),
            _ => scalar(writer, item, indent + 2),
        }
    }
}

fn map(writer: &mut Writer, pairs: &[(String, Value)], indent: usize) {
    for (key, value) in pairs {
        writer.begin(indent);
        writer.text(key, None);
        writer.indicator(":");
        match value {
            Value::Map(pairs) if !pairs.is_empty() => {
                writer.line();
                map(writer, pairs, indent + 2);
            }
            // lists in maps are not indented further
            Value::List(items) if !items.is_empty() => {
                writer.line();
                list(writer, items, indent);
            }
            _ => scalar(writer, value, indent + 2),
        }
    }
}

fn scalar(writer: &mut Writer, value: &Value, indent: usize) {
    match value {
        Value::Null => writer.word("null"),
        Value::Bool(truth) => writer.word(if *truth { "true" } else { "false" }),
        Value::Int(number) => writer.word(&number.to_string()),
        Value::Float(number) => writer.word(&format!("{number:?}")),
        Value::Text(text) => writer.text(text, Some(indent)),
        Value::List(_) => writer.word("[]"),
        Value::Map(_) => writer.word("{}"),
    }
}

#[cfg(test)]
mod tests;
