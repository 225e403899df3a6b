//! Messages as the tree that REST shows: names of the protos, the words of enum values, and what is always present.
//!
//! It reads the descriptors, so that a field added to a proto is shown without a change here. Only the formats for
//! programs need it: the tables do not wait for it.

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind,
    ReflectMessage, Value as Field,
};

use super::Value;
use crate::failure::Failure;

const FIELD: &str = "toolforge.options.v1.field";
const ENUM_VALUE: &str = "toolforge.options.v1.value";

/// The tree of a message of the jobs service, by its full name.
pub(crate) fn tree<M: Message>(name: &str, message: &M) -> Result<Value, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::client(format!("cannot show {name}: {error}"));
    let pool = DescriptorPool::decode(api::JOBS_DESCRIPTORS).map_err(|error| broken(&error))?;
    let descriptor = pool.get_message_by_name(name).ok_or_else(|| broken(&"it is not described"))?;
    let message =
        DynamicMessage::decode(descriptor, &*message.encode_to_vec()).map_err(|error| broken(&error))?;
    let options =
        Options { field: pool.get_extension_by_name(FIELD), value: pool.get_extension_by_name(ENUM_VALUE) };
    Ok(options.message(&message))
}

struct Options {
    field: Option<ExtensionDescriptor>,
    value: Option<ExtensionDescriptor>,
}

impl Options {
    fn message(&self, message: &DynamicMessage) -> Value {
        if message.descriptor().full_name() == "google.protobuf.Timestamp" {
            return timestamp(message);
        }
        let mut fields: Vec<FieldDescriptor> = message.descriptor().fields().collect();
        fields.sort_by_key(FieldDescriptor::number);
        let shown = fields.into_iter().filter(|field| message.has_field(field) || self.always_present(field));
        Value::Map(shown.map(|field| (field.name().to_owned(), self.field(message, &field))).collect())
    }

    fn field(&self, message: &DynamicMessage, field: &FieldDescriptor) -> Value {
        let is_absent_message =
            matches!(field.kind(), Kind::Message(_)) && !field.is_list() && !message.has_field(field);
        if is_absent_message && !field.is_map() {
            return Value::Map(vec![]);
        }
        self.value(&message.get_field(field), &field.kind())
    }

    fn value(&self, value: &Field, kind: &Kind) -> Value {
        match value {
            Field::Bool(truth) => Value::Bool(*truth),
            Field::I32(number) => Value::Int((*number).into()),
            Field::U32(number) => Value::Int((*number).into()),
            Field::I64(number) => Value::Text(number.to_string()),
            Field::U64(number) => Value::Text(number.to_string()),
            Field::F32(number) => Value::Float((*number).into()),
            Field::F64(number) => Value::Float(*number),
            Field::String(text) => Value::from(text.as_str()),
            Field::Bytes(bytes) => Value::Text(base64(bytes)),
            Field::EnumNumber(number) => match kind {
                Kind::Enum(descriptor) => self.word(descriptor, *number),
                _ => Value::Int((*number).into()),
            },
            Field::Message(message) => self.message(message),
            Field::List(items) => Value::List(items.iter().map(|item| self.value(item, kind)).collect()),
            Field::Map(entries) => self.map(entries, kind),
        }
    }

    fn map(&self, entries: &std::collections::HashMap<prost_reflect::MapKey, Field>, kind: &Kind) -> Value {
        let Kind::Message(entry) = kind else { return Value::Map(vec![]) };
        let kind = entry.map_entry_value_field().kind();
        let key = |key: &prost_reflect::MapKey| match key {
            prost_reflect::MapKey::String(text) => text.clone(),
            other => format!("{other:?}"),
        };
        let mut pairs: Vec<_> =
            entries.iter().map(|(name, value)| (key(name), self.value(value, &kind))).collect();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        Value::Map(pairs)
    }

    fn word(&self, descriptor: &EnumDescriptor, number: i32) -> Value {
        let Some(value) = descriptor.get_value(number) else { return Value::Int(number.into()) };
        let wire = self.value.as_ref().and_then(|option| option_text(&value.options(), option, "wire"));
        Value::Text(wire.unwrap_or_else(|| value.name().to_owned()))
    }

    fn always_present(&self, field: &FieldDescriptor) -> bool {
        let options = field.options();
        let rules = self.field.as_ref().map(|option| options.get_extension(option).into_owned());
        rules.as_ref().and_then(Field::as_message).is_some_and(|rules| {
            rules.get_field_by_name("always_present").is_some_and(|value| value.as_bool() == Some(true))
        })
    }
}

fn option_text(options: &DynamicMessage, option: &ExtensionDescriptor, name: &str) -> Option<String> {
    let rules = options.get_extension(option);
    let text = rules.as_message()?.get_field_by_name(name)?.as_str()?.to_owned();
    Some(text).filter(|text| !text.is_empty())
}

fn timestamp(message: &DynamicMessage) -> Value {
    let number = |name: &str| message.get_field_by_name(name);
    let seconds = number("seconds").and_then(|value| value.as_i64()).unwrap_or_default();
    let nanos = number("nanos").and_then(|value| value.as_i32()).unwrap_or_default();
    Value::Text(prost_types::Timestamp { seconds, nanos }.to_string())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
