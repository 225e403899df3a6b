//! From the files of all backends to one schema.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;
use options::Table;
use transcode::{CompileOptions, Program, Unused};

use super::documents::Documents;
use super::gather::Gathered;
use super::{Schema, service_of};
use crate::Unstated;
use crate::bounds::MethodBounds;
use crate::builtin::reflection::Reflection;
use crate::mapping::Mapping;
use crate::reflect::Files;
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

/// Compiles what the backends, by their places, serve: each by its own files. A service that two have belongs to the
/// first.
pub(super) fn compile<'a>(
    backends: impl Iterator<Item = (&'a str, Option<&'a Files>)>,
    unstated: Unstated,
    mapping: &Mapping,
) -> Result<Schema, SchemaError> {
    let gathered = Gathered::of(backends)?;
    let (access, faults) = access(&gathered, unstated, mapping)?;
    let rules = mapping.rules(&access);
    // how much a query may be is decided before a request has a route
    let (query_bytes, query_parameters) = (usize::MAX, usize::MAX);
    let options = CompileOptions { query_bytes, query_parameters, ..mapping.options.clone() };
    let compiled = Program::compile_sources(&gathered.sources(), &rules, options)?;
    let mut warnings = gathered.warnings(&compiled.contradictions);
    warnings.extend(compiled.warnings.iter().map(ToString::to_string));
    warnings.extend(faults);
    warnings.extend(rules.unused().into_iter().filter_map(unused));
    for warning in &warnings {
        tracing::warn!("a part of the schema cannot be served: {warning}");
    }
    let bounds = bounds(&compiled.program, mapping);
    let documents = Documents::new(&compiled.program);
    let all = gathered.all_files();
    let Gathered { owners, files, .. } = gathered;
    let reflection = Reflection::new(&all, owners.keys().map(String::as_str))?;
    Ok(Schema {
        program: compiled.program,
        access,
        reflection,
        owners,
        methods: Vec::new(),
        files,
        bounds,
        hash: hash(all.iter()),
        since: SystemTime::now(),
        warnings,
        documents,
    })
}

/// Who may call what, and what is wrong with what is said of it.
fn access(
    gathered: &Gathered<'_>,
    unstated: Unstated,
    mapping: &Mapping,
) -> Result<(Table, Vec<String>), SchemaError> {
    let (mut access, mut faults) = (Table::default(), Vec::new());
    for served in &gathered.served {
        let is_own =
            |path: &str| gathered.owners.get(service_of(path)).is_none_or(|owner| *owner == served.index);
        let (mut own, wrong) = Table::read_over(&set_of(&served.files), |method| mapping.access(method))?;
        if unstated == Unstated::Admit {
            own.admit_services_without_rules();
        }
        access.extend(own, is_own);
        for fault in wrong {
            let fault = format!("{fault}, so nobody may call it");
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    Ok((access, faults))
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
