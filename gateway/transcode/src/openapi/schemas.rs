//! JSON Schemas of messages and enums, each once, referenced by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::info::OpenApiForms;
use super::sides::{Directions, Side};
use super::texts;
use super::values::nullable;
use crate::program::Inner;
use crate::schema::{EnumId, Field, Kind, Message, MessageId, Schema, Shape, WellKnown};

/// Collects what a document refers to.
pub(super) struct Schemas<'s> {
    inner: &'s Inner,
    /// The schema that ids are of, and its place.
    pub(super) schema: &'s Schema,
    pool: u16,
    pub(super) forms: OpenApiForms,
    directions: Directions,
    prints_defaults: bool,
    pending: Vec<(u16, MessageId, Side)>,
    known: BTreeSet<(u16, u32, Side)>,
    enums: BTreeSet<(u16, u32, Side)>,
}

/// Paths to fields, as steps from a message, that stand elsewhere than in it.
pub(super) type Elsewhere<'e> = [&'e [u16]];

impl<'s> Schemas<'s> {
    pub(super) fn new(inner: &'s Inner, forms: OpenApiForms) -> Self {
        Self {
            inner,
            schema: inner.schema(0),
            pool: 0,
            forms,
            directions: Directions::of(inner),
            prints_defaults: inner.options.print_defaults,
            pending: Vec::new(),
            known: BTreeSet::new(),
            enums: BTreeSet::new(),
        }
    }

    /// Takes ids as those of another schema of the program from now on.
    pub(super) fn enter(&mut self, pool: u16) {
        (self.pool, self.schema) = (pool, self.inner.schema(pool));
    }

    /// A message's schema: a reference, or the form of a well-known type.
    pub(super) fn message(&mut self, id: MessageId, side: Side) -> Value {
        if let Some(form) = self.well_known(id, side) {
            return form;
        }
        let side = self.side(side);
        if self.known.insert((self.pool, id.0, side)) {
            self.pending.push((self.pool, id, side));
        }
        let message = self.schema.message(id);
        reference((&message.full_name, message.variant), side)
    }

    pub(super) fn enum_reference(&mut self, id: EnumId, side: Side) -> Value {
        let side = self.side(side);
        self.enums.insert((self.pool, id.0, side));
        let entry = self.schema.enumeration(id);
        reference((&entry.full_name, entry.variant), side)
    }

    /// Canonical documents have one schema for all sides.
    fn side(&self, side: Side) -> Side {
        if self.forms == OpenApiForms::Canonical { Side::Output } else { side }
    }

    /// A field's schema by its shape; without what stands elsewhere.
    pub(super) fn field(&mut self, field: &Field, side: Side, elsewhere: &Elsewhere<'_>) -> Value {
        match field.shape {
            Shape::Single if elsewhere.is_empty() => self.value(field.kind, side),
            Shape::Single => match field.kind.message() {
                Some(id) => self.object(id, side, elsewhere),
                None => self.value(field.kind, side),
            },
            Shape::Repeated => {
                let items = self.value(field.kind, side);
                json!({ "type": "array", "items": items })
            }
            Shape::Map => self.map(field, side),
        }
    }

    fn map(&mut self, field: &Field, side: Side) -> Value {
        let entry = field.kind.message().and_then(|id| self.schema.map_entry(id));
        let Some((key, value)) = entry.map(|(k, v)| (k.kind, v.kind)) else {
            return json!({ "type": "object" });
        };
        let values = self.value(value, side);
        let mut schema = json!({ "type": "object", "additionalProperties": values });
        match (key, self.key_pattern(key)) {
            (Kind::Bool, _) => schema["propertyNames"] = json!({ "enum": ["true", "false"] }),
            (_, Some(pattern)) => schema["propertyNames"] = json!({ "pattern": pattern }),
            _ => {}
        }
        schema
    }

    /// Every schema that was referred to, by name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut out = Map::new();
        while let Some((pool, id, side)) = self.pending.pop() {
            self.enter(pool);
            let body = self.object(id, side, &[]);
            let message = self.schema.message(id);
            out.insert(component((&message.full_name, message.variant), side), body);
        }
        for (pool, id, side) in std::mem::take(&mut self.enums) {
            self.enter(pool);
            let id = EnumId(id);
            let mut body = self.enum_values(id, side);
            if let Some(text) = self.enum_text(id) {
                body["description"] = text.into();
            }
            let entry = self.schema.enumeration(id);
            out.insert(component((&entry.full_name, entry.variant), side), body);
        }
        out.sort_keys();
        out
    }

    /// A message as an object of its fields, without those that stand elsewhere.
    pub(super) fn object(&mut self, id: MessageId, side: Side, elsewhere: &Elsewhere<'_>) -> Value {
        let side = self.side(side);
        let message = self.schema.message(id);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (index, field) in (0_u16..).zip(&message.fields) {
            if field.rules.unknown_field_paths || elsewhere.contains(&[index].as_slice()) {
                continue;
            }
            let below: Vec<&[u16]> =
                elsewhere.iter().filter_map(|path| path.strip_prefix(&[index])).collect();
            properties.insert(field.output_name().to_owned(), self.property(message, field, side, &below));
            if self.is_required(id, field, side) {
                required.push(field.output_name());
            }
        }
        let mut body = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            body["required"] = required.into();
        }
        if self.forms == OpenApiForms::Accepted {
            self.accepted_members(message, side, &mut body);
        }
        if message.deprecated {
            body["deprecated"] = true.into();
        }
        if let Some(text) = self.message_text(message) {
            body["description"] = text.into();
        }
        body
    }

    fn property(&mut self, message: &Message, field: &Field, side: Side, below: &Elsewhere<'_>) -> Value {
        let mut body = self.field(field, side, below);
        if self.is_nullable(field, side) {
            body = nullable(body);
        }
        if let Some(text) = self.field_text(message, field) {
            body["description"] = text.into();
        }
        if field.rules.output_only && matches!(side, Side::Output) {
            body["readOnly"] = true.into();
        }
        if field.rules.input_only && self.forms == OpenApiForms::Canonical {
            body["writeOnly"] = true.into();
        }
        if field.deprecated {
            body["deprecated"] = true.into();
        }
        if field.rules.ordered {
            body["x-ordered"] = true.into();
        }
        body
    }

    /// Whether a field is there in every message of this side.
    fn is_required(&self, id: MessageId, field: &Field, side: Side) -> bool {
        if field.required {
            return true;
        }
        let plain = !field.presence && field.oneof.is_none();
        let printed =
            field.oneof.is_none() && (field.rules.always_present || (self.prints_defaults && plain));
        let replies_only = side == Side::Output
            && (self.forms == OpenApiForms::Accepted
                || (self.directions.in_replies(self.pool, id)
                    && !self.directions.in_requests(self.pool, id)));
        if replies_only { printed } else { field.rules.required && !field.rules.output_only }
    }

    /// Whether null stands for the field's absence (in replies: where absence is printed).
    fn is_nullable(&self, field: &Field, side: Side) -> bool {
        let well_known = field.kind.message().map(|id| self.schema.message(id).well_known);
        if field.shape == Shape::Single && well_known == Some(WellKnown::Wrapper) {
            return true;
        }
        if self.forms == OpenApiForms::Accepted && side != Side::Output {
            return !field.required && !field.rules.required;
        }
        let printed = field.shape == Shape::Single && field.rules.always_present && field.oneof.is_none();
        printed
            && match well_known {
                None => field.presence,
                Some(form) => form.is_special() && !matches!(form, WellKnown::Struct | WellKnown::Any),
            }
    }

    fn message_text(&self, message: &Message) -> Option<String> {
        let mut text = self.schema.comment(&message.full_name).map(texts::public).unwrap_or_default();
        for (index, _) in (0_u16..).zip(&message.oneofs) {
            let members = message.fields.iter().filter(|f| f.oneof == Some(index)).map(Field::output_name);
            texts::add(&mut text, &format!("At most one of {} is set.", texts::names(members)));
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// The text of a field.
    pub(super) fn field_text(&self, message: &Message, field: &Field) -> Option<String> {
        let name = format!("{}.{}", message.full_name, field.name);
        let mut text = self.schema.comment(&name).map(texts::public).unwrap_or_default();
        if field.rules.immutable {
            texts::add(&mut text, "Cannot be changed once it is set.");
        }
        Some(text).filter(|text| !text.is_empty())
    }

    fn enum_text(&self, id: EnumId) -> Option<String> {
        let entry = self.schema.enumeration(id);
        let mut text = self.schema.comment(&entry.full_name).map(texts::public).unwrap_or_default();
        let said = |value: &crate::schema::EnumValue| {
            let comment = self.schema.comment(&format!("{}.{}", entry.full_name, value.name))?;
            let text = texts::public(comment).replace("\n\n", " ").replace('\n', " ");
            (!text.is_empty()).then(|| format!("- `{}`: {text}", value.word))
        };
        let lines: Vec<String> = entry.values.iter().filter_map(said).collect();
        if !lines.is_empty() {
            texts::add(&mut text, &lines.join("\n"));
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// What validators need to know of an accepted message: which members it may have, and which exclude each other.
    fn accepted_members(&self, message: &Message, side: Side, body: &mut Value) {
        if side == Side::Output {
            return;
        }
        if side.is_closed() {
            body["additionalProperties"] = false.into();
        }
        let mut choices = Vec::new();
        for (index, _) in (0_u16..).zip(&message.oneofs) {
            let members: Vec<&Field> = message.fields.iter().filter(|f| f.oneof == Some(index)).collect();
            // any one member may be set: all others are absent, or null where that is the same
            let alone = |one: &&Field| {
                let others = members.iter().filter(|other| other.number != one.number);
                let others = others.map(|other| {
                    let none = if self.takes_null(other) { json!(false) } else { json!({ "type": "null" }) };
                    (other.output_name().to_owned(), none)
                });
                json!({ "properties": others.collect::<Map<_, _>>() })
            };
            if members.len() > 1 {
                choices.push(json!({ "anyOf": members.iter().map(alone).collect::<Vec<_>>() }));
            }
        }
        if !choices.is_empty() {
            body["allOf"] = choices.into();
        }
    }

    /// Whether null is a value of the field.
    fn takes_null(&self, field: &Field) -> bool {
        match field.kind {
            Kind::Message(id) | Kind::Group(id) => self.schema.message(id).well_known == WellKnown::Value,
            Kind::Enum(id) => self.schema.enumeration(id).is_null,
            _ => false,
        }
    }
}

/// The name of a schema. A message without package cannot take the name of what a document has itself; the second of
/// two different types of one name has a number, behind a hyphen as no full name has one.
fn component((full_name, variant): (&str, u16), side: Side) -> String {
    let dot = if matches!(full_name, "Error" | "StreamError") { "." } else { "" };
    let number = if variant == 0 { String::new() } else { format!("-{}", u32::from(variant) + 1) };
    format!("{dot}{full_name}{number}{}", side.suffix())
}

fn reference(name: (&str, u16), side: Side) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", component(name, side)) })
}
