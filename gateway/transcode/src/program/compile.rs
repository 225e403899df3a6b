//! From descriptor bytes to a program.

use std::collections::{HashMap, HashSet};

use super::sources::{Decoded, Owners, Pools, Source, pools};
use super::{CompileOptions, Inner, MethodData, Warning};
use crate::bind::Binding;
use crate::bind::binding::{RawRule, Target};
use crate::descriptor::{self, DescriptorError, FileDescriptor, HttpPattern, MethodDescriptor, http_rule};
use crate::rules::{HttpRule, Rules};
use crate::schema::{self, Schema};
use crate::trie::Trie;

/// Deeper nesting than this could need more stack than a thread has.
const DEEPEST: u32 = 200;

/// What the compiler makes.
pub(super) struct Output {
    pub(super) inner: Inner,
    pub(super) warnings: Vec<Warning>,
    pub(super) contradictions: Vec<String>,
}

pub(super) fn compile(
    sources: &[Source<'_>],
    rules: &dyn Rules,
    mut options: CompileOptions,
) -> Result<Output, DescriptorError> {
    options.depth = options.depth.min(DEEPEST);
    let mut warnings = Vec::new();
    let decoded = Decoded::new(sources, &mut warnings)?;
    let Pools { all: pools, of_source, contradictions } = pools(&decoded, &mut warnings);
    let variants = schema::variants(&pools);
    let build =
        |(pool, variants): (&_, &_)| schema::build(pool, variants, rules, options.names, &mut warnings);
    let mut schemas: Vec<Schema> = pools.iter().zip(&variants).map(build).collect();
    let decoded_of = |source: usize| decoded.of_source(source);
    for (source, pool) in of_source.iter().enumerate() {
        let Some(schema) = schemas.get_mut(*pool) else { continue };
        decoded_of(source).for_each(|file| schema::collect_comments(file, &mut schema.comments));
    }
    let mut compiler = Compiler {
        rules,
        warnings,
        used: vec![false; options.http_rules.len()],
        inner: Inner {
            schemas,
            methods: Vec::new(),
            bindings: Vec::new(),
            options,
            method_ids: HashMap::new(),
            trie: Trie::default(),
        },
    };
    let owners = Owners::new(sources);
    for (source, pool) in of_source.iter().enumerate() {
        compiler.source(source, u16::try_from(*pool).unwrap_or(u16::MAX), &owners, decoded_of(source));
    }
    compiler.warn_unused();
    let mut warnings = compiler.warnings;
    // what two pools have alike is told once
    let mut told = HashSet::new();
    warnings.retain(|warning| told.insert(warning.to_string()));
    Ok(Output { inner: compiler.inner, warnings, contradictions })
}

struct Compiler<'c> {
    rules: &'c dyn Rules,
    warnings: Vec<Warning>,
    /// Which of the rules from outside select a method.
    used: Vec<bool>,
    inner: Inner,
}

impl Compiler<'_> {
    /// The methods of a source, but of services that another one has.
    fn source<'f>(
        &mut self,
        source: usize,
        pool: u16,
        owners: &Owners<'_>,
        files: impl Iterator<Item = &'f FileDescriptor>,
    ) {
        let former: HashSet<Box<str>> = self.inner.methods.iter().map(|one| one.service.clone()).collect();
        for file in files {
            for service in &file.service {
                let service_name = schema::join(&file.package, &service.name);
                if owners.of(&service_name).map_or(former.contains(&*service_name), |owner| owner != source) {
                    continue;
                }
                for method in &service.method {
                    if let Err(warning) = self.method(pool, &service_name, method) {
                        self.warnings.push(warning);
                    }
                }
            }
        }
    }

    fn method(&mut self, pool: u16, service: &str, d: &MethodDescriptor) -> Result<(), Warning> {
        let full_name = format!("{service}.{}", d.name);
        let path = format!("/{service}/{}", d.name);
        if self.inner.method_ids.contains_key(path.as_str()) {
            return Err(Warning::DuplicateMethod { name: full_name });
        }
        let type_id = |name: &str| {
            let found = self.inner.schema(pool).message_id(name);
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
            pool,
            input,
            output,
            client_streaming: d.client_streaming,
            server_streaming: d.server_streaming,
            options: d.options.clone(),
        };
        self.inner.method_ids.insert(path.as_str().into(), index);
        let slash = data.rules.trailing_slash || self.inner.options.trailing_slash;
        let update_mask = data.rules.update_mask;
        self.inner.methods.push(data);
        let target = Target { index, pool, full_name: &full_name, input, output, update_mask };
        self.bindings(&target, &d.options, slash);
        if self.inner.options.default_bindings {
            let rule = RawRule { http_method: "POST", path: &path, body: "*", response_body: "" };
            self.binding(&target, &rule, slash);
        }
        Ok(())
    }

    fn bindings(&mut self, target: &Target<'_>, options: &[u8], slash: bool) {
        let rule = match self.outside(target.full_name) {
            Some(rule) => Ok(Some(rule)),
            None => http_rule(options).map(|rule| rule.map(annotated)),
        };
        let rule = match rule {
            Ok(Some(rule)) => rule,
            Ok(None) => return,
            Err(error) => return self.unusable(target, "google.api.http", error.to_string()),
        };
        self.binding(target, &raw(&rule), slash);
        for more in &rule.additional_bindings {
            self.binding(target, &raw(more), slash);
            if !more.additional_bindings.is_empty() {
                let reason = "additional bindings have none of their own".to_owned();
                self.unusable(target, &format!("{} {}", more.method, more.path), reason);
            }
        }
    }

    /// The last rule from outside that selects the method.
    fn outside(&mut self, full_name: &str) -> Option<HttpRule> {
        let mut chosen = None;
        for (given, used) in self.inner.options.http_rules.iter().zip(&mut self.used) {
            if given.selector.matches(full_name) {
                *used = true;
                chosen = Some(&given.rule);
            }
        }
        chosen.cloned()
    }

    fn warn_unused(&mut self) {
        let given = self.inner.options.http_rules.iter().zip(&self.used);
        let unused = given.filter(|(_, used)| !**used).map(|(given, _)| Warning::UnusedRule {
            selector: given.selector.to_string(),
            rule: format!("{} {}", given.rule.method, given.rule.path),
        });
        self.warnings.extend(unused);
    }

    fn unusable(&mut self, target: &Target<'_>, rule: &str, reason: String) {
        let (method, rule) = (target.full_name.to_owned(), rule.to_owned());
        self.warnings.push(Warning::UnusableRule { method, rule, reason });
    }

    fn binding(&mut self, target: &Target<'_>, rule: &RawRule<'_>, slash: bool) {
        let binding = match Binding::compile(self.inner.schema(target.pool), target, rule) {
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

fn raw(rule: &HttpRule) -> RawRule<'_> {
    RawRule {
        http_method: &rule.method,
        path: &rule.path,
        body: &rule.body,
        response_body: &rule.response_body,
    }
}

/// An annotation in the form of a rule from outside. One without a pattern has neither method nor path.
fn annotated(rule: descriptor::HttpRule) -> HttpRule {
    let (method, path) = match rule.pattern {
        Some(HttpPattern::Get(path)) => ("GET".to_owned(), path),
        Some(HttpPattern::Put(path)) => ("PUT".to_owned(), path),
        Some(HttpPattern::Post(path)) => ("POST".to_owned(), path),
        Some(HttpPattern::Delete(path)) => ("DELETE".to_owned(), path),
        Some(HttpPattern::Patch(path)) => ("PATCH".to_owned(), path),
        Some(HttpPattern::Custom(custom)) => (custom.kind, custom.path),
        None => (String::new(), String::new()),
    };
    let additional_bindings = rule.additional_bindings.into_iter().map(annotated).collect();
    HttpRule { method, path, body: rule.body, response_body: rule.response_body, additional_bindings }
}
