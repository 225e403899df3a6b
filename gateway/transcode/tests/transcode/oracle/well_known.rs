//! Random messages of the well-known types, whose content is bound by more than their fields.

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _, Value};

use super::messages::{message as any_message, scalar};

fn set(descriptor: &MessageDescriptor, fields: impl IntoIterator<Item = (u32, Value)>) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for (number, value) in fields {
        message.set_field_by_number(number, value);
    }
    message
}

/// A message of a well-known type; nothing for other types.
pub(super) fn message(descriptor: &MessageDescriptor, depth: u32) -> Option<BoxedStrategy<DynamicMessage>> {
    let d = descriptor.clone();
    let name = descriptor.full_name().strip_prefix("google.protobuf.")?;
    Some(match name {
        // the oracle prints nanoseconds beyond a second, and times before year 1 or after 9999, in its own way
        "Timestamp" => (-62_135_596_800_i64..253_402_300_800, nanos())
            .prop_map(move |(s, n)| set(&d, [(1, Value::I64(s)), (2, Value::I32(n))]))
            .boxed(),
        // and durations whose parts differ in sign
        "Duration" => (-315_576_000_000_i64..315_576_000_000, nanos(), any::<bool>())
            .prop_map(move |(s, n, small)| {
                let s = if small { s % 3 } else { s };
                let n = if s < 0 { -n } else { n };
                set(&d, [(1, Value::I64(s)), (2, Value::I32(n))])
            })
            .boxed(),
        // only paths whose camel case goes back to the same path have a JSON form
        "FieldMask" => {
            prop::collection::vec("[a-z]{1,5}(_[a-z]{1,3}){0,2}(\\.[a-z]{1,5}(_[a-z]){0,1}){0,2}", 0..3)
                .prop_map(move |p| set(&d, [(1, Value::List(p.into_iter().map(Value::String).collect()))]))
                .boxed()
        }
        "Value" => value(d, depth),
        "ListValue" => prop::collection::vec(field(&d, 1, depth), 0..4)
            .prop_map(move |values| set(&d, [(1, Value::List(values))]))
            .boxed(),
        "Struct" => {
            let entry = d.get_field(1).unwrap().kind().as_message().unwrap().clone();
            prop::collection::hash_map("[ -~]{0,6}", field(&entry, 2, depth), 0..4)
                .prop_map(move |members| {
                    let members =
                        members.into_iter().map(|(k, v)| (prost_reflect::MapKey::String(k), v)).collect();
                    set(&d, [(1, Value::Map(members))])
                })
                .boxed()
        }
        "Any" => any_of(d, depth),
        // the oracle prints null for a wrapped number that is not finite, and takes a wrapped minus zero for nothing
        _ if name.ends_with("Value") => scalar(&d.get_field(1).unwrap().kind())
            .prop_map(move |value| {
                let value = match value {
                    Value::F64(v) => Value::F64(if v.is_finite() { v + 0.0 } else { 0.5 }),
                    Value::F32(v) => Value::F32(if v.is_finite() { v + 0.0 } else { 0.5 }),
                    other => other,
                };
                set(&d, [(1, value)])
            })
            .boxed(),
        _ => return None,
    })
}

fn nanos() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), (0..1000).prop_map(|ms| ms * 1_000_000), 0..1_000_000_000_i32]
}

/// A message of the field `number`.
fn field(descriptor: &MessageDescriptor, number: u32, depth: u32) -> BoxedStrategy<Value> {
    let Kind::Message(inner) = descriptor.get_field(number).unwrap().kind() else { unreachable!() };
    any_message(inner, depth.saturating_sub(1)).prop_map(Value::Message).boxed()
}

/// One that holds something: a `Value` of nothing has no JSON form, though the oracle prints null for it; the same for
/// a number that is not finite, of which the oracle also thinks so.
fn value(d: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let finite = any::<f64>().prop_map(|v| v + 0.0);
    let flat = prop_oneof![
        Just((1, Value::EnumNumber(0))),
        finite.prop_map(|v| (2, Value::F64(v))),
        any::<String>().prop_map(|v| (3, Value::String(v))),
        any::<bool>().prop_map(|v| (4, Value::Bool(v))),
    ];
    let one = if depth == 0 {
        flat.boxed()
    } else {
        let tree = prop_oneof![5..7_u32].prop_flat_map({
            let d = d.clone();
            move |number| (Just(number), field(&d, number, depth))
        });
        prop_oneof![2 => flat, 1 => tree].boxed()
    };
    one.prop_map(move |one| set(&d, [one])).boxed()
}

/// One of a type of the same pool: its own message types, and those whose JSON form stands under `value`. (`Empty` is
/// printed there with `value` by the oracle, as an object of no fields by us; both are read.)
fn any_of(d: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    const FORMS: [&str; 4] = ["Timestamp", "Struct", "Int64Value", "FieldMask"];
    let pool = d.parent_pool();
    let plain = |m: &MessageDescriptor| !m.is_map_entry() && !m.full_name().starts_with("google.");
    let mut types: Vec<MessageDescriptor> = pool.all_messages().filter(plain).collect();
    types
        .extend(FORMS.iter().filter_map(|name| pool.get_message_by_name(&format!("google.protobuf.{name}"))));
    prop::sample::select(types)
        .prop_flat_map(move |inner| any_message(inner, depth.saturating_sub(1)))
        .prop_map(move |inner| {
            let url = format!("type.googleapis.com/{}", inner.descriptor().full_name());
            set(&d, [(1, Value::String(url)), (2, Value::Bytes(inner.encode_to_vec().into()))])
        })
        .boxed()
}
