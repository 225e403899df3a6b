//! JSON with an indentation of four, as the clients with `--json` print it.

use super::Value;

/// The JSON of a tree.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

/// The JSON of a tree on one line.
pub(crate) fn json_line(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// Writes a tree; without a depth on one line.
fn write(out: &mut String, value: &Value, depth: Option<usize>) {
    let deeper = depth.map(|depth| depth + 1);
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&number.to_string()),
        Value::Text(text) => string(out, text),
        Value::List(items) => block(out, depth, ['[', ']'], items, |out, item| write(out, item, deeper)),
        Value::Map(pairs) => block(out, depth, ['{', '}'], pairs, |out, (key, value)| {
            string(out, key);
            out.push_str(if depth.is_some() { ": " } else { ":" });
            write(out, value, deeper);
        }),
    }
}

fn block<T>(
    out: &mut String,
    depth: Option<usize>,
    ends: [char; 2],
    items: &[T],
    write: impl Fn(&mut String, &T),
) {
    let line = |out: &mut String, depth: Option<usize>| {
        if let Some(depth) = depth {
            out.push('\n');
            out.push_str(&"    ".repeat(depth));
        }
    };
    out.push(ends[0]);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, depth.map(|depth| depth + 1));
        write(out, item);
    }
    if !items.is_empty() {
        line(out, depth);
    }
    out.push(ends[1]);
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\x7f' => out.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    //! Read back by another implementation.

    use super::*;

    #[test]
    fn it_is_json() {
        let tree = Value::Map(vec![
            ("text".into(), Value::from("a\"\\\n\u{1}\u{7f}ü𝄞\r\t")),
            (
                "list".into(),
                Value::List(vec![Value::Null, Value::from(true), Value::Int(-7), Value::Float(0.5)]),
            ),
            ("empty".into(), Value::List(vec![])),
            ("map".into(), Value::Map(vec![])),
        ]);
        let text = json(&tree);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "text": "a\"\\\n\u{1}\u{7f}ü𝄞\r\t", "list": [null, true, -7, 0.5], "empty": [], "map": {},
        });
        assert_eq!(read, expected);
        assert!(text.starts_with("{\n    \"text\": "), "{text}");
        let line = json_line(&tree);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected);
        assert!(!line.contains('\n'), "{line}");
    }
}
