//! The names that an encoded file declares. It is decoded for a question, and forgotten with the answer.

use prost::Message as _;

/// A `FileDescriptorProto`, as far as it has names and extensions.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct File {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    message_type: Vec<Message>,
    #[prost(message, repeated, tag = "5")]
    enum_type: Vec<Enum>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
    #[prost(message, repeated, tag = "7")]
    extension: Vec<Extension>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    field: Vec<Named>,
    #[prost(message, repeated, tag = "3")]
    nested_type: Vec<Message>,
    #[prost(message, repeated, tag = "4")]
    enum_type: Vec<Enum>,
    #[prost(message, repeated, tag = "6")]
    extension: Vec<Extension>,
    #[prost(message, repeated, tag = "8")]
    oneof_decl: Vec<Named>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Enum {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    value: Vec<Named>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<Named>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Extension {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    extendee: String,
    #[prost(int32, tag = "3")]
    number: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

impl File {
    /// Reads the names. Of bytes that are no file there are none; a schema is not made of those.
    pub(crate) fn read(file: &[u8]) -> Self {
        Self::decode(file).unwrap_or_default()
    }

    /// Every full name outside of messages and services: all others begin with one of these.
    pub(super) fn outer(&self) -> impl Iterator<Item = String> {
        let messages = self.message_type.iter().map(|one| &one.name);
        let enums = self.enum_type.iter().map(|one| &one.name);
        // values are declared beside their enum (descriptor.proto, EnumValueDescriptorProto)
        let values = self.enum_type.iter().flat_map(|one| &one.value).map(|one| &one.name);
        let services = self.service.iter().map(|one| &one.name);
        let extensions = self.extension.iter().map(|one| &one.name);
        let all = messages.chain(enums).chain(values).chain(services).chain(extensions);
        all.map(|name| match &*self.package {
            "" => name.clone(),
            package => format!("{package}.{name}"),
        })
    }

    /// Whether another version of this file has all that this one has, with the same methods of services.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.outer().all(|name| other.declares(&name))
            && self.service.iter().all(|service| other.service.contains(service))
    }

    /// Whether a full name is declared here.
    pub(crate) fn declares(&self, symbol: &str) -> bool {
        let Some(name) = self.within(symbol) else { return false };
        in_enums(&self.enum_type, name)
            || self.extension.iter().any(|one| one.name == name)
            || self.service.iter().any(|one| one.has(name))
            || self.message_type.iter().any(|one| one.has(name))
    }

    /// Whether a full name is that of a message here.
    pub(super) fn has_message(&self, symbol: &str) -> bool {
        fn has(messages: &[Message], name: &str) -> bool {
            let (first, rest) =
                name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
            let mut named = messages.iter().filter(|one| one.name == first);
            named.any(|one| rest.is_none_or(|rest| has(&one.nested_type, rest)))
        }
        self.within(symbol).is_some_and(|name| has(&self.message_type, name))
    }

    /// Every extension that is declared here: the full name of what it extends, and its number.
    pub(super) fn extensions(&self) -> Vec<(&str, i32)> {
        fn of_messages<'a>(messages: &'a [Message], found: &mut Vec<(&'a str, i32)>) {
            for message in messages {
                found.extend(message.extension.iter().map(Extension::place));
                of_messages(&message.nested_type, found);
            }
        }
        let mut found = self.extension.iter().map(Extension::place).collect();
        of_messages(&self.message_type, &mut found);
        found
    }

    /// What is left of a full name after this file's package.
    fn within<'a>(&self, symbol: &'a str) -> Option<&'a str> {
        match &*self.package {
            "" => Some(symbol),
            package => symbol.strip_prefix(package)?.strip_prefix('.'),
        }
    }
}

impl Message {
    fn has(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&*self.name) else { return false };
        if rest.is_empty() {
            return true;
        }
        let Some(name) = rest.strip_prefix('.') else { return false };
        in_enums(&self.enum_type, name)
            || self.field.iter().chain(&self.oneof_decl).any(|one| one.name == name)
            || self.extension.iter().any(|one| one.name == name)
            || self.nested_type.iter().any(|one| one.has(name))
    }
}

impl Service {
    fn has(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&*self.name) else { return false };
        let method = rest.strip_prefix('.');
        rest.is_empty() || method.is_some_and(|name| self.method.iter().any(|one| one.name == name))
    }
}

impl Extension {
    fn place(&self) -> (&str, i32) {
        (self.extendee.trim_start_matches('.'), self.number)
    }
}

/// Whether a name is that of an enum, or of a value beside it, or below it, as some clients say.
fn in_enums(enums: &[Enum], name: &str) -> bool {
    enums.iter().any(|one| {
        let value = name.strip_prefix(&*one.name).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        one.name == name || one.value.iter().any(|one| one.name == value)
    })
}
