//! From the files of all backends to one schema.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use options::Table;
use transcode::Program;

use super::Schema;
use crate::Unstated;
use crate::builtin::reflection::Reflection;
use crate::mapping::Mapping;
use crate::reflect::{self, Files};
use crate::state::hash;

/// Why files make no schema.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error(transparent)]
    Descriptors(#[from] transcode::DescriptorError),
    #[error("file descriptor: {0}")]
    File(#[from] prost::DecodeError),
    #[error(transparent)]
    Options(#[from] options::Error),
}

/// Compiles what the backends, by their places, serve. A service that two have belongs to the first, and so does a file.
pub(super) fn compile<'a>(
    backends: impl Iterator<Item = (&'a str, Option<&'a Files>)>,
    unstated: Unstated,
    mapping: &Mapping,
) -> Result<Schema, SchemaError> {
    let (owners, files) = gather(backends)?;
    let compiled = Program::compile(&files, &mapping.rules(), mapping.options.clone())?;
    for warning in &compiled.warnings {
        tracing::warn!(?warning, "a part of the schema cannot be served");
    }
    let set = set_of(&files);
    let mut access = Table::read(&set)?;
    if unstated == Unstated::Admit {
        access.admit_services_without_rules();
    }
    let reflection = Reflection::new(&files, owners.keys().map(String::as_str))?;
    let hash = hash(files.iter());
    let warnings = compiled.warnings.iter().map(ToString::to_string).collect();
    Ok(Schema {
        program: compiled.program,
        access,
        reflection,
        owners,
        files,
        hash,
        since: SystemTime::now(),
        warnings,
        documents: Mutex::default(),
    })
}

/// Services to the places of their backends, and the files of all.
type Gathered = (HashMap<String, usize>, Vec<Bytes>);

/// Puts together what the backends serve; of two that differ the first counts.
fn gather<'a>(backends: impl Iterator<Item = (&'a str, Option<&'a Files>)>) -> Result<Gathered, SchemaError> {
    let mut claims: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut seen: HashMap<String, (&str, Bytes)> = HashMap::new();
    let mut files: Vec<Bytes> = Vec::new();
    for (index, (backend, served)) in backends.enumerate() {
        let Some(served) = served else { continue };
        for service in &served.services {
            let (owner, first) = *claims.entry(service).or_insert((index, backend));
            if owner != index {
                tracing::warn!(
                    service,
                    first,
                    second = backend,
                    "two backends serve this, calls go to the first"
                );
            }
        }
        for (file, bytes) in &served.files {
            match seen.entry(file.clone()) {
                Entry::Vacant(place) => {
                    place.insert((backend, bytes.clone()));
                    files.push(bytes.clone());
                }
                Entry::Occupied(place) if place.get().1 != bytes => {
                    let first = place.get().0;
                    tracing::warn!(
                        file,
                        first,
                        second = backend,
                        "two backends differ in this, the first counts"
                    );
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    let owners: HashMap<String, usize> =
        claims.into_iter().map(|(service, (index, _))| (service.to_owned(), index)).collect();
    // details of errors lie in `Any`, so that no service's files need to have their types
    for file in transcode::files_of_set(tonic_types::pb::FILE_DESCRIPTOR_SET)? {
        if let Entry::Vacant(place) = seen.entry(reflect::file_name(&file)?) {
            place.insert(("", file.clone()));
            files.push(file);
        }
    }
    Ok((owners, files))
}

/// The encoding of a `FileDescriptorSet`: each file as field 1.
pub(super) fn set_of(files: &[Bytes]) -> Vec<u8> {
    let mut set = Vec::with_capacity(files.iter().map(|file| file.len() + 6).sum());
    for file in files {
        prost::encoding::encode_key(1, prost::encoding::WireType::LengthDelimited, &mut set);
        prost::encoding::encode_varint(file.len() as u64, &mut set);
        set.extend_from_slice(file);
    }
    set
}
