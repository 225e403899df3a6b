//! prost-reflect as oracle: random messages, both directions.

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, SerializeOptions,
    Value,
};

use crate::fixture::{pool, to_json, to_wire};

const ALL: &str = "test.v1.All";

fn scalar(kind: &Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Double => any::<f64>().prop_map(Value::F64).boxed(),
        Kind::Float => any::<f32>().prop_map(Value::F32).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(Value::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(Value::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(Value::U64).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::String => {
            prop_oneof!["[ -~]{0,12}", "\\PC{0,6}", any::<String>()].prop_map(Value::String).boxed()
        }
        Kind::Bytes => {
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(|b| Value::Bytes(b.into())).boxed()
        }
        Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue" => Just(Value::EnumNumber(0)).boxed(),
        Kind::Enum(_) => prop_oneof![-1..3_i32, any::<i32>()].prop_map(Value::EnumNumber).boxed(),
        Kind::Message(m) => message(m.clone(), 2).prop_map(Value::Message).boxed(),
    }
}

fn nested(kind: &Kind, depth: u32) -> BoxedStrategy<Value> {
    match kind {
        Kind::Message(m) => message(m.clone(), depth).prop_map(Value::Message).boxed(),
        other => scalar(other),
    }
}

fn map_key(value: Value) -> MapKey {
    value.into_map_key().expect("a map key kind")
}

fn field(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Value> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!() };
        let key = scalar(&entry.map_entry_key_field().kind()).prop_map(map_key);
        let value = nested(&entry.map_entry_value_field().kind(), depth);
        return proptest::collection::hash_map(key, value, 1..4).prop_map(Value::Map).boxed();
    }
    let one = nested(&field.kind(), depth);
    if field.is_list() {
        return proptest::collection::vec(one, 1..4).prop_map(Value::List).boxed();
    }
    one
}

/// Messages whose content is bound by more than their types.
fn well_known(descriptor: &MessageDescriptor) -> Option<BoxedStrategy<DynamicMessage>> {
    let d = descriptor.clone();
    let set = move |fields: Vec<(u32, Value)>| {
        let mut message = DynamicMessage::new(d.clone());
        for (number, value) in fields {
            message.set_field_by_number(number, value);
        }
        message
    };
    Some(match descriptor.full_name() {
        "google.protobuf.Timestamp" => (-62_135_596_800_i64..253_402_300_800, 0..1_000_000_000_i32)
            .prop_map(move |(s, n)| set(vec![(1, Value::I64(s)), (2, Value::I32(n))]))
            .boxed(),
        "google.protobuf.Duration" => (-315_576_000_000_i64..315_576_000_000, 0..1_000_000_000_i32)
            .prop_map(move |(s, n)| {
                let n = if s < 0 { -n } else { n };
                set(vec![(1, Value::I64(s)), (2, Value::I32(n))])
            })
            .boxed(),
        "google.protobuf.FieldMask" => proptest::collection::vec("[a-z]{1,5}(_[a-z]{1,3}){0,2}", 0..3)
            .prop_map(move |p| set(vec![(1, Value::List(p.into_iter().map(Value::String).collect()))]))
            .boxed(),
        "google.protobuf.Value" => prop_oneof![
            Just((1, Value::EnumNumber(0))),
            any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| (2, Value::F64(v))),
            any::<String>().prop_map(|v| (3, Value::String(v))),
            any::<bool>().prop_map(|v| (4, Value::Bool(v))),
        ]
        .prop_map(move |one| set(vec![one]))
        .boxed(),
        "google.protobuf.Any" => message(pool().get_message_by_name("test.v1.Inner").unwrap(), 1)
            .prop_map(move |inner| {
                set(vec![
                    (1, Value::String("type.googleapis.com/test.v1.Inner".to_owned())),
                    (2, Value::Bytes(inner.encode_to_vec().into())),
                ])
            })
            .boxed(),
        _ => return None,
    })
}

fn message(descriptor: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    if let Some(strategy) = well_known(&descriptor) {
        return strategy;
    }
    if depth == 0 {
        return Just(DynamicMessage::new(descriptor)).boxed();
    }
    let fields: Vec<_> = descriptor.fields().collect();
    if fields.is_empty() {
        return Just(DynamicMessage::new(descriptor)).boxed();
    }
    let count = fields.len();
    proptest::collection::btree_set(0..count, 0..count.min(8))
        .prop_flat_map(move |chosen| {
            chosen
                .into_iter()
                .map(|i| (Just(fields[i].clone()), field(&fields[i], depth - 1)))
                .collect::<Vec<_>>()
        })
        .prop_map(move |values| {
            let mut message = DynamicMessage::new(descriptor.clone());
            for (field, value) in values {
                message.set_field(&field, value);
            }
            message
        })
        .boxed()
}

/// A message that shows itself as JSON (its own `Debug` goes through the whole descriptor pool).
struct Sample(DynamicMessage);

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&oracle_json(&self.0))
    }
}

fn all() -> impl Strategy<Value = Sample> {
    message(pool().get_message_by_name(ALL).unwrap(), 3).prop_map(Sample)
}

fn oracle_json(message: &DynamicMessage) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut out);
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(&mut serializer, &options).unwrap();
    String::from_utf8(out).unwrap()
}

/// NaN has many bit patterns and one JSON form, so messages are compared by what the oracle prints.
fn same(message: &DynamicMessage, wire: &[u8]) -> bool {
    let read = DynamicMessage::decode(message.descriptor(), wire).unwrap();
    tree(&oracle_json(message)) == tree(&oracle_json(&read))
}

/// Parsed JSON with floats by their text, since 1.0 and 1 are the same number. Zero loses its sign: prost takes -0.0 in a
/// map for the default and does not send it.
fn tree(json: &str) -> serde_json::Value {
    fn settle(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Number(n) => *value = format!("{:?}", n.as_f64().unwrap() + 0.0).into(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(settle),
            serde_json::Value::Object(members) => members.values_mut().for_each(settle),
            _ => {}
        }
    }
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    settle(&mut value);
    value
}

proptest! {
    #[test]
    fn wire_prints_as_the_oracle_prints_it(Sample(message) in all()) {
        let ours = to_json(ALL, &message.encode_to_vec()).unwrap();
        prop_assert_eq!(tree(&ours), tree(&oracle_json(&message)));
    }

    #[test]
    fn json_reads_as_the_oracle_reads_it(Sample(message) in all()) {
        let json = oracle_json(&message);
        let wire = to_wire(ALL, &json).unwrap();
        prop_assert!(same(&message, &wire), "{}", json);
    }

    #[test]
    fn what_we_print_we_read_back(Sample(message) in all()) {
        let wire = to_wire(ALL, &to_json(ALL, &message.encode_to_vec()).unwrap()).unwrap();
        prop_assert!(same(&message, &wire));
    }

    #[test]
    fn any_order_on_the_wire_prints_the_same(Sample(message) in all(), cut in any::<prop::sample::Index>()) {
        // a message that is sent twice, then its first copy again from some field on: fields repeat, submessages
        // merge and lists grow, just as when the oracle decodes the same bytes
        let wire = message.encode_to_vec();
        let bounds = field_bounds(&wire);
        let at = bounds[cut.index(bounds.len())];
        let shuffled = [&wire[at..], &wire[..at], &wire[at..]].concat();
        let read = DynamicMessage::decode(message.descriptor(), &shuffled[..]).unwrap();
        prop_assert_eq!(tree(&to_json(ALL, &shuffled).unwrap()), tree(&oracle_json(&read)));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = to_json(ALL, &bytes);
        let _ = crate::fixture::bytes_to_wire(ALL, &bytes);
    }

    #[test]
    fn every_cut_of_a_body_is_refused(Sample(message) in all()) {
        let json = oracle_json(&message);
        for end in 0..json.len() {
            prop_assert!(crate::fixture::bytes_to_wire(ALL, &json.as_bytes()[..end]).is_err(), "cut at {}", end);
        }
    }

    #[test]
    fn a_cut_message_is_an_error_or_a_shorter_message(Sample(message) in all()) {
        let wire = message.encode_to_vec();
        let bounds = field_bounds(&wire);
        for end in 0..wire.len() {
            let printed = to_json(ALL, &wire[..end]);
            prop_assert_eq!(printed.is_ok(), bounds.contains(&end), "cut at {}", end);
        }
    }
}

/// Where fields begin at the top level.
fn field_bounds(wire: &[u8]) -> Vec<usize> {
    use prost_reflect::prost::encoding::{DecodeContext, decode_key, skip_field};
    let mut rest = wire;
    let mut bounds = vec![0];
    while !rest.is_empty() {
        let (number, kind) = decode_key(&mut rest).unwrap();
        skip_field(kind, number, &mut rest, DecodeContext::default()).unwrap();
        bounds.push(wire.len() - rest.len());
    }
    bounds
}
