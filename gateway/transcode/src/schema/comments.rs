//! Comments of a file, by the full name of what they describe.

use std::collections::HashMap;

use crate::descriptor::{EnumDescriptor, FileDescriptor, MessageDescriptor};

/// Collects the comments of `file` into `into`. What has one keeps it.
pub(crate) fn collect(file: &FileDescriptor, into: &mut HashMap<String, String>) {
    let Some(info) = &file.source_code_info else { return };
    let found: HashMap<&[i32], String> = info
        .location
        .iter()
        .filter_map(|l| {
            let text = if l.leading_comments.is_empty() { &l.trailing_comments } else { &l.leading_comments };
            let text = tidy(text);
            (!text.is_empty()).then_some((l.path.as_slice(), text))
        })
        .collect();
    let mut walk = Walk { found, into };
    for (i, message) in indexed(&file.message_type) {
        walk.message(message, &file.package, &[4, i]);
    }
    for (i, entry) in indexed(&file.enum_type) {
        walk.enumeration(entry, &file.package, &[5, i]);
    }
    for (i, service) in indexed(&file.service) {
        let name = super::build::join(&file.package, &service.name);
        walk.take(&[6, i], name.clone());
        for (j, method) in indexed(&service.method) {
            walk.take(&[6, i, 2, j], format!("{name}.{}", method.name));
        }
    }
}

fn indexed<T>(items: &[T]) -> impl Iterator<Item = (i32, &T)> {
    (0..).zip(items)
}

/// One leading space off every line, blank edges off the whole.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|l| l.strip_prefix(' ').unwrap_or(l).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

struct Walk<'w> {
    found: HashMap<&'w [i32], String>,
    into: &'w mut HashMap<String, String>,
}

impl Walk<'_> {
    fn take(&mut self, path: &[i32], name: String) {
        if let Some(text) = self.found.get(path) {
            self.into.entry(name).or_insert_with(|| text.clone());
        }
    }

    fn message(&mut self, message: &MessageDescriptor, scope: &str, path: &[i32]) {
        let name = super::build::join(scope, &message.name);
        let below = |part: i32, i: i32| [path, &[part, i]].concat();
        for (i, field) in indexed(&message.field) {
            self.take(&below(2, i), format!("{name}.{}", field.name));
        }
        for (i, nested) in indexed(&message.nested_type) {
            self.message(nested, &name, &below(3, i));
        }
        for (i, nested) in indexed(&message.enum_type) {
            self.enumeration(nested, &name, &below(4, i));
        }
        self.take(path, name);
    }

    fn enumeration(&mut self, entry: &EnumDescriptor, scope: &str, path: &[i32]) {
        let name = super::build::join(scope, &entry.name);
        for (i, value) in indexed(&entry.value) {
            self.take(&[path, &[2, i]].concat(), format!("{name}.{}", value.name));
        }
        self.take(path, name);
    }
}
