//! From the files of all backends to one schema.

use std::collections::HashMap;
use std::collections::HashSet;
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
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Compiles what the backends, by their places, serve. A service that two have belongs to the first.
pub(super) fn compile<'a>(
    backends: impl Iterator<Item = Option<&'a Files>>,
    unstated: Unstated,
    mapping: &Mapping,
) -> Result<Schema, SchemaError> {
    let mut owners = HashMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut files: Vec<Bytes> = Vec::new();
    for (index, backend) in backends.enumerate() {
        let Some(backend) = backend else { continue };
        for service in &backend.services {
            owners.entry(service.clone()).or_insert(index);
        }
        let new = backend.files.iter().filter(|(name, _)| seen.insert((*name).clone()));
        files.extend(new.map(|(_, bytes)| bytes.clone()));
    }
    // details of errors lie in `Any`, so that no service's files need to have their types
    for file in transcode::files_of_set(tonic_types::pb::FILE_DESCRIPTOR_SET)? {
        if seen.insert(reflect::file_name(&file)?) {
            files.push(file);
        }
    }
    let compiled = Program::compile(&files, &mapping.rules(), mapping.options.clone())?;
    for warning in &compiled.warnings {
        tracing::warn!(?warning, "a part of the schema cannot be served");
    }
    let set = set_of(&files);
    let mut access = Table::read(&set)?;
    if unstated == Unstated::Admit {
        access.admit_services_without_rules();
    }
    let reflection = Reflection::new(&set, owners.keys().map(String::as_str))?;
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
