//! Random schemas as plans: small values that shrink well and that every reading of makes a valid schema.

use proptest::prelude::*;
use prost_types::field_descriptor_proto::Type;

/// Two files: one of proto3, and one of proto2 that may use what the first declares.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The fields of each message of proto3.
    pub(crate) three: Vec<Vec<FieldPlan>>,
    /// The fields of each message of proto2.
    pub(crate) two: Vec<Vec<FieldPlan>>,
    /// Extensions of messages of proto2.
    pub(crate) extensions: Vec<FieldPlan>,
    /// Numbers of the open enum, behind zero.
    pub(crate) open: Vec<i32>,
    /// Numbers of the closed enum.
    pub(crate) closed: Vec<i32>,
}

/// A field; what its file does not have is read as the nearest thing that it has.
#[derive(Debug, Clone)]
pub(crate) struct FieldPlan {
    pub(crate) what: What,
    pub(crate) label: Label,
    pub(crate) name: NameForm,
    /// A JSON name that is not derived from the name.
    pub(crate) json_name: bool,
    pub(crate) number: NumberForm,
    /// The option `packed`.
    pub(crate) packed: Option<bool>,
    /// A default (proto2).
    pub(crate) default: bool,
}

/// The type of a value; indexes are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    Scalar(Type),
    Enum(usize),
    Message(usize),
    Group(usize),
    WellKnown(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Label {
    Single,
    /// The `optional` of proto3.
    Optional,
    Required,
    Repeated,
    Map(Type),
    Oneof(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum NameForm {
    Plain,
    Words,
    Upper,
    Underscores,
    /// Beyond the blocks in which keys are compared.
    Long,
}

/// How many bytes a tag has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NumberForm {
    Small,
    Middle,
    Large,
}

const SCALARS: [Type; 15] = [
    Type::Double,
    Type::Float,
    Type::Int64,
    Type::Uint64,
    Type::Int32,
    Type::Fixed64,
    Type::Fixed32,
    Type::Bool,
    Type::String,
    Type::Bytes,
    Type::Uint32,
    Type::Sfixed32,
    Type::Sfixed64,
    Type::Sint32,
    Type::Sint64,
];

fn key() -> impl Strategy<Value = Type> {
    let allowed = |t: &&Type| !matches!(t, Type::Double | Type::Float | Type::Bytes);
    prop::sample::select(SCALARS.iter().filter(allowed).copied().collect::<Vec<_>>())
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        6 => prop::sample::select(&SCALARS[..]).prop_map(What::Scalar),
        2 => (0..3_usize).prop_map(What::Enum),
        3 => (0..6_usize).prop_map(What::Message),
        1 => (0..6_usize).prop_map(What::Group),
        2 => (0..100_usize).prop_map(What::WellKnown),
    ]
}

fn label() -> impl Strategy<Value = Label> {
    prop_oneof![
        3 => Just(Label::Single),
        1 => Just(Label::Optional),
        1 => Just(Label::Required),
        3 => Just(Label::Repeated),
        2 => key().prop_map(Label::Map),
        4 => (0..2_usize).prop_map(Label::Oneof),
    ]
}

fn field() -> impl Strategy<Value = FieldPlan> {
    use NameForm::{Long, Plain, Underscores, Upper, Words};
    use NumberForm::{Large, Middle, Small};
    let names = prop::sample::select(&[Plain, Plain, Plain, Words, Words, Upper, Underscores, Long][..]);
    let numbers = prop::sample::select(&[Small, Small, Small, Middle, Large][..]);
    let more = (prop::bool::weighted(0.2), numbers, any::<Option<bool>>(), any::<bool>());
    (what(), label(), names, more).prop_map(|(what, label, name, (json_name, number, packed, default))| {
        FieldPlan { what, label, name, json_name, number, packed, default }
    })
}

fn messages() -> impl Strategy<Value = Vec<Vec<FieldPlan>>> {
    prop::collection::vec(prop::collection::vec(field(), 1..9), 1..4)
}

/// Numbers of an enum. No two are the same: which name of an alias is printed is a choice of its own (the first one in
/// protobuf's C++, another one in prost-reflect).
fn numbers() -> impl Strategy<Value = Vec<i32>> {
    let number = prop_oneof![1..12_i32, any::<i32>().prop_filter("zero is taken", |n| *n != 0)];
    prop::collection::btree_set(number, 1..12)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    (messages(), messages(), prop::collection::vec(field(), 0..4), numbers(), numbers())
        .prop_map(|(three, two, extensions, open, closed)| Plan { three, two, extensions, open, closed })
}
