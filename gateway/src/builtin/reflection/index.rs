//! Where something is declared: hashes of names, and the files that may have them. A file is looked into before it is
//! the answer, so that the names themselves need not be kept; there are hundreds of thousands in large schemas.

use std::hash::{BuildHasher as _, RandomState};
use std::iter::successors;

use bytes::Bytes;

use super::declared::File;

/// What is looked for.
#[derive(Hash)]
enum Key<'a> {
    /// A file of this name.
    File(&'a str),
    /// A name that is declared outside of messages and services.
    Symbol(&'a str),
    /// The extension of a message by a number.
    Extension(&'a str, i32),
    /// Any extension of a message.
    Extended(&'a str),
}

/// Encoded files by what they declare.
#[derive(Debug)]
pub(super) struct Index {
    files: Vec<Bytes>,
    /// Hashes of keys, and places of files, in their order.
    places: Vec<(u64, u32)>,
    hasher: RandomState,
}

impl Index {
    /// Of two files of the same name, or that declare the same, the first counts.
    pub(super) fn new(files: Vec<Bytes>) -> Self {
        let hasher = RandomState::new();
        let mut places = Vec::new();
        for (place, bytes) in (0..).zip(&files) {
            let file = File::read(bytes);
            let mut note = |key: Key<'_>| places.push((hasher.hash_one(key), place));
            note(Key::File(&file.name));
            file.outer().for_each(|name| note(Key::Symbol(&name)));
            for (extended, number) in file.extensions() {
                note(Key::Extension(extended, number));
                note(Key::Extended(extended));
            }
        }
        places.sort_unstable();
        places.dedup();
        places.shrink_to_fit();
        Self { files, places, hasher }
    }

    /// The file of this name.
    pub(super) fn file(&self, name: &str) -> Option<&Bytes> {
        self.found(&Key::File(name), |file| file.name == name)
    }

    /// The file that declares this name: of a message or one of its parts, an enum or a value, a service or a method, an
    /// extension.
    pub(super) fn symbol(&self, name: &str) -> Option<&Bytes> {
        outwards(name).find_map(|outer| self.found(&Key::Symbol(outer), |file| file.declares(name)))
    }

    /// The file that extends a message by this number.
    pub(super) fn extension(&self, message: &str, number: i32) -> Option<&Bytes> {
        let key = Key::Extension(message, number);
        self.found(&key, |file| file.extensions().contains(&(message, number)))
    }

    /// The numbers by which a message is extended, in their order; none where there is no such message.
    pub(super) fn extensions(&self, message: &str) -> Option<Vec<i32>> {
        let mut outer = outwards(message);
        outer.find_map(|outer| self.found(&Key::Symbol(outer), |file| file.has_message(message)))?;
        let mut numbers = Vec::new();
        for bytes in self.candidates(&Key::Extended(message)) {
            let file = File::read(bytes);
            let extensions = file.extensions();
            let of_it = extensions.iter().filter(|(extended, _)| *extended == message);
            numbers.extend(of_it.map(|(_, number)| *number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    /// The first of the files under a key of which this is true.
    fn found(&self, key: &Key<'_>, is_it: impl Fn(&File) -> bool) -> Option<&Bytes> {
        self.candidates(key).find(|bytes| is_it(&File::read(bytes)))
    }

    fn candidates(&self, key: &Key<'_>) -> impl Iterator<Item = &Bytes> {
        let hash = self.hasher.hash_one(key);
        let first = self.places.partition_point(|(known, _)| *known < hash);
        let same = self.places.iter().skip(first).take_while(move |(known, _)| *known == hash);
        same.filter_map(|(_, place)| self.files.get(usize::try_from(*place).ok()?))
    }
}

/// A full name, and what it lies in: `a.b.C`, `a.b`, `a`.
fn outwards(name: &str) -> impl Iterator<Item = &str> {
    successors(Some(name), |name| name.rsplit_once('.').map(|(outer, _)| outer))
}

#[cfg(test)]
mod tests {
    //! Everything that a file declares is found, and nothing else.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use prost::Message as _;
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::{
        DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
        FileDescriptorProto, MethodDescriptorProto, OneofDescriptorProto, ServiceDescriptorProto,
    };

    use super::*;

    fn an_enum(text: &str, value: &str) -> EnumDescriptorProto {
        let value =
            vec![EnumValueDescriptorProto { name: Some(value.into()), number: Some(0), options: None }];
        EnumDescriptorProto { name: Some(text.into()), value, ..Default::default() }
    }

    fn field(text: &str, extendee: Option<&str>, number: i32) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(text.into()),
            extendee: extendee.map(str::to_owned),
            number: Some(number),
            label: Some(Label::Optional.into()),
            r#type: Some(Type::String.into()),
            ..Default::default()
        }
    }

    fn everything(file: &str, package: &str) -> Bytes {
        let inner = DescriptorProto {
            name: Some("Inner".into()),
            extension: vec![field("deep", Some(".a.b.Base"), 7)],
            ..Default::default()
        };
        let outer = DescriptorProto {
            name: Some("Outer".into()),
            field: vec![field("plain", None, 1)],
            nested_type: vec![inner],
            enum_type: vec![an_enum("Kind", "FIRST")],
            oneof_decl: vec![OneofDescriptorProto { name: Some("either".into()), options: None }],
            ..Default::default()
        };
        let method = MethodDescriptorProto { name: Some("Call".into()), ..Default::default() };
        let file = FileDescriptorProto {
            name: Some(file.into()),
            package: Some(package.into()),
            message_type: vec![outer, DescriptorProto { name: Some("Base".into()), ..Default::default() }],
            enum_type: vec![an_enum("Colour", "RED")],
            service: vec![ServiceDescriptorProto {
                name: Some("Svc".into()),
                method: vec![method],
                options: None,
            }],
            extension: vec![field("flat", Some(".a.b.Base"), 5), field("own", Some(".Base"), 5)],
            ..Default::default()
        };
        file.encode_to_vec().into()
    }

    const NAMES: [&str; 16] = [
        "Outer",
        "Outer.plain",
        "Outer.either",
        "Outer.Inner",
        "Outer.Inner.deep",
        "Outer.Kind",
        "Outer.FIRST",
        "Outer.Kind.FIRST",
        "Base",
        "Colour",
        "RED",
        "Colour.RED",
        "Svc",
        "Svc.Call",
        "flat",
        "own",
    ];

    #[test]
    fn every_declaration_is_found_and_nothing_else() {
        let (packaged, bare) = (everything("one.proto", "a.b"), everything("two.proto", ""));
        let index = Index::new(vec![packaged.clone(), bare.clone()]);
        for name in NAMES {
            assert_eq!(index.symbol(name), Some(&bare), "{name}");
            assert_eq!(index.symbol(&format!("a.b.{name}")), Some(&packaged), "{name}");
            for wrong in [format!("a.{name}"), format!("{name}x"), format!("{name}.x"), format!(".{name}")] {
                assert_eq!(index.symbol(&wrong), None, "{wrong}");
            }
        }
        for wrong in ["", ".", "a", "a.b", "a.b.", "Outer.", "Out", "Svc.RED", "Outer.Call"] {
            assert_eq!(index.symbol(wrong), None, "{wrong:?}");
        }
        assert_eq!(index.file("one.proto"), Some(&packaged));
        assert_eq!(index.file("two.proto"), Some(&bare));
        assert_eq!(index.file("one"), None);
    }

    #[test]
    fn extensions_are_found_wherever_they_are_declared() {
        let (packaged, bare) = (everything("one.proto", "a.b"), everything("two.proto", ""));
        let index = Index::new(vec![packaged.clone(), bare]);
        assert_eq!(index.extension("a.b.Base", 5), Some(&packaged));
        assert_eq!(index.extension("a.b.Base", 7), Some(&packaged));
        assert_eq!(index.extension("a.b.Base", 6), None);
        assert_eq!(index.extensions("a.b.Base"), Some(vec![5, 7]));
        assert_eq!(index.extensions("Base"), Some(vec![5]));
        assert_eq!(index.extensions("a.b.Outer.Inner"), Some(vec![]));
        for wrong in ["a.b.Nothing", "a.b.Colour", "a.b.Svc", "a.b.Outer.plain", ""] {
            assert_eq!(index.extensions(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_first_of_two_files_counts() {
        let first = everything("one.proto", "a");
        let mut second = everything("one.proto", "a").to_vec();
        second.extend([0x62, 0]);
        let index = Index::new(vec![first.clone(), second.into()]);
        assert_eq!(index.file("one.proto"), Some(&first));
        assert_eq!(index.symbol("a.Outer.plain"), Some(&first));
    }
}
