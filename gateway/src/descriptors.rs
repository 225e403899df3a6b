//! Schemas from files, instead of reflection.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use crate::reflect::Files;

/// Why bytes are no schema.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorsError {
    /// Not an encoded `google.protobuf.FileDescriptorSet`.
    #[error("not an encoded FileDescriptorSet: {0}")]
    Encoding(#[from] prost::DecodeError),
    /// A file imports one that is not there.
    #[error("{file} imports {import}, which is not in the set (protoc: --include_imports)")]
    Import {
        /// The file.
        file: String,
        /// What it imports.
        import: String,
    },
    /// There is nothing to serve.
    #[error("no service in any file of the set")]
    Empty,
}

/// What a backend serves, as descriptor sets say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors(pub(crate) Files);

impl Descriptors {
    /// Reads encoded `google.protobuf.FileDescriptorSet`s that hold every import (`protoc --descriptor_set_out`,
    /// `--include_imports`, and best `--include_source_info`). Of a file that is in several the first counts.
    pub fn read<'a>(sets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, DescriptorsError> {
        let mut files = BTreeMap::new();
        let mut services = Vec::new();
        let mut imports = Vec::new();
        for set in sets {
            for bytes in Set::decode(set)?.file {
                let file = Header::decode(bytes.clone())?;
                if files.contains_key(&file.name) {
                    continue;
                }
                services.extend(file.services());
                imports.extend(file.dependency.into_iter().map(|import| (file.name.clone(), import)));
                files.insert(file.name, bytes);
            }
        }
        if let Some((file, import)) = imports.into_iter().find(|(_, import)| !files.contains_key(import)) {
            return Err(DescriptorsError::Import { file, import });
        }
        let files = Files::new(services, files);
        if files.services.is_empty() { Err(DescriptorsError::Empty) } else { Ok(Self(files)) }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Set {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

/// The parts of a `FileDescriptorProto` that say what it serves and needs.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Header {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    package: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) dependency: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

impl Header {
    /// The full names of the services in it.
    pub(crate) fn services(&self) -> impl Iterator<Item = String> {
        self.service.iter().map(|service| match &*self.package {
            "" => service.name.clone(),
            package => format!("{package}.{}", service.name),
        })
    }
}

#[cfg(test)]
mod tests {
    //! Sets that can be served, and sets that cannot.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn file(name: &str, import: &[&str], service: &[&str]) -> Bytes {
        let service = service.iter().map(|name| Service { name: (*name).to_owned() }).collect();
        let dependency = import.iter().map(|name| (*name).to_owned()).collect();
        let file = Header { name: name.to_owned(), package: "p".to_owned(), dependency, service };
        file.encode_to_vec().into()
    }

    fn read(files: &[Bytes]) -> Result<Vec<String>, String> {
        let set = Set { file: files.to_vec() }.encode_to_vec();
        Descriptors::read([&set[..]]).map(|read| read.0.services).map_err(|error| error.to_string())
    }

    #[test]
    fn services_are_those_of_all_files() {
        let health = Header {
            package: "grpc.health.v1".to_owned(),
            ..Header::decode(file("h", &[], &["Health"])).unwrap()
        };
        let files = [file("a", &["b"], &["Z", "A"]), file("b", &[], &[]), health.encode_to_vec().into()];
        assert_eq!(read(&files).unwrap(), ["p.A", "p.Z"]);
    }

    #[test]
    fn what_cannot_be_served_is_said() {
        assert!(read(&[file("a", &["b"], &["S"])]).unwrap_err().contains("a imports b"));
        assert!(read(&[file("a", &[], &[])]).unwrap_err().contains("no service"));
        assert!(Descriptors::read([&b"\xff\xff"[..]]).unwrap_err().to_string().contains("FileDescriptorSet"));
    }
}
