//! Query parameters for the fields that neither path nor body bind.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use crate::random::Random;
use crate::values::{map_key, oneof_taken, scalar, well_known};

/// Sets random fields of `message` below `prefix`, and adds the parameters that say the same. `bound` are field paths that
/// have their value from elsewhere.
pub(crate) fn fill(
    random: &mut Random,
    message: &mut DynamicMessage,
    (prefix, depth): (&str, u32),
    bound: &[String],
    pairs: &mut Vec<(String, String)>,
) {
    for field in message.descriptor().fields() {
        let place = format!("{prefix}{}", field.name());
        let name = format!("{prefix}{}", if random.chance(50) { field.name() } else { field.json_name() });
        if bound.contains(&place)
            || pairs.len() > 20
            || (oneof_taken(message, &field) && !message.has_field(&field))
        {
            continue;
        }
        if let Kind::Message(inner) = field.kind()
            && !field.is_list()
            && !inner.full_name().starts_with("google.protobuf.")
        {
            let mut below = match message.get_field(&field).as_ref() {
                Value::Message(below) => below.clone(),
                _ => continue,
            };
            let before = pairs.len();
            if depth > 0 {
                fill(random, &mut below, (&format!("{place}."), depth - 1), bound, pairs);
            }
            if pairs.len() > before {
                message.set_field(&field, Value::Message(below));
            }
        } else if !message.has_field(&field) && random.chance(60) {
            set(random, message, &field, &name, pairs);
        }
    }
}

/// Sets one field, if a query can say it.
fn set(
    random: &mut Random,
    message: &mut DynamicMessage,
    field: &FieldDescriptor,
    name: &str,
    pairs: &mut Vec<(String, String)>,
) {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return };
        let Some((key_text, key)) = scalar(random, &entry.map_entry_key_field().kind()) else { return };
        let Some((text, value)) = scalar(random, &entry.map_entry_value_field().kind()) else { return };
        let Some(key) = map_key(key).filter(|_| !key_text.contains(['[', ']'])) else { return };
        message.set_field(field, Value::Map([(key, value)].into()));
        pairs.push((format!("{name}[{key_text}]"), text));
        return;
    }
    let count = if field.is_list() { 1 + random.below(3) } else { 1 };
    let values: Option<Vec<(String, Value)>> = (0..count).map(|_| one(random, &field.kind())).collect();
    let Some(values) = values else { return };
    pairs.extend(values.iter().map(|(text, _)| (name.to_owned(), text.clone())));
    let mut values: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
    message.set_field(field, if field.is_list() { Value::List(values) } else { values.remove(0) });
}

/// One value with its text; types with a JSON form of their own have that one, without quotes where it is a string.
fn one(random: &mut Random, kind: &Kind) -> Option<(String, Value)> {
    let Kind::Message(descriptor) = kind else { return scalar(random, kind) };
    let message = well_known(random, descriptor)??;
    let dynamic = matches!(descriptor.name(), "Value" | "Struct" | "ListValue");
    let text = match serde_json::to_value(&message).ok()? {
        serde_json::Value::String(text) if !dynamic => text,
        other => other.to_string(),
    };
    Some((text, Value::Message(message)))
}
