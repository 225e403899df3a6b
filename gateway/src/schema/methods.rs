//! What each method is: a method is the same in two versions of a backend when its own descriptor is, and that of every
//! message and enum that can be reached from it, byte by byte.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hash};

use bytes::Bytes;
use foldhash::quality::FixedState;
use prost::Message as _;

use crate::reflect::Files;

/// Messages may lie in each other so deep.
const MAX_DEPTH: usize = 64;

/// The methods of one version of a backend: hashes of 128 bits of all that they are made of, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Methods(HashMap<String, [u64; 2]>);

impl Methods {
    pub(super) fn of(files: &Files) -> Self {
        let index = Index::of(files);
        let types: HashMap<&str, [u64; 2]> =
            index.types.iter().map(|(name, one)| (name.as_str(), hash((name, &one.own)))).collect();
        let methods = index.methods.iter().map(|(path, one)| {
            let mut sum = hash(&one.own);
            for name in index.reached(one) {
                // a type that is missing is another one than a type that is there
                add(&mut sum, types.get(name).copied().unwrap_or_else(|| hash(name)));
            }
            (path.clone(), sum)
        });
        Self(methods.collect())
    }

    /// Whether both have the method of this path, and alike, or neither has it.
    pub(crate) fn agree(&self, other: &Self, path: &str) -> bool {
        std::ptr::eq(self, other) || self.0.get(path) == other.0.get(path)
    }
}

fn hash(what: impl Hash) -> [u64; 2] {
    [0, 1].map(|seed| FixedState::with_seed(seed).hash_one(&what))
}

fn add(sum: &mut [u64; 2], more: [u64; 2]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = sum.wrapping_add(more);
    }
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
    /// The types that can be reached from a method, each once.
    fn reached<'a>(&'a self, method: &'a Part) -> HashSet<&'a str> {
        let mut waiting: Vec<&str> = method.uses.iter().map(String::as_str).collect();
        let mut reached = HashSet::new();
        while let Some(name) = waiting.pop() {
            if reached.insert(name) {
                let uses = self.types.get(name).map_or(&[][..], |one| &one.uses);
                waiting.extend(uses.iter().map(String::as_str));
            }
        }
        reached
    }

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
