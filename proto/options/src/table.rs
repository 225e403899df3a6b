//! Who may call what: the rules of every method of a descriptor set, by gRPC path.

use std::collections::{HashMap, HashSet};

use prost::Message as _;

use crate::descriptor::{FileSet, Message, MethodDescriptor};
use crate::rules::{Access, Caller, Idempotency, Method};

/// `TYPE_STRING` of `google.protobuf.FieldDescriptorProto.Type`.
const TYPE_STRING: i32 = 9;

/// Why a descriptor set has no usable table.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The bytes are not a `google.protobuf.FileDescriptorSet`.
    #[error("descriptor set cannot be decoded: {0}")]
    Undecodable(#[from] prost::DecodeError),
    /// `tool_field` names a field that the request does not have, or that is not a string.
    #[error("{method}: access.tool_field {field:?} is not a string field of {message}")]
    NoToolField {
        /// gRPC path of the method.
        method: String,
        /// The field that was named.
        field: String,
        /// The request message.
        message: String,
    },
}

/// The request field that names the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolField {
    /// Its name.
    pub name: String,
    /// Its number on the wire.
    pub number: u32,
}

/// What is known of one method.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodRule {
    /// The rules as written on the proto; empty where there are none.
    pub rules: Method,
    /// The request field that names the tool, where there is one.
    pub tool_field: Option<ToolField>,
    /// Whether the client sends a stream.
    pub client_streaming: bool,
    /// Whether the server sends a stream.
    pub server_streaming: bool,
    /// Whether its access rule was given from outside of the proto: then the service does not know of it.
    pub from_outside: bool,
}

impl MethodRule {
    /// Whether this kind of caller may call at all.
    pub fn admits(&self, caller: Caller) -> bool {
        self.rules.access.as_ref().is_some_and(|access| access.callers.contains(&i32::from(caller)))
    }

    /// Whether the named service may call.
    pub fn admits_service(&self, name: &str) -> bool {
        self.admits(Caller::Service)
            && self.rules.access.as_ref().is_some_and(|access| access.services.iter().any(|s| s == name))
    }

    /// When a call may be sent again.
    pub fn idempotency(&self) -> Idempotency {
        self.rules.idempotency()
    }
}

/// The rules of every method, by gRPC path (`/package.Service/Method`).
#[derive(Clone, Debug, Default)]
pub struct Table {
    methods: HashMap<String, MethodRule>,
}

impl Table {
    /// Reads the table of an encoded `google.protobuf.FileDescriptorSet`.
    pub fn read(descriptor_set: &[u8]) -> Result<Self, Error> {
        Self::read_over(descriptor_set, |_| None).map(|(table, _)| table)
    }

    /// The same, where `outside` may say the access rule of a method, by its full name (`package.Service.Method`), instead of
    /// the proto. A method whose rule from outside names a tool field that it does not have can be called by nobody; these
    /// are told.
    pub fn read_over(
        descriptor_set: &[u8],
        outside: impl Fn(&str) -> Option<Access>,
    ) -> Result<(Self, Vec<Error>), Error> {
        let set = FileSet::decode(descriptor_set)?;
        let mut messages = HashMap::new();
        for file in &set.file {
            for message in &file.message {
                index(&mut messages, &file.package, message);
            }
        }
        let (mut methods, mut faults) = (HashMap::new(), Vec::new());
        for file in &set.file {
            for service in &file.service {
                let service_name = join(&file.package, &service.name);
                for method in &service.method {
                    let path = format!("/{service_name}/{}", method.name);
                    let outside = outside(&join(&service_name, &method.name));
                    let (rule, fault) = method_rule(&path, method, outside, &messages)?;
                    faults.extend(fault);
                    methods.insert(path, rule);
                }
            }
        }
        Ok((Self { methods }, faults))
    }

    /// Lets anyone call the services that state no access rule for any of their methods: nobody has said who may call
    /// them, so they decide for themselves. A service with one rule keeps refusing what it has no rule for.
    pub fn admit_services_without_rules(&mut self) {
        let stated: HashSet<String> = self
            .methods
            .iter()
            .filter(|(_, rule)| rule.rules.access.is_some())
            .map(|(path, _)| service(path).to_owned())
            .collect();
        for (path, rule) in &mut self.methods {
            if !stated.contains(service(path)) {
                let callers = vec![i32::from(Caller::Public)];
                rule.rules.access = Some(Access { callers, ..Access::default() });
            }
        }
    }

    /// Takes the rules of another table for which `takes` is true of the gRPC path, and that are not here yet.
    pub fn extend(&mut self, other: Self, takes: impl Fn(&str) -> bool) {
        for (path, rule) in other.methods.into_iter().filter(|(path, _)| takes(path)) {
            self.methods.entry(path).or_insert(rule);
        }
    }

    /// The rule of a method, by its gRPC path.
    pub fn get(&self, path: &str) -> Option<&MethodRule> {
        self.methods.get(path)
    }

    /// Every method with its rule, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MethodRule)> {
        self.methods.iter().map(|(path, rule)| (path.as_str(), rule))
    }
}

fn join(package: &str, name: &str) -> String {
    if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") }
}

fn index<'a>(messages: &mut HashMap<String, &'a Message>, scope: &str, message: &'a Message) {
    let name = join(scope, &message.name);
    for nested in &message.nested {
        index(messages, &name, nested);
    }
    messages.insert(name, message);
}

/// The rule of a method, and what is wrong with what is said of it from outside.
fn method_rule(
    path: &str,
    method: &MethodDescriptor,
    outside: Option<Access>,
    messages: &HashMap<String, &Message>,
) -> Result<(MethodRule, Option<Error>), Error> {
    let mut rules = method.options.clone().and_then(|options| options.method).unwrap_or_default();
    let from_outside = outside.is_some();
    rules.access = outside.or(rules.access);
    let (tool_field, fault) = match tool_field(path, &rules, messages, &method.input_type) {
        Ok(field) => (field, None),
        Err(error) if from_outside => {
            rules.access = Some(Access::default());
            (None, Some(error))
        }
        Err(error) => return Err(error),
    };
    let (client_streaming, server_streaming) = (method.client_streaming, method.server_streaming);
    Ok((MethodRule { rules, tool_field, client_streaming, server_streaming, from_outside }, fault))
}

fn tool_field(
    path: &str,
    rules: &Method,
    messages: &HashMap<String, &Message>,
    input_type: &str,
) -> Result<Option<ToolField>, Error> {
    let Some(name) = rules.access.as_ref().map(|access| &access.tool_field).filter(|name| !name.is_empty())
    else {
        return Ok(None);
    };
    let input = input_type.trim_start_matches('.');
    messages
        .get(input)
        .and_then(|message| {
            message.field.iter().find(|field| field.name == *name && field.kind == TYPE_STRING)
        })
        .map(|field| Some(ToolField { name: name.clone(), number: field.number }))
        .ok_or_else(|| Error::NoToolField {
            method: path.to_owned(),
            field: name.clone(),
            message: input.to_owned(),
        })
}

/// The service in a gRPC path.
fn service(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(service, _)| service)
}
