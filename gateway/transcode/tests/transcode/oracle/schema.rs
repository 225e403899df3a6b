//! From a plan to descriptors, and to both readers of them: ours and the oracle's.

use bytes::Bytes;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use prost_types::field_descriptor_proto::{Label as ProtoLabel, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FieldOptions,
    FileDescriptorProto, MessageOptions, OneofDescriptorProto, descriptor_proto::ExtensionRange,
};

use super::plan::{FieldPlan, Label, NameForm, NumberForm, Plan, What};

const PACKAGE: &str = "random";
const WELL_KNOWN: [&str; 17] = [
    "Timestamp",
    "Duration",
    "FieldMask",
    "Struct",
    "Value",
    "ListValue",
    "Any",
    "Empty",
    "DoubleValue",
    "FloatValue",
    "Int64Value",
    "UInt64Value",
    "Int32Value",
    "UInt32Value",
    "BoolValue",
    "StringValue",
    "BytesValue",
];

/// A random schema, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(crate) plan: Plan,
    pub(crate) pool: DescriptorPool,
    /// Every file, encoded.
    pub(crate) files: Vec<Bytes>,
}

impl Schema {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut pool = DescriptorPool::global();
        let files = [file(&plan, Syntax::Three), file(&plan, Syntax::Two)];
        pool.add_file_descriptor_protos(files).unwrap();
        let files = pool.file_descriptor_protos().map(|file| file.encode_to_vec().into()).collect();
        Self { plan, pool, files }
    }

    /// The messages of the plan.
    pub(crate) fn messages(&self) -> Vec<MessageDescriptor> {
        let own = |m: &MessageDescriptor| m.package_name() == PACKAGE && !m.is_map_entry();
        self.pool.all_messages().filter(own).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Syntax {
    Three,
    Two,
}

fn file(plan: &Plan, syntax: Syntax) -> FileDescriptorProto {
    let three = syntax == Syntax::Three;
    let builder = Builder { plan, syntax };
    let messages = if three { &plan.three } else { &plan.two };
    let mut dependency: Vec<String> =
        ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"]
            .map(|name| format!("google/protobuf/{name}.proto"))
            .into();
    if !three {
        dependency.push("three.proto".to_owned());
    }
    let mut file = FileDescriptorProto {
        name: Some(if three { "three.proto" } else { "two.proto" }.to_owned()),
        package: Some(PACKAGE.to_owned()),
        syntax: Some(if three { "proto3" } else { "proto2" }.to_owned()),
        dependency,
        message_type: (0..).zip(messages).map(|(i, fields)| builder.message(i, fields)).collect(),
        enum_type: vec![if three {
            enumeration("Open", &[0], &plan.open)
        } else {
            enumeration("Closed", &[], &plan.closed)
        }],
        ..FileDescriptorProto::default()
    };
    if !three {
        for (index, field) in plan.extensions.iter().enumerate() {
            // half of them are declared inside of a message
            let nested = index % 2 == 1;
            let scope = if nested { &mut file.message_type[0].extension } else { &mut file.extension };
            scope.push(builder.extension(index, field));
        }
    }
    file
}

fn enumeration(name: &str, first: &[i32], more: &[i32]) -> EnumDescriptorProto {
    let value = |number: &i32| EnumValueDescriptorProto {
        name: Some(format!("{}_{}", name.to_uppercase(), i64::from(*number) + (1 << 31))),
        number: Some(*number),
        options: None,
    };
    let value = first.iter().chain(more).map(value).collect();
    EnumDescriptorProto { name: Some(name.to_owned()), value, ..EnumDescriptorProto::default() }
}

#[derive(Clone, Copy)]
struct Builder<'p> {
    plan: &'p Plan,
    syntax: Syntax,
}

impl Builder<'_> {
    fn message(self, place: usize, fields: &[FieldPlan]) -> DescriptorProto {
        let two = self.syntax == Syntax::Two;
        let name = format!("{}{place}", if two { "Two" } else { "Three" });
        let mut message = DescriptorProto { name: Some(name.clone()), ..DescriptorProto::default() };
        for (index, plan) in fields.iter().enumerate() {
            let mut field = self.field(index, plan);
            if let Label::Map(key) = plan.label {
                let entry = entry(&format!("Entry{index}"), key, &field);
                field = FieldDescriptorProto {
                    r#type: Some(Type::Message.into()),
                    type_name: Some(format!(".{PACKAGE}.{name}.Entry{index}")),
                    label: Some(ProtoLabel::Repeated.into()),
                    ..field
                };
                message.nested_type.push(entry);
            }
            message.field.push(field);
        }
        if two {
            message.extension_range = [(100, 200), (300_000_000, 1 << 29)]
                .map(|(start, end)| ExtensionRange { start: Some(start), end: Some(end), options: None })
                .into();
        }
        declare_oneofs(&mut message, fields, !two);
        message
    }

    fn field(self, index: usize, plan: &FieldPlan) -> FieldDescriptorProto {
        let (r#type, type_name) = self.kind(plan);
        let message = matches!(r#type, Type::Message | Type::Group);
        let two = self.syntax == Syntax::Two;
        let label = match plan.label {
            Label::Repeated => ProtoLabel::Repeated,
            // a required message that contains itself could not be made
            Label::Required if two && !message => ProtoLabel::Required,
            _ => ProtoLabel::Optional,
        };
        let (name, json_name) = names(index, plan);
        let packable =
            label == ProtoLabel::Repeated && !message && !matches!(r#type, Type::String | Type::Bytes);
        let has_default = two && plan.default && matches!(plan.label, Label::Single | Label::Oneof(_));
        FieldDescriptorProto {
            name: Some(name),
            json_name,
            number: Some(number(index, plan.number)),
            label: Some(label.into()),
            r#type: Some(r#type.into()),
            default_value: if has_default { self.default(plan.what, r#type) } else { None },
            type_name,
            options: plan
                .packed
                .filter(|_| packable)
                .map(|packed| FieldOptions { packed: Some(packed), ..FieldOptions::default() }),
            ..FieldDescriptorProto::default()
        }
    }

    fn extension(self, index: usize, plan: &FieldPlan) -> FieldDescriptorProto {
        // extensions are neither required nor maps nor in oneofs, and have no JSON name of their own
        let label = if matches!(plan.label, Label::Repeated) { Label::Repeated } else { Label::Single };
        let plan = FieldPlan { label, json_name: false, ..plan.clone() };
        let base = if matches!(plan.number, NumberForm::Large) { 300_000_000 } else { 100 };
        FieldDescriptorProto {
            extendee: Some(format!(".{PACKAGE}.Two{}", index % self.plan.two.len())),
            name: Some(format!("extension{index}")),
            number: Some(base + i32::try_from(index).unwrap()),
            ..self.field(index, &plan)
        }
    }

    fn kind(self, plan: &FieldPlan) -> (Type, Option<String>) {
        let map = matches!(plan.label, Label::Map(_));
        let named = |r#type, name: String| (r#type, Some(name));
        match plan.what {
            What::Scalar(r#type) => (r#type, None),
            What::Enum(i) => named(Type::Enum, self.enumeration(i)),
            // groups are of proto2 alone
            What::Group(i) if self.syntax == Syntax::Two && !map => named(Type::Group, self.own(i)),
            What::Message(i) | What::Group(i) => named(Type::Message, self.own(i)),
            What::WellKnown(i) => {
                named(Type::Message, format!(".google.protobuf.{}", WELL_KNOWN[i % WELL_KNOWN.len()]))
            }
        }
    }

    /// A closed enum is of proto2 alone.
    fn enumeration(self, index: usize) -> String {
        match index {
            0 => ".google.protobuf.NullValue".to_owned(),
            1 if self.syntax == Syntax::Two => format!(".{PACKAGE}.Closed"),
            _ => format!(".{PACKAGE}.Open"),
        }
    }

    fn own(self, index: usize) -> String {
        let (three, two) = (self.plan.three.len(), self.plan.two.len());
        match self.syntax {
            Syntax::Two if index.is_multiple_of(2) => format!(".{PACKAGE}.Two{}", index % two),
            _ => format!(".{PACKAGE}.Three{}", index % three),
        }
    }

    fn default(self, what: What, r#type: Type) -> Option<String> {
        Some(match (what, r#type) {
            (What::Enum(1), _) => enumeration("Closed", &[], &self.plan.closed).value[0].name.clone()?,
            (What::Scalar(_), Type::Bool) => "true".to_owned(),
            (What::Scalar(_), Type::Double | Type::Float) => "1.5".to_owned(),
            (What::Scalar(_), _) => "7".to_owned(),
            _ => return None,
        })
    }
}

fn names(index: usize, plan: &FieldPlan) -> (String, Option<String>) {
    let name = match plan.name {
        NameForm::Plain => format!("f{index}"),
        NameForm::Words => format!("some_words_{index}"),
        NameForm::Upper => format!("UPPER_Case{index}"),
        NameForm::Underscores => format!("_under__score{index}_"),
        NameForm::Long => format!("a_name_that_is_longer_than_two_blocks_of_bytes_{index}"),
    };
    // what must be escaped, and what is not ASCII
    let json_name = plan.json_name.then(|| format!("\"näme\\\n{index}"));
    (name, json_name)
}

fn number(index: usize, form: NumberForm) -> i32 {
    let index = i32::try_from(index).unwrap();
    match form {
        NumberForm::Small => index + 1,
        NumberForm::Middle => 300 - index * 7,
        NumberForm::Large => (1 << 28) + index,
    }
}

fn entry(name: &str, key: Type, value: &FieldDescriptorProto) -> DescriptorProto {
    let part = |name: &str, number| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(ProtoLabel::Optional.into()),
        ..FieldDescriptorProto::default()
    };
    DescriptorProto {
        name: Some(name.to_owned()),
        field: vec![
            FieldDescriptorProto { r#type: Some(key.into()), ..part("key", 1) },
            FieldDescriptorProto {
                r#type: value.r#type,
                type_name: value.type_name.clone(),
                ..part("value", 2)
            },
        ],
        options: Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() }),
        ..DescriptorProto::default()
    }
}

/// Oneofs as they are written, then those that stand for an `optional` of proto3.
fn declare_oneofs(message: &mut DescriptorProto, plans: &[FieldPlan], optional: bool) {
    let mut declare = |name: String| {
        let known = message.oneof_decl.iter().position(|o| o.name.as_ref() == Some(&name));
        let index = known.unwrap_or_else(|| {
            message.oneof_decl.push(OneofDescriptorProto { name: Some(name), options: None });
            message.oneof_decl.len() - 1
        });
        i32::try_from(index).ok()
    };
    for (field, plan) in message.field.iter_mut().zip(plans) {
        if let Label::Oneof(which) = plan.label {
            field.oneof_index = declare(format!("oneof{which}"));
        }
    }
    for (field, plan) in message.field.iter_mut().zip(plans) {
        if optional && matches!(plan.label, Label::Optional) {
            field.oneof_index = declare(format!("_{}", field.name()));
            field.proto3_optional = Some(true);
        }
    }
}
