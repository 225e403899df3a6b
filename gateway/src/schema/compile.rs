//! From the files of all backends to one schema.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use options::Table;
use transcode::{CompileOptions, Program, Unused};

use super::{Owners, Schema};
use crate::Unstated;
use crate::bounds::MethodBounds;
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
    let (mut access, faults) = Table::read_over(&set_of(&files), |method| mapping.access(method))?;
    if unstated == Unstated::Admit {
        access.admit_services_without_rules();
    }
    let rules = mapping.rules(&access);
    // how much a query may be is decided before a request has a route
    let (query_bytes, query_parameters) = (usize::MAX, usize::MAX);
    let options = CompileOptions { query_bytes, query_parameters, ..mapping.options.clone() };
    let compiled = Program::compile(&files, &rules, options)?;
    let mut warnings: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(faults.iter().map(|fault| format!("{fault}, so nobody may call it")));
    warnings.extend(rules.unused().into_iter().filter_map(unused));
    for warning in &warnings {
        tracing::warn!("a part of the schema cannot be served: {warning}");
    }
    let bounds = bounds(&compiled.program, mapping);
    let reflection = Reflection::new(&files, owners.keys().map(String::as_str))?;
    let hash = hash(files.iter());
    Ok(Schema {
        program: compiled.program,
        access,
        reflection,
        owners,
        files,
        bounds,
        hash,
        since: SystemTime::now(),
        warnings,
        documents: Mutex::default(),
    })
}

/// What calls may use, of the methods of which it is said.
fn bounds(program: &Program, mapping: &Mapping) -> HashMap<Box<str>, MethodBounds> {
    let methods = program.methods().map(|method| (method.path().into(), mapping.bounds(method.full_name())));
    methods.filter(|(_, bounds)| *bounds != MethodBounds::default()).collect()
}

/// A setting of the config file that is about nothing. What is said of everything is not.
fn unused(unused: Unused) -> Option<String> {
    let (list, kind, selector) = match unused {
        Unused::Method(selector) => ("methods", "method", selector),
        Unused::Field(selector) => ("fields", "field", selector),
        Unused::EnumValue(selector) => ("enum_values", "value of an enum", selector),
    };
    (selector != "*").then(|| format!("the selector {selector} of {list} selects no {kind}"))
}

/// Services to the places of their backends, and the files of all.
type Gathered = (Owners, Vec<Bytes>);

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
    let owners: Owners =
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
