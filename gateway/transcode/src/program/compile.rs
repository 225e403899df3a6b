//! From descriptor bytes to a program.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;

use super::{CompileOptions, Inner, MethodData, Warning};
use crate::bind::Binding;
use crate::bind::binding::{RawRule, Target};
use crate::descriptor::{
    DescriptorError, FileDescriptor, HttpPattern, HttpRule, MethodDescriptor, decode_file, http_rule,
};
use crate::rules::Rules;
use crate::schema;
use crate::trie::Trie;

/// Deeper nesting than this could need more stack than a thread has.
const DEEPEST: u32 = 200;

pub(super) fn compile(
    files: &[Bytes],
    rules: &dyn Rules,
    mut options: CompileOptions,
) -> Result<(Inner, Vec<Warning>), DescriptorError> {
    options.depth = options.depth.min(DEEPEST);
    let mut warnings = Vec::new();
    let files = decode_all(files, &mut warnings)?;
    let schema = schema::build(&files, rules, options.names, &mut warnings);
    let mut compiler = Compiler {
        rules,
        warnings,
        inner: Inner {
            schema,
            methods: Vec::new(),
            bindings: Vec::new(),
            options,
            method_ids: HashMap::new(),
            trie: Trie::default(),
        },
    };
    for file in &files {
        compiler.file(file);
    }
    Ok((compiler.inner, compiler.warnings))
}

fn decode_all(files: &[Bytes], warnings: &mut Vec<Warning>) -> Result<Vec<FileDescriptor>, DescriptorError> {
    let mut seen: HashMap<String, &Bytes> = HashMap::new();
    let mut decoded = Vec::with_capacity(files.len());
    for bytes in files {
        let file = decode_file(bytes)?;
        match seen.entry(file.name.clone()) {
            Entry::Vacant(slot) => {
                slot.insert(bytes);
                decoded.push(file);
            }
            Entry::Occupied(slot) if *slot.get() == bytes => {}
            Entry::Occupied(slot) => warnings.push(Warning::DuplicateFile { name: slot.key().clone() }),
        }
    }
    Ok(decoded)
}

struct Compiler<'c> {
    rules: &'c dyn Rules,
    warnings: Vec<Warning>,
    inner: Inner,
}

impl Compiler<'_> {
    fn file(&mut self, file: &FileDescriptor) {
        for service in &file.service {
            let service_name = schema::join(&file.package, &service.name);
            for method in &service.method {
                if let Err(warning) = self.method(&service_name, method) {
                    self.warnings.push(warning);
                }
            }
        }
    }

    fn method(&mut self, service: &str, d: &MethodDescriptor) -> Result<(), Warning> {
        let full_name = format!("{service}.{}", d.name);
        let path = format!("/{service}/{}", d.name);
        if self.inner.method_ids.contains_key(path.as_str()) {
            return Err(Warning::DuplicateMethod { name: full_name });
        }
        let type_id = |name: &str| {
            let found = self.inner.schema.message_id(name);
            found
                .ok_or_else(|| Warning::UnknownType { method: full_name.clone(), type_name: name.to_owned() })
        };
        let (input, output) = (type_id(&d.input_type)?, type_id(&d.output_type)?);
        let index = u32::try_from(self.inner.methods.len()).unwrap_or(u32::MAX);
        let data = MethodData {
            rules: self.rules.method(&full_name, &d.options),
            full_name: full_name.as_str().into(),
            path: path.as_str().into(),
            service: service.into(),
            input,
            output,
            client_streaming: d.client_streaming,
            server_streaming: d.server_streaming,
            options: d.options.clone(),
        };
        self.inner.method_ids.insert(path.as_str().into(), index);
        let slash = data.rules.trailing_slash;
        self.inner.methods.push(data);
        let target = Target { index, full_name: &full_name, input, output };
        self.bindings(&target, &d.options, slash);
        if self.inner.options.default_bindings {
            let rule = RawRule { http_method: "POST", path: &path, body: "*", response_body: "" };
            self.binding(&target, &rule, false);
        }
        Ok(())
    }

    fn bindings(&mut self, target: &Target<'_>, options: &[u8], slash: bool) {
        let rule = match http_rule(options) {
            Ok(Some(rule)) => rule,
            Ok(None) => return,
            Err(error) => {
                self.warnings.push(Warning::UnusableRule {
                    method: target.full_name.to_owned(),
                    rule: "google.api.http".to_owned(),
                    reason: error.to_string(),
                });
                return;
            }
        };
        for rule in std::iter::once(&rule).chain(&rule.additional_bindings) {
            match raw(rule) {
                Some(raw) => self.binding(target, &raw, slash),
                None => self.warnings.push(Warning::UnusableRule {
                    method: target.full_name.to_owned(),
                    rule: "google.api.http".to_owned(),
                    reason: "it has no path".to_owned(),
                }),
            }
        }
    }

    fn binding(&mut self, target: &Target<'_>, rule: &RawRule<'_>, slash: bool) {
        let binding = match Binding::compile(&self.inner.schema, target, rule) {
            Ok(binding) => binding,
            Err(warning) => return self.warnings.push(warning),
        };
        let id = u32::try_from(self.inner.bindings.len()).unwrap_or(u32::MAX);
        match self.inner.trie.insert(&binding.http_method, &binding.template, slash, id) {
            Ok(()) => self.inner.bindings.push(binding),
            Err(taken) => {
                let warning = self.collision(target, rule, taken);
                self.warnings.push(warning);
            }
        }
    }

    fn collision(&self, target: &Target<'_>, rule: &RawRule<'_>, taken: u32) -> Warning {
        let earlier = self.inner.bindings.get(taken as usize);
        let method = earlier.and_then(|b| self.inner.methods.get(b.method as usize));
        Warning::Collision {
            method: target.full_name.to_owned(),
            rule: format!("{} {}", rule.http_method, rule.path),
            taken_by: method.map_or_else(String::new, |m| m.full_name.to_string()),
            taken_rule: earlier.map_or_else(String::new, |b| format!("{} {}", b.http_method, b.source)),
        }
    }
}

fn raw(rule: &HttpRule) -> Option<RawRule<'_>> {
    let (http_method, path) = match rule.pattern.as_ref()? {
        HttpPattern::Get(path) => ("GET", path),
        HttpPattern::Put(path) => ("PUT", path),
        HttpPattern::Post(path) => ("POST", path),
        HttpPattern::Delete(path) => ("DELETE", path),
        HttpPattern::Patch(path) => ("PATCH", path),
        HttpPattern::Custom(custom) => (custom.kind.as_str(), &custom.path),
    };
    Some(RawRule { http_method, path, body: &rule.body, response_body: &rule.response_body })
}
