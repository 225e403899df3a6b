//! Small examples of request bodies, made from the schema alone and always valid by it.

use serde_json::{Map, Value, json};

use crate::bind::{Binding, BodyRule};
use crate::schema::{Field, Kind, MessageId, Schema, Shape, WellKnown};

/// How many fields that are not required an example has at most.
const FIELDS: usize = 6;
/// How deep an example goes into messages.
const DEPTH: u32 = 3;

/// Makes examples.
pub(super) struct Examples<'s> {
    schema: &'s Schema,
}

impl<'s> Examples<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        Self { schema }
    }

    /// A body of a binding; nothing where there is no small one.
    pub(super) fn body(&self, binding: &Binding) -> Option<Value> {
        let bound: Vec<&[u16]> = binding.variables.iter().map(|v| v.place.steps()).collect();
        match binding.body {
            BodyRule::None => None,
            BodyRule::Whole => self.message(binding.input, &bound, DEPTH),
            BodyRule::Field(index) => {
                let field = self.schema.message(binding.input).field(index)?;
                let bound: Vec<&[u16]> =
                    bound.iter().filter_map(|path| path.strip_prefix(&[index])).collect();
                self.field(field, &bound, DEPTH)
            }
        }
    }

    fn message(&self, id: MessageId, bound: &[&[u16]], depth: u32) -> Option<Value> {
        let message = self.schema.message(id);
        match message.well_known {
            WellKnown::None | WellKnown::HttpBody => {}
            WellKnown::Timestamp => return Some("2026-01-02T03:04:05Z".into()),
            WellKnown::Duration => return Some("3.5s".into()),
            WellKnown::Struct => return Some(json!({ "key": "value" })),
            WellKnown::Value => return Some("value".into()),
            WellKnown::ListValue => return Some(json!(["value"])),
            WellKnown::Wrapper => return self.value(message.by_number(1)?.1.kind, &[], depth),
            // what stands in it must be known
            WellKnown::Any | WellKnown::FieldMask => return None,
        }
        let depth = depth.checked_sub(1)?;
        let mut members = Map::new();
        let mut oneofs = Vec::new();
        let mut optional = 0;
        for (index, field) in (0_u16..).zip(&message.fields) {
            let required = field.required || field.rules.required;
            let elsewhere = bound.contains(&[index].as_slice());
            let other = field.oneof.is_some_and(|oneof| oneofs.contains(&oneof));
            let shown = !elsewhere
                && !other
                && !field.rules.output_only
                && !field.rules.unknown_field_paths
                && !field.name.starts_with('[')
                && (required || (optional < FIELDS && !field.deprecated));
            if !shown {
                continue;
            }
            let below: Vec<&[u16]> = bound.iter().filter_map(|path| path.strip_prefix(&[index])).collect();
            match self.field(field, &below, depth) {
                Some(value) => {
                    oneofs.extend(field.oneof);
                    optional += usize::from(!required);
                    members.insert(field.output_name().to_owned(), value);
                }
                None if required => return None,
                None => {}
            }
        }
        Some(members.into())
    }

    fn field(&self, field: &Field, bound: &[&[u16]], depth: u32) -> Option<Value> {
        match field.shape {
            Shape::Single => self.value(field.kind, bound, depth),
            Shape::Repeated => self.value(field.kind, &[], depth).map(|value| json!([value])),
            Shape::Map => {
                let (key, value) = self.schema.map_entry(field.kind.message()?)?;
                let key = match key.kind {
                    Kind::String => "key",
                    Kind::Bool => "true",
                    _ => "1",
                };
                Some(json!({ key: self.value(value.kind, &[], depth)? }))
            }
        }
    }

    fn value(&self, kind: Kind, bound: &[&[u16]], depth: u32) -> Option<Value> {
        Some(match kind {
            Kind::Message(id) | Kind::Group(id) => return self.message(id, bound, depth),
            Kind::Enum(id) => {
                let entry = self.schema.enumeration(id);
                if entry.is_null {
                    return Some(Value::Null);
                }
                let named = entry.values.iter().find(|value| value.number != 0);
                (*named.or(entry.values.first())?.word).into()
            }
            Kind::Bool => true.into(),
            Kind::String => "text".into(),
            Kind::Bytes => "dGV4dA==".into(),
            Kind::Double | Kind::Float => 1.5.into(),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => "1".into(),
            _ => 1.into(),
        })
    }
}
