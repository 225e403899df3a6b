//! Which methods two versions of a backend do not have in common: a method is the same when its own descriptor is, and
//! that of every message and enum that can be reached from it, byte by byte.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use prost::Message as _;

use crate::reflect::Files;

/// Messages may lie in each other so deep.
const MAX_DEPTH: usize = 64;

/// Paths of the methods of `own` that `other` does not have, or has otherwise.
pub(super) fn changes(own: &Files, other: &Files) -> HashSet<String> {
    let (own, other) = (Index::of(own), Index::of(other));
    let mut changed: HashSet<&str> = own
        .types
        .iter()
        .filter(|(name, one)| other.types.get(*name).is_none_or(|two| two.own != one.own))
        .map(|(name, _)| name.as_str())
        .collect();
    loop {
        let before = changed.len();
        for (name, one) in &own.types {
            if one.uses.iter().any(|used| changed.contains(used.as_str())) {
                changed.insert(name);
            }
        }
        if changed.len() == before {
            break;
        }
    }
    let differs = |path: &String, one: &Part| {
        other.methods.get(path).is_none_or(|two| two.own != one.own)
            || one.uses.iter().any(|used| changed.contains(used.as_str()) || !own.types.contains_key(used))
    };
    own.methods.iter().filter(|(path, one)| differs(path, one)).map(|(path, _)| path.clone()).collect()
}

/// A descriptor, and the types that it names.
#[derive(Debug, Default)]
struct Part {
    /// Everything that says what it is.
    own: Vec<Bytes>,
    uses: Vec<String>,
}

/// All types, by their names with a leading dot, and all methods, by their paths.
#[derive(Debug, Default)]
struct Index {
    types: HashMap<String, Part>,
    methods: HashMap<String, Part>,
}

impl Index {
    fn of(files: &Files) -> Self {
        let mut index = Self::default();
        for bytes in files.files.values() {
            // one that cannot be read has no methods, which then differ
            if let Ok(file) = File::decode(bytes.clone()) {
                index.add(&file);
            }
        }
        index
    }

    fn add(&mut self, file: &File) {
        let scope = if file.package.is_empty() { String::new() } else { format!(".{}", file.package) };
        let edition = file.edition.to_be_bytes();
        // what a file says of all that is in it
        let head = [file.syntax.clone(), file.options.clone(), Bytes::copy_from_slice(&edition)];
        for message in &file.message {
            self.add_message(&scope, &head, message, 0);
        }
        for bytes in &file.enumeration {
            self.add_enum(&scope, &head, bytes);
        }
        for bytes in &file.extension {
            self.extend(bytes);
        }
        for bytes in &file.service {
            let Ok(service) = Service::decode(bytes.clone()) else { continue };
            let name = format!("{scope}.{}", service.name);
            for bytes in service.method {
                let Ok(method) = Method::decode(bytes.clone()) else { continue };
                let path = format!("/{}/{}", name.trim_start_matches('.'), method.name);
                let own = head.iter().chain([&service.options, &bytes]).cloned().collect();
                self.methods.insert(path, Part { own, uses: vec![method.input_type, method.output_type] });
            }
        }
    }

    fn add_message(&mut self, scope: &str, head: &[Bytes], bytes: &Bytes, depth: usize) {
        let Ok(message) = Descriptor::decode(bytes.clone()) else { return };
        if depth > MAX_DEPTH {
            return;
        }
        let name = format!("{scope}.{}", message.name);
        let uses = message.field.into_iter().map(|field| field.type_name).filter(|used| !used.is_empty());
        let part = self.types.entry(name.clone()).or_default();
        part.own.extend(head.iter().chain([bytes]).cloned());
        part.uses.extend(uses);
        for nested in &message.nested {
            self.add_message(&name, head, nested, depth + 1);
        }
        for bytes in &message.enumeration {
            self.add_enum(&name, head, bytes);
        }
        for bytes in &message.extension {
            self.extend(bytes);
        }
    }

    fn add_enum(&mut self, scope: &str, head: &[Bytes], bytes: &Bytes) {
        let Ok(named) = Named::decode(bytes.clone()) else { return };
        let part = self.types.entry(format!("{scope}.{}", named.name)).or_default();
        part.own.extend(head.iter().chain([bytes]).cloned());
    }

    /// An extension is a part of the message that it extends.
    fn extend(&mut self, bytes: &Bytes) {
        let Ok(field) = Field::decode(bytes.clone()) else { return };
        let part = self.types.entry(field.extendee).or_default();
        part.own.push(bytes.clone());
        if !field.type_name.is_empty() {
            part.uses.push(field.type_name);
        }
    }
}

/// `FileDescriptorProto`, with everything inside as bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    message: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    enumeration: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    service: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    extension: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "8")]
    options: Bytes,
    #[prost(bytes = "bytes", tag = "12")]
    syntax: Bytes,
    #[prost(int32, tag = "14")]
    edition: i32,
}

/// `DescriptorProto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Descriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    field: Vec<Field>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    nested: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    enumeration: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    extension: Vec<Bytes>,
}

/// `FieldDescriptorProto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Field {
    #[prost(string, tag = "2")]
    extendee: String,
    #[prost(string, tag = "6")]
    type_name: String,
}

/// `ServiceDescriptorProto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    method: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "3")]
    options: Bytes,
}

/// `MethodDescriptorProto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    input_type: String,
    #[prost(string, tag = "3")]
    output_type: String,
}

/// Anything with a name.
#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

#[cfg(test)]
mod tests;
