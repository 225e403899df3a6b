//! What files declare, before references are resolved, and whether two sources declare the same.

use std::collections::{HashMap, HashSet};

use super::build::{camel, join};
use super::{EnumId, MessageId};
use crate::descriptor::features::{Features, slot};
use crate::descriptor::{EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor};
use crate::program::Warning;
use crate::wire::last_varint_field;

/// A type that waits for its references to be resolved.
pub(crate) struct PendingMessage<'d> {
    pub(super) full_name: String,
    pub(super) descriptor: &'d MessageDescriptor,
    pub(super) features: Features,
    pub(super) map_entry: bool,
}

pub(crate) struct PendingEnum<'d> {
    pub(super) full_name: String,
    pub(super) descriptor: &'d EnumDescriptor,
    pub(super) features: Features,
}

/// An extension, with the scope it is declared in.
type Extension<'d> = (String, &'d FieldDescriptor, Features);

#[derive(Clone, Copy)]
pub(super) enum TypeRef {
    Message(MessageId),
    Enum(EnumId),
}

/// Every type and extension of a pool.
#[derive(Default)]
pub(crate) struct Pending<'d> {
    pub(super) messages: Vec<PendingMessage<'d>>,
    pub(super) enums: Vec<PendingEnum<'d>>,
    pub(super) by_name: HashMap<String, TypeRef>,
    /// Extensions by the message they extend.
    pub(super) extensions: HashMap<String, Vec<Extension<'d>>>,
    /// Types that options are made of, and that no method reaches. Every generator has its own version of them, and
    /// nothing that is transcoded holds one.
    of_options: HashSet<String>,
}

impl<'d> Pending<'d> {
    /// Takes what the files of one source declare. Of two types of one name the first is taken, the other is told.
    pub(crate) fn new(files: &[&'d FileDescriptor], warnings: &mut Vec<Warning>) -> Self {
        let mut pending = Self::default();
        for file in files {
            pending.file(file, warnings);
        }
        let methods = files.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
        let carried = pending.reached(methods.flat_map(|method| [&*method.input_type, &*method.output_type]));
        let extensions = pending.extensions.iter().filter(|(extendee, _)| is_options(extendee));
        let options: Vec<&str> = extensions
            .flat_map(|(_, extensions)| extensions)
            .map(|(_, field, _)| &*field.type_name)
            .chain(["google.protobuf.FileDescriptorSet"])
            .collect();
        let options = pending.reached(options.into_iter());
        pending.of_options = options.difference(&carried).cloned().collect();
        pending
    }

    /// Names of these types and of everything that they hold.
    fn reached<'n>(&'n self, names: impl Iterator<Item = &'n str>) -> HashSet<String> {
        let mut waiting: Vec<&str> = names.collect();
        let mut reached = HashSet::new();
        while let Some(name) = waiting.pop() {
            let name = name.trim_start_matches('.');
            if !self.by_name.contains_key(name) || !reached.insert(name.to_owned()) {
                continue;
            }
            if let Some(message) = self.message_named(name) {
                waiting.extend(message.descriptor.field.iter().map(|field| &*field.type_name));
            }
            let extensions = self.extensions.get(name).map_or(&[][..], Vec::as_slice);
            waiting.extend(extensions.iter().map(|(_, field, _)| &*field.type_name));
        }
        reached
    }

    fn message_named(&self, name: &str) -> Option<&PendingMessage<'d>> {
        match self.by_name.get(name)? {
            TypeRef::Message(id) => self.messages.get(id.0 as usize),
            TypeRef::Enum(_) => None,
        }
    }

    fn file(&mut self, file: &'d FileDescriptor, warnings: &mut Vec<Warning>) {
        let features = Features::of_file(file);
        for message in &file.message_type {
            self.message(message, &file.package, features, warnings);
        }
        for entry in &file.enum_type {
            self.enumeration(entry, &file.package, features, warnings);
        }
        self.extensions(&file.extension, &file.package, features);
    }

    fn message(
        &mut self,
        descriptor: &'d MessageDescriptor,
        scope: &str,
        features: Features,
        warnings: &mut Vec<Warning>,
    ) {
        const MAP_ENTRY: u32 = 7;
        let full_name = join(scope, &descriptor.name);
        let features = features.overridden(&descriptor.options, slot::MESSAGE);
        for nested in &descriptor.nested_type {
            self.message(nested, &full_name, features, warnings);
        }
        for nested in &descriptor.enum_type {
            self.enumeration(nested, &full_name, features, warnings);
        }
        self.extensions(&descriptor.extension, &full_name, features);
        let map_entry = last_varint_field(&descriptor.options, MAP_ENTRY) == Some(1);
        let message = PendingMessage { full_name, descriptor, features, map_entry };
        if let Err(name) = self.take_message(message) {
            warnings.push(Warning::DuplicateType { name });
        }
    }

    fn enumeration(
        &mut self,
        descriptor: &'d EnumDescriptor,
        scope: &str,
        features: Features,
        warnings: &mut Vec<Warning>,
    ) {
        let full_name = join(scope, &descriptor.name);
        let features = features.overridden(&descriptor.options, slot::ENUM);
        if let Err(name) = self.take_enum(PendingEnum { full_name, descriptor, features }) {
            warnings.push(Warning::DuplicateType { name });
        }
    }

    fn extensions(&mut self, found: &'d [FieldDescriptor], scope: &str, features: Features) {
        for field in found {
            let extendee = field.extendee.trim_start_matches('.').to_owned();
            let entry = (scope.to_owned(), field, features);
            self.extensions.entry(extendee).or_default().push(entry);
        }
    }

    /// Takes a message, unless its name is taken.
    fn take_message(&mut self, message: PendingMessage<'d>) -> Result<(), String> {
        let id = MessageId(u32::try_from(self.messages.len()).unwrap_or(u32::MAX));
        self.claim(&message.full_name, TypeRef::Message(id))?;
        self.messages.push(message);
        Ok(())
    }

    fn take_enum(&mut self, entry: PendingEnum<'d>) -> Result<(), String> {
        let id = EnumId(u32::try_from(self.enums.len()).unwrap_or(u32::MAX));
        self.claim(&entry.full_name, TypeRef::Enum(id))?;
        self.enums.push(entry);
        Ok(())
    }

    fn claim(&mut self, name: &str, what: TypeRef) -> Result<(), String> {
        if self.by_name.contains_key(name) {
            return Err(name.to_owned());
        }
        self.by_name.insert(name.to_owned(), what);
        Ok(())
    }

    /// Names of types that both declare, and not alike. Extensions are a part of what they extend.
    pub(crate) fn contradictions<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let messages = other.messages.iter().filter(|theirs| match self.by_name.get(&theirs.full_name) {
            None => false,
            Some(TypeRef::Enum(_)) => true,
            Some(TypeRef::Message(_)) => {
                self.message_named(&theirs.full_name).is_some_and(|own| !same_message(own, theirs))
            }
        });
        let enums = other.enums.iter().filter(|theirs| match self.by_name.get(&theirs.full_name) {
            None => false,
            Some(TypeRef::Message(_)) => true,
            Some(TypeRef::Enum(id)) => {
                let own = self.enums.get(id.0 as usize);
                own.is_some_and(|own| own.features != theirs.features || own.descriptor != theirs.descriptor)
            }
        });
        let extended = other.extensions.iter().filter(|(extendee, theirs)| {
            let own = self.extensions.get(*extendee).map_or(&[][..], Vec::as_slice);
            !is_options(extendee)
                && theirs.iter().any(|theirs| own.iter().any(|own| contradicts(own, theirs)))
        });
        let messages = messages.map(|message| message.full_name.as_str());
        let enums = enums.map(|entry| entry.full_name.as_str());
        let names = messages.chain(enums).chain(extended.map(|(extendee, _)| extendee.as_str()));
        names.filter(|name| !(self.of_options.contains(*name) && other.of_options.contains(*name)))
    }

    /// Whether a message has the same extensions in both, by their numbers.
    pub(super) fn extended_alike(&self, other: &Self, message: &str) -> bool {
        let numbers = |of: &Self| {
            let all = of.extensions.get(message).map_or(&[][..], Vec::as_slice);
            all.iter().map(|(_, field, _)| field.number).collect::<HashSet<_>>()
        };
        numbers(self) == numbers(other)
    }

    /// Takes what another source declares that does not contradict this.
    pub(crate) fn join(&mut self, other: Self) {
        let Self { by_name, of_options, .. } = self;
        of_options.retain(|name| !other.by_name.contains_key(name) || other.of_options.contains(name));
        of_options.extend(other.of_options.into_iter().filter(|name| !by_name.contains_key(name)));
        // what is here already is the same
        for message in other.messages {
            let _ = self.take_message(message);
        }
        for entry in other.enums {
            let _ = self.take_enum(entry);
        }
        for (extendee, extensions) in other.extensions {
            let own = self.extensions.entry(extendee).or_default();
            for extension in extensions {
                if !own.iter().any(|one| one.1.number == extension.1.number) {
                    own.push(extension);
                }
            }
        }
    }
}

/// Whether this is one of the messages of `google/protobuf/descriptor.proto` that hold options.
fn is_options(name: &str) -> bool {
    name.strip_prefix("google.protobuf.").is_some_and(|name| name.ends_with("Options"))
}

/// Whether two messages of one name have the same fields, which mean the same. Types inside are compared by themselves.
fn same_message(one: &PendingMessage<'_>, two: &PendingMessage<'_>) -> bool {
    let (own, other) = (one.descriptor, two.descriptor);
    if one.features != two.features {
        return false;
    }
    std::ptr::eq(own, other)
        || (own.options == other.options
            && own.oneof_decl == other.oneof_decl
            && own.field.len() == other.field.len()
            && own.field.iter().zip(&other.field).all(|(own, other)| same_field(own, other)))
}

/// Some generators leave out a JSON name that is as usual.
fn same_field(one: &FieldDescriptor, two: &FieldDescriptor) -> bool {
    let json_name = |field: &FieldDescriptor| field.json_name.clone().unwrap_or_else(|| camel(&field.name));
    let bare = |field: &FieldDescriptor| FieldDescriptor { json_name: None, ..field.clone() };
    one == two || (bare(one) == bare(two) && json_name(one) == json_name(two))
}

/// Whether two extensions of one message are different ones by the same number or name.
fn contradicts(one: &Extension<'_>, two: &Extension<'_>) -> bool {
    let same_name = one.0 == two.0 && one.1.name == two.1.name;
    let same_number = one.1.number == two.1.number;
    (same_name || same_number) && !(same_name && one.2 == two.2 && same_field(one.1, two.1))
}
