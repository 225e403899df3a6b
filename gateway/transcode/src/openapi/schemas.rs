//! JSON Schemas of messages and enums, each once, referenced by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::schema::{EnumId, Field, Kind, MessageId, Schema, Shape, WellKnown};

/// Collects what a document refers to.
pub(super) struct Schemas<'s> {
    schema: &'s Schema,
    pending: Vec<MessageId>,
    known: BTreeSet<u32>,
    enums: BTreeSet<u32>,
}

impl<'s> Schemas<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        Self { schema, pending: Vec::new(), known: BTreeSet::new(), enums: BTreeSet::new() }
    }

    /// A message's schema: a reference, or the form of a well-known type.
    pub(super) fn message(&mut self, id: MessageId) -> Value {
        let message = self.schema.message(id);
        match message.well_known {
            WellKnown::None | WellKnown::HttpBody => {
                if self.known.insert(id.0) {
                    self.pending.push(id);
                }
                reference(&message.full_name)
            }
            WellKnown::Timestamp => json!({ "type": "string", "format": "date-time" }),
            WellKnown::Duration => {
                json!({ "type": "string", "pattern": "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$" })
            }
            WellKnown::FieldMask => {
                json!({ "type": "string", "description": "Field paths joined by commas." })
            }
            WellKnown::Struct => json!({ "type": "object", "additionalProperties": true }),
            WellKnown::Value => json!({ "description": "Any JSON value." }),
            WellKnown::ListValue => json!({ "type": "array", "items": {} }),
            WellKnown::Any => json!({
                "type": "object",
                "properties": { "@type": { "type": "string" } },
                "additionalProperties": true
            }),
            WellKnown::Wrapper => {
                let kind = message.by_number(1).map_or(Kind::String, |(_, field)| field.kind);
                let inner = self.value(kind);
                json!({ "oneOf": [inner, { "type": "null" }] })
            }
        }
    }

    /// One value's schema.
    pub(super) fn value(&mut self, kind: Kind) -> Value {
        match kind {
            Kind::Message(id) | Kind::Group(id) => self.message(id),
            Kind::Enum(id) => self.enumeration(id),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => {
                json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "format": "int64" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
        }
    }

    fn enumeration(&mut self, id: EnumId) -> Value {
        let entry = self.schema.enumeration(id);
        if entry.is_null {
            return json!({ "type": "null" });
        }
        self.enums.insert(id.0);
        reference(&entry.full_name)
    }

    /// A field's schema by its shape.
    pub(super) fn field(&mut self, field: &Field) -> Value {
        match field.shape {
            Shape::Single => self.value(field.kind),
            Shape::Repeated => {
                let items = self.value(field.kind);
                json!({ "type": "array", "items": items })
            }
            Shape::Map => {
                let value =
                    field.kind.message().and_then(|id| self.schema.map_entry(id)).map(|(_, v)| v.kind);
                let values = value.map_or_else(|| json!(true), |kind| self.value(kind));
                json!({ "type": "object", "additionalProperties": values })
            }
        }
    }

    /// Every schema that was referred to, by name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut out = Map::new();
        while let Some(id) = self.pending.pop() {
            let name = self.schema.message(id).full_name.to_string();
            let body = self.object(id);
            out.insert(name, body);
        }
        for id in std::mem::take(&mut self.enums) {
            let entry = self.schema.enumeration(EnumId(id));
            let words: Vec<&str> = entry.values.iter().map(|v| &*v.word).collect();
            let mut body = json!({ "type": "string", "enum": words });
            self.describe(&entry.full_name, &mut body);
            out.insert(entry.full_name.to_string(), body);
        }
        out.sort_keys();
        out
    }

    fn object(&mut self, id: MessageId) -> Value {
        let message = self.schema.message(id);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields.iter().filter(|f| !f.rules.unknown_field_paths) {
            let mut body = self.field(field);
            self.describe(&format!("{}.{}", message.full_name, field.name), &mut body);
            if field.rules.output_only {
                body["readOnly"] = true.into();
            }
            if field.rules.ordered {
                body["x-ordered"] = true.into();
            }
            if field.required || field.rules.required {
                required.push(field.output_name());
            }
            properties.insert(field.output_name().to_owned(), body);
        }
        let mut body = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            body["required"] = required.into();
        }
        self.describe(&message.full_name, &mut body);
        body
    }

    fn describe(&self, full_name: &str, body: &mut Value) {
        if let Some(comment) = self.schema.comment(full_name) {
            body["description"] = comment.into();
        }
    }
}

fn reference(full_name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{full_name}") })
}
