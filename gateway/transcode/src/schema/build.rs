//! From decoded descriptors to the schema: names resolved, features applied, keys and tags rendered once.

use std::collections::HashMap;

use super::pending::{Pending, PendingEnum, PendingMessage, TypeRef};
use super::variants::Variants;
use super::{
    Enum, EnumId, EnumValue, Field, Kind, Message, MessageId, NameTable, Schema, Shape, Tag, WellKnown,
};
use crate::block::Piece;
use crate::descriptor::features::{Features, slot};
use crate::descriptor::{FieldDescriptor, MessageDescriptor, OneofDescriptor};
use crate::pen::Pen;
use crate::program::{NameStyle, Warning};
use crate::rules::Rules;
use crate::wire::{WireType, last_varint_field};

/// Joins a scope and a name with a dot.
pub(crate) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Compiles what one pool declares; what cannot be compiled is left out and told in `warnings`.
pub(crate) fn build(
    pending: &Pending<'_>,
    variants: &Variants,
    rules: &dyn Rules,
    style: NameStyle,
    warnings: &mut Vec<Warning>,
) -> Schema {
    let enums = pending.enums.iter().map(|e| enumeration(e, variants, rules, warnings)).collect();
    let mut schema = Schema { enums, ..Schema::default() };
    for (id, item) in (0..).zip(&pending.messages) {
        schema.message_ids.insert(item.full_name.as_str().into(), MessageId(id));
    }
    let builder = Builder { pending, variants, rules, style };
    schema.messages = pending.messages.iter().map(|m| builder.message(m, warnings)).collect();
    schema
}

struct Builder<'b> {
    pending: &'b Pending<'b>,
    variants: &'b Variants,
    rules: &'b dyn Rules,
    style: NameStyle,
}

impl Builder<'_> {
    fn message(&self, item: &PendingMessage<'_>, warnings: &mut Vec<Warning>) -> Message {
        const MESSAGE_SET: u32 = 1;
        let mut message = Message {
            full_name: item.full_name.as_str().into(),
            variant: self.variants.of(&item.full_name),
            well_known: WellKnown::of(&item.full_name),
            deprecated: last_varint_field(&item.descriptor.options, DEPRECATED) == Some(1),
            is_message_set: last_varint_field(&item.descriptor.options, MESSAGE_SET) == Some(1),
            ..Message::default()
        };
        let oneofs = real_oneofs(item.descriptor);
        message.oneofs = oneofs.iter().map(|o| o.1.name.as_str().into()).collect();
        let own = item.descriptor.field.iter().map(|f| (None, f, item.features));
        let extended = self.pending.extensions.get(&item.full_name).map_or(&[][..], Vec::as_slice);
        let extended = extended.iter().map(|(scope, f, features)| (Some(scope.as_str()), *f, *features));
        for (scope, descriptor, features) in own.chain(extended) {
            match self.field(descriptor, scope, features, item, &oneofs) {
                Some(field) if message.fields.len() < usize::from(u16::MAX) => message.fields.push(field),
                _ => warnings.push(Warning::UnusableField {
                    message: item.full_name.clone(),
                    field: descriptor.name.clone(),
                    type_name: descriptor.type_name.clone(),
                }),
            }
        }
        super::index::index(&mut message);
        message
    }

    fn field(
        &self,
        d: &FieldDescriptor,
        extension_scope: Option<&str>,
        features: Features,
        item: &PendingMessage<'_>,
        oneofs: &[(i32, &OneofDescriptor)],
    ) -> Option<Field> {
        let features = features.overridden(&d.options, slot::FIELD);
        let number = u32::try_from(d.number).ok().filter(|n| (1..=0x1fff_ffff).contains(n))?;
        let (kind, map) = self.kind(d, features.delimited && !item.map_entry)?;
        let shape = match (d.label == LABEL_REPEATED, map) {
            (true, true) => Shape::Map,
            (true, false) => Shape::Repeated,
            _ => Shape::Single,
        };
        let oneof = d.oneof_index.filter(|_| !d.proto3_optional);
        let oneof = oneof.and_then(|index| oneofs.iter().position(|o| o.0 == index));
        let packed = shape == Shape::Repeated && kind.packable() && is_packed(d, features);
        let presence = d.proto3_optional
            || oneof.is_some()
            || kind.message().is_some()
            || features.explicit_presence
            || extension_scope.is_some()
            || item.map_entry;
        let full_name = join(extension_scope.unwrap_or(&item.full_name), &d.name);
        let name = extension_scope.map_or_else(|| d.name.clone(), |_| format!("[{full_name}]"));
        let json_name = match (&d.json_name, extension_scope) {
            (Some(given), None) => given.clone(),
            (None, None) => camel(&d.name),
            _ => name.clone(),
        };
        let prints_json_name = self.style == NameStyle::Json;
        let (printed, other) = if prints_json_name { (&json_name, &name) } else { (&name, &json_name) };
        Some(Field {
            prints_json_name,
            member: Piece::new(&[b",", &quoted(printed)[..], b":"].concat()),
            output_key: quoted_key(printed),
            other_key: (printed != other).then(|| quoted_key(other)),
            tag: Tag::new(number, if packed { WireType::Len } else { kind.wire_type() }),
            name: name.into(),
            json_name: json_name.into(),
            number,
            kind,
            wire: kind.wire_type(),
            closed: matches!(kind, Kind::Enum(id) if self.is_closed(id)),
            significant: significant_bits(kind),
            mark: 0,
            shape,
            packed,
            presence: presence && shape == Shape::Single,
            required: d.label == LABEL_REQUIRED || (features.required && shape == Shape::Single),
            oneof: oneof.and_then(|o| u16::try_from(o).ok()),
            deprecated: last_varint_field(&d.options, DEPRECATED) == Some(1),
            rules: self.rules.field(&full_name, &d.options),
        })
    }

    fn is_closed(&self, id: EnumId) -> bool {
        self.pending.enums.get(id.0 as usize).is_some_and(|e| !e.features.open_enum)
    }

    /// The kind of a field and whether its type is a map entry.
    fn kind(&self, d: &FieldDescriptor, delimited: bool) -> Option<(Kind, bool)> {
        let target = || self.pending.by_name.get(d.type_name.trim_start_matches('.')).copied();
        Some((
            match d.r#type {
                1 => Kind::Double,
                2 => Kind::Float,
                3 => Kind::Int64,
                4 => Kind::Uint64,
                5 => Kind::Int32,
                6 => Kind::Fixed64,
                7 => Kind::Fixed32,
                8 => Kind::Bool,
                9 => Kind::String,
                10 | 11 => {
                    let TypeRef::Message(id) = target()? else { return None };
                    let map = self.pending.messages.get(id.0 as usize).is_some_and(|m| m.map_entry);
                    let group = !map && (d.r#type == 10 || delimited);
                    return Some((if group { Kind::Group(id) } else { Kind::Message(id) }, map));
                }
                12 => Kind::Bytes,
                13 => Kind::Uint32,
                14 => {
                    let TypeRef::Enum(id) = target()? else { return None };
                    Kind::Enum(id)
                }
                15 => Kind::Sfixed32,
                16 => Kind::Sfixed64,
                17 => Kind::Sint32,
                18 => Kind::Sint64,
                _ => return None,
            },
            false,
        ))
    }
}

/// `deprecated` of `MessageOptions` and of `FieldOptions`.
const DEPRECATED: u32 = 3;
const LABEL_REQUIRED: i32 = 2;
const LABEL_REPEATED: i32 = 3;

fn is_packed(d: &FieldDescriptor, features: Features) -> bool {
    const PACKED: u32 = 2;
    last_varint_field(&d.options, PACKED).map_or(features.packed, |v| v == 1)
}

/// The oneofs that were written as such, without those that stand for a proto3 `optional`.
fn real_oneofs(message: &MessageDescriptor) -> Vec<(i32, &OneofDescriptor)> {
    let synthetic = |i: i32| message.field.iter().any(|f| f.proto3_optional && f.oneof_index == Some(i));
    (0..).zip(&message.oneof_decl).filter(|(i, _)| !synthetic(*i)).collect()
}

fn quoted_key(name: &str) -> Piece {
    Piece::new(&[&quoted(name)[..], b":"].concat())
}

/// `name` as a JSON string.
fn quoted(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 2);
    crate::wire_to_json::text::quote(&mut Pen::new(&mut out), name);
    out
}

/// The JSON name that protoc derives: `foo_bar` becomes `fooBar`.
pub(super) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// The bits of a number that count: those of 32-bit kinds come in varints of 64.
fn significant_bits(kind: Kind) -> u64 {
    match kind {
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Enum(_) => u32::MAX.into(),
        _ => u64::MAX,
    }
}

fn enumeration(
    item: &PendingEnum<'_>,
    variants: &Variants,
    rules: &dyn Rules,
    warnings: &mut Vec<Warning>,
) -> Enum {
    let values: Vec<EnumValue> = item
        .descriptor
        .value
        .iter()
        .take(usize::from(u16::MAX))
        .map(|v| {
            let full_name = join(&item.full_name, &v.name);
            let word = rules.enum_value(&full_name, &v.options).unwrap_or_else(|| v.name.clone());
            let quoted = quoted(&word);
            EnumValue {
                name: v.name.as_str().into(),
                number: v.number,
                word: word.into(),
                quoted: Piece::new(&quoted),
            }
        })
        .collect();
    warn_shared_words(&item.full_name, &values, warnings);
    let words = (0_u16..).zip(&values).map(|(i, v)| (&*v.word, i));
    let names = (0_u16..).zip(&values).map(|(i, v)| (&*v.name, i));
    let names = NameTable::new(words.chain(names));
    let mut numbers: Vec<(i32, u16)> = (0_u16..).zip(&values).map(|(i, v)| (v.number, i)).collect();
    numbers.sort_by_key(|e| e.0);
    numbers.dedup_by_key(|e| e.0);
    Enum {
        is_null: item.full_name == "google.protobuf.NullValue",
        full_name: item.full_name.as_str().into(),
        variant: variants.of(&item.full_name),
        open: item.features.open_enum,
        values,
        numbers,
        names,
    }
}

/// Two numbers with one word cannot both be read back.
fn warn_shared_words(enumeration: &str, values: &[EnumValue], warnings: &mut Vec<Warning>) {
    let mut seen: HashMap<&str, i32> = HashMap::new();
    for value in values {
        if *seen.entry(&value.word).or_insert(value.number) != value.number {
            let (enumeration, word) = (enumeration.to_owned(), value.word.to_string());
            warnings.push(Warning::SharedEnumWord { enumeration, word });
        }
    }
}
