//! Random field values.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

use crate::random::Random;

/// Sets some of the fields that are not set. At most `depth` levels of messages are made.
pub(crate) fn fill(random: &mut Random, message: &mut DynamicMessage, depth: u32) {
    for field in message.descriptor().fields() {
        let percent = if depth > 1 { 60 } else { 30 };
        let free = !message.has_field(&field) && !oneof_taken(message, &field);
        if free
            && random.chance(percent)
            && let Some(value) = value(random, &field, depth)
        {
            message.set_field(&field, value);
        }
    }
}

/// Whether another member of the field's oneof has a value.
pub(crate) fn oneof_taken(message: &DynamicMessage, field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| oneof.fields().any(|other| message.has_field(&other)))
}

/// A field's value; nothing where there is none to be made.
pub(crate) fn value(random: &mut Random, field: &FieldDescriptor, depth: u32) -> Option<Value> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return None };
        let (_, key) = scalar(random, &entry.map_entry_key_field().kind())?;
        let value = single(random, &entry.map_entry_value_field().kind(), depth)?;
        return Some(Value::Map([(map_key(key)?, value)].into()));
    }
    if field.is_list() {
        let count = 1 + random.below(3);
        let items: Option<Vec<Value>> = (0..count).map(|_| single(random, &field.kind(), depth)).collect();
        return items.map(Value::List);
    }
    single(random, &field.kind(), depth)
}

pub(crate) fn map_key(value: Value) -> Option<MapKey> {
    Some(match value {
        Value::Bool(v) => MapKey::Bool(v),
        Value::I32(v) => MapKey::I32(v),
        Value::I64(v) => MapKey::I64(v),
        Value::U32(v) => MapKey::U32(v),
        Value::U64(v) => MapKey::U64(v),
        Value::String(v) => MapKey::String(v),
        _ => return None,
    })
}

fn single(random: &mut Random, kind: &Kind, depth: u32) -> Option<Value> {
    let Kind::Message(descriptor) = kind else { return Some(scalar(random, kind)?.1) };
    if let Some(known) = well_known(random, descriptor) {
        return known.map(Value::Message);
    }
    let depth = depth.checked_sub(1)?;
    let mut message = DynamicMessage::new(descriptor.clone());
    fill(random, &mut message, depth);
    Some(Value::Message(message))
}

/// A message with a JSON form of its own; nothing inside for one that is not made here, and nothing for all others.
#[allow(clippy::option_option, reason = "no such type, and no value of it, are two things")]
pub(crate) fn well_known(
    random: &mut Random,
    descriptor: &MessageDescriptor,
) -> Option<Option<DynamicMessage>> {
    let name = descriptor.full_name().strip_prefix("google.protobuf.")?;
    let mut message = DynamicMessage::new(descriptor.clone());
    let nanos = i32::try_from(1 + random.below(999)).unwrap() * 1_000_000;
    match name {
        "Any" => return Some(None),
        "Timestamp" => {
            message
                .set_field_by_name("seconds", Value::I64(i64::try_from(1 + random.below(1 << 32)).unwrap()));
            message.set_field_by_name("nanos", Value::I32(nanos));
        }
        "Duration" => {
            message
                .set_field_by_name("seconds", Value::I64(i64::try_from(1 + random.below(1 << 20)).unwrap()));
            message.set_field_by_name("nanos", Value::I32(nanos));
        }
        "FieldMask" => {
            let paths = ["name", "display_name", "config.max_size"].map(|p| Value::String(p.into()));
            message.set_field_by_name("paths", Value::List(paths.to_vec()));
        }
        "Struct" => {
            let field = descriptor.get_field_by_name("fields").unwrap();
            message.set_field(&field, value(random, &field, 1)?);
        }
        "ListValue" => {
            let field = descriptor.get_field_by_name("values").unwrap();
            message.set_field(&field, value(random, &field, 1)?);
        }
        "Value" => {
            let kinds = [
                ("number_value", Value::F64(0.5)),
                ("string_value", Value::String(random.word())),
                ("bool_value", Value::Bool(true)),
            ];
            let (name, value) = random.one(&kinds).clone();
            message.set_field_by_name(name, value);
        }
        wrapper if wrapper.ends_with("Value") => {
            // `google.protobuf.EnumValue` is none of the wrappers
            let field = descriptor.get_field_by_name("value")?;
            message.set_field(&field, scalar(random, &field.kind())?.1);
        }
        _ => return None,
    }
    Some(Some(message))
}

/// A scalar that is not the default, as text and as a value.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "any bits will do")]
pub(crate) fn scalar(random: &mut Random, kind: &Kind) -> Option<(String, Value)> {
    let bits = random.bits() | 1;
    let value = match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(bits as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(bits as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(bits as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(bits),
        Kind::Double => Value::F64(f64::from(bits as i32) / 8.0),
        Kind::Float => Value::F32(f32::from(bits as i16) / 8.0),
        Kind::Bool => Value::Bool(true),
        Kind::String => Value::String(random.word()),
        Kind::Bytes => Value::Bytes(bits.to_le_bytes().to_vec().into()),
        Kind::Enum(descriptor) => {
            let known: Vec<_> = descriptor.values().filter(|v| v.number() != 0).collect();
            if known.is_empty() {
                return None;
            }
            let chosen = random.one(&known);
            let text = if random.chance(50) { chosen.name().to_owned() } else { chosen.number().to_string() };
            return Some((text, Value::EnumNumber(chosen.number())));
        }
        Kind::Message(_) => return None,
    };
    let text = match &value {
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::U32(v) => v.to_string(),
        Value::U64(v) => v.to_string(),
        Value::F64(v) => v.to_string(),
        Value::F32(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::String(v) => v.clone(),
        Value::Bytes(v) if bits & 2 == 0 => STANDARD.encode(v),
        Value::Bytes(v) => URL_SAFE_NO_PAD.encode(v),
        _ => return None,
    };
    Some((text, value))
}
