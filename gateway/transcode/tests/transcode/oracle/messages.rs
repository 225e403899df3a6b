//! Random messages of a descriptor, within what both JSON mappings can express.

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};

use super::well_known;

/// A field or an extension of a message.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Field(FieldDescriptor),
    Extension(ExtensionDescriptor),
}

impl Slot {
    pub(crate) fn of(message: &MessageDescriptor) -> Vec<Self> {
        message.fields().map(Self::Field).chain(message.extensions().map(Self::Extension)).collect()
    }

    pub(crate) fn by_number(message: &MessageDescriptor, number: u32) -> Option<Self> {
        let extension = || message.get_extension(number).map(Self::Extension);
        message.get_field(number).map(Self::Field).or_else(extension)
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Field(f) => f.kind(),
            Self::Extension(e) => e.kind(),
        }
    }

    pub(crate) fn number(&self) -> u32 {
        match self {
            Self::Field(f) => f.number(),
            Self::Extension(e) => e.number(),
        }
    }

    /// The other members of its oneof.
    pub(crate) fn siblings(&self) -> impl Iterator<Item = Self> {
        let (oneof, number) = match self {
            Self::Field(f) => (f.containing_oneof(), f.number()),
            Self::Extension(_) => (None, 0),
        };
        let members: Vec<_> = oneof.iter().flat_map(prost_reflect::OneofDescriptor::fields).collect();
        members.into_iter().filter(move |f| f.number() != number).map(Self::Field)
    }

    pub(crate) fn is_list(&self) -> bool {
        match self {
            Self::Field(f) => f.is_list(),
            Self::Extension(e) => e.is_list(),
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Self::Field(f) if f.is_map())
    }

    fn is_required(&self) -> bool {
        matches!(self, Self::Field(f) if f.is_required())
    }

    /// Whether minus zero can be told from absence.
    fn has_presence(&self) -> bool {
        match self {
            Self::Field(f) => f.supports_presence() || f.is_list(),
            Self::Extension(_) => true,
        }
    }

    fn set(&self, message: &mut DynamicMessage, value: Value) {
        match self {
            Self::Field(f) => message.set_field(f, value),
            Self::Extension(e) => message.set_extension(e, value),
        }
    }
}

/// NaN is the one that JSON's word stands for: other bit patterns come back as this one.
fn double() -> impl Strategy<Value = f64> {
    let special =
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 0.0, -0.0]);
    prop_oneof![4 => any::<f64>(), 2 => any::<i32>().prop_map(|v| f64::from(v) / 8.0), 1 => special]
}

fn float() -> impl Strategy<Value = f32> {
    let special =
        prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-45, 0.0, -0.0]);
    prop_oneof![4 => any::<f32>(), 2 => any::<i16>().prop_map(|v| f32::from(v) / 8.0), 1 => special]
}

macro_rules! integer {
    ($type:ty, $value:expr) => {
        prop_oneof![2 => any::<$type>(), 1 => (0..300_u16).prop_map(|v| v as $type), 1 => Just(<$type>::MIN), 1 => Just(<$type>::MAX)]
            .prop_map($value)
            .boxed()
    };
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[ -~]{0,12}", 2 => "\\PC{0,6}", 1 => any::<String>(), 1 => "[a-z\"\\\\\n]{10,80}", 1 => "[a-z]{120,200}"]
}

pub(super) fn scalar(kind: &Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Double => double().prop_map(Value::F64).boxed(),
        Kind::Float => float().prop_map(Value::F32).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => integer!(i32, Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => integer!(i64, Value::I64),
        Kind::Uint32 | Kind::Fixed32 => integer!(u32, Value::U32),
        Kind::Uint64 | Kind::Fixed64 => integer!(u64, Value::U64),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::String => text().prop_map(Value::String).boxed(),
        Kind::Bytes => prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| Value::Bytes(b.into())).boxed(),
        Kind::Enum(e) => {
            let known = prop::sample::select(e.values().map(|v| v.number()).collect::<Vec<_>>());
            // null is the only word of NullValue. The oracle keeps every number of a closed enum, where the others
            // count as unknown fields.
            let closed = e.parent_file().syntax() == prost_reflect::Syntax::Proto2;
            if closed || e.full_name() == "google.protobuf.NullValue" {
                return known.prop_map(Value::EnumNumber).boxed();
            }
            prop_oneof![3 => known, 1 => any::<i32>()].prop_map(Value::EnumNumber).boxed()
        }
        Kind::Message(_) => unreachable!("no scalar"),
    }
}

/// A value without its minus zero: the oracle takes that for the default and does not send it.
fn positive_zero(value: Value) -> Value {
    match value {
        Value::F64(v) => Value::F64(v + 0.0),
        Value::F32(v) => Value::F32(v + 0.0),
        other => other,
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

fn value(slot: &Slot, depth: u32) -> BoxedStrategy<Value> {
    if let (true, Kind::Message(entry)) = (slot.is_map(), slot.kind()) {
        let key = scalar(&entry.map_entry_key_field().kind()).prop_map(map_key);
        let value = nested(&entry.map_entry_value_field().kind(), depth).prop_map(positive_zero);
        return prop::collection::hash_map(key, value, 1..4).prop_map(Value::Map).boxed();
    }
    let one = nested(&slot.kind(), depth);
    if slot.is_list() {
        return prop::collection::vec(one, 1..4).prop_map(Value::List).boxed();
    }
    if slot.has_presence() { one } else { one.prop_map(positive_zero).boxed() }
}

/// A message of this type, with so many levels of messages below it at most.
pub(crate) fn message(descriptor: MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    if let Some(strategy) = well_known::message(&descriptor, depth) {
        return strategy;
    }
    // required fields are there always: the oracle does not ask for them, and no JSON without them is read
    let (needed, mut free): (Vec<_>, Vec<_>) = Slot::of(&descriptor).into_iter().partition(Slot::is_required);
    if depth == 0 {
        free.clear();
    }
    let most = free.len().min(8);
    let chosen = prop::sample::subsequence(free, 0..=most);
    let values = chosen.prop_flat_map(move |chosen| {
        let slots = needed.iter().chain(&chosen);
        slots.map(|slot| (Just(slot.clone()), value(slot, depth.saturating_sub(1)))).collect::<Vec<_>>()
    });
    let built = values.prop_map(move |values| {
        let mut message = DynamicMessage::new(descriptor.clone());
        for (slot, value) in values {
            slot.set(&mut message, value);
        }
        message
    });
    // what a message is, is what its bytes say: a default without presence is not there any more
    built
        .prop_map(|built| DynamicMessage::decode(built.descriptor(), &built.encode_to_vec()[..]).unwrap())
        .boxed()
}
