//! What all backends serve, side by side: whose a service is, and what cannot be told of both of two that clash.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use prost::Message as _;
use transcode::Source;

use super::Owners;
use super::compile::SchemaError;
use crate::builtin::reflection::declared::File;
use crate::descriptors::Header;
use crate::reflect::Files;

/// How many types a warning names.
const NAMED: usize = 8;

/// What one backend serves.
pub(super) struct Served<'a> {
    pub(super) index: usize,
    pub(super) files: Vec<Bytes>,
    services: &'a [String],
}

/// A file of the name of another one, which came first.
struct Clash<'a> {
    file: &'a str,
    first: &'a str,
    second: &'a str,
    former: Bytes,
    bytes: Bytes,
}

/// What all backends serve.
pub(super) struct Gathered<'a> {
    pub(super) served: Vec<Served<'a>>,
    pub(super) owners: Owners,
    /// The first of each name.
    pub(super) files: Vec<Bytes>,
    clashes: Vec<Clash<'a>>,
    /// Services that get no calls, each in a sentence.
    unserved: Vec<String>,
}

impl<'a> Gathered<'a> {
    pub(super) fn of(
        backends: impl Iterator<Item = (&'a str, Option<&'a Files>)>,
    ) -> Result<Self, SchemaError> {
        let mut gathered = Self {
            served: Vec::new(),
            owners: Owners::default(),
            files: Vec::new(),
            clashes: Vec::new(),
            unserved: Vec::new(),
        };
        let mut names: Vec<&str> = Vec::new();
        let mut seen: HashMap<&str, (&str, &Bytes)> = HashMap::new();
        let mut all = Vec::new();
        for (index, (backend, files)) in backends.enumerate() {
            names.push(backend);
            let Some(files) = files else { continue };
            gathered.claim(index, files, &names);
            let left_out = files.left_out.iter();
            gathered.unserved.extend(left_out.map(|(service, told)| {
                format!("the service {service} of the backend {backend} is left out: {told}")
            }));
            for (file, bytes) in &files.files {
                match seen.entry(file) {
                    Entry::Vacant(place) => {
                        place.insert((backend, bytes));
                        gathered.files.push(bytes.clone());
                    }
                    Entry::Occupied(place) if place.get().1 != bytes => {
                        let (first, former) = *place.get();
                        let (former, bytes) = (former.clone(), bytes.clone());
                        gathered.clashes.push(Clash { file, first, second: backend, former, bytes });
                    }
                    Entry::Occupied(_) => {}
                }
            }
            all.push((index, files));
        }
        let of_errors = gathered.files_of_errors(&seen)?;
        for (index, files) in all {
            let missing = of_errors.iter().filter(|(name, _)| !files.files.contains_key(name));
            let files_of_it = files.files.values().chain(missing.map(|(_, bytes)| bytes)).cloned().collect();
            gathered.served.push(Served { index, files: files_of_it, services: &files.services });
        }
        Ok(gathered)
    }

    /// Gives services to a backend, but those that a former one has.
    fn claim(&mut self, index: usize, files: &Files, names: &[&str]) {
        for service in &files.services {
            let owner = *self.owners.entry(service.clone()).or_insert(index);
            if let (true, Some(first), Some(second)) = (owner != index, names.get(owner), names.get(index)) {
                self.unserved.push(format!(
                    "the service {service} of the backend {second} gets no calls, because {first} has it too"
                ));
            }
        }
    }

    /// Details of errors lie in `Any`, so that no service's files need to have their types: these are had by all.
    fn files_of_errors(
        &mut self,
        seen: &HashMap<&str, (&str, &Bytes)>,
    ) -> Result<Vec<(String, Bytes)>, SchemaError> {
        let mut found = Vec::new();
        for file in transcode::files_of_set(tonic_types::pb::FILE_DESCRIPTOR_SET)? {
            let name = Header::decode(file.clone())?.name;
            let bytes = if let Some((_, bytes)) = seen.get(&*name) {
                Bytes::clone(bytes)
            } else {
                self.files.push(file.clone());
                file
            };
            found.push((name, bytes));
        }
        Ok(found)
    }

    pub(super) fn sources(&self) -> Vec<Source<'_>> {
        self.served.iter().map(|one| Source { files: &one.files, services: one.services }).collect()
    }

    /// Every file, the first of each name before others.
    pub(super) fn all_files(&self) -> Vec<Bytes> {
        let mut files = self.files.clone();
        for clash in &self.clashes {
            if !files.contains(&clash.bytes) {
                files.push(clash.bytes.clone());
            }
        }
        files
    }

    /// What of it cannot be served, or cannot be told by reflection, where types contradict each other.
    pub(super) fn warnings(&self, contradictions: &[String]) -> Vec<String> {
        let mut warnings = self.unserved.clone();
        let mut left: Vec<&str> = contradictions.iter().map(String::as_str).collect();
        for Clash { file, first, second, former, bytes } in &self.clashes {
            let declared = File::read(bytes);
            let before = left.len();
            left.retain(|name| !declared.declares(name));
            // the same but for comments, or for options that nothing here reads
            let differs = left.len() < before || contradictions.iter().any(|name| declared.declares(name));
            if differs || !declared.is_within(&File::read(former)) {
                warnings.push(format!(
                    "the file {file} of the backend {second} is another one than that of {first}: each is served by its \
                     own, reflection tells that of {first}"
                ));
            }
        }
        if !left.is_empty() {
            let more = if left.len() > NAMED { ", …" } else { "" };
            left.truncate(NAMED);
            warnings.push(format!(
                "backends differ in {}{more}: each is served by its own, reflection tells the first",
                left.join(", ")
            ));
        }
        warnings
    }
}
