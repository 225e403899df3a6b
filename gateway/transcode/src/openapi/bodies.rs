//! Bodies: what a request holds, what a success answers, and streams in each of their forms.

use serde_json::{Map, Value, json};

use super::examples::Examples;
use super::info::{OpenApiForms, OpenApiVersion};
use super::operations::Operations;
use super::sides::Side;
use super::values::nullable;
use crate::bind::{Binding, BodyRule, http_body_field};
use crate::program::MethodData;
use crate::schema::{Field, Shape, WellKnown};
use crate::stream::StreamFormat;

impl Operations<'_> {
    pub(super) fn request_body(&mut self, method: &MethodData, binding: &Binding) -> Option<Value> {
        let schema = self.schemas.schema;
        let message = schema.message(binding.input);
        let (field, raw) = match binding.body {
            BodyRule::None => return None,
            BodyRule::Whole => (None, message.well_known == WellKnown::HttpBody),
            BodyRule::Field(index) => {
                let field = message.field(index)?;
                (Some((index, field)), http_body_field(schema, field))
            }
        };
        if raw {
            let text = "Bytes of any content type.";
            return Some(json!({ "description": text, "required": false, "content": { "*/*": {} } }));
        }
        let bound: Vec<&[u16]> = binding.variables.iter().map(|v| v.place.steps()).collect();
        let side = Side::of_requests(&method.rules);
        let (body, required) = match field {
            None => self.whole_body(method, binding, side, &bound),
            Some((index, field)) => {
                let bound: Vec<&[u16]> =
                    bound.iter().filter_map(|path| path.strip_prefix(&[index])).collect();
                self.field_body(method, field, side, &bound)
            }
        };
        let content = if method.client_streaming {
            self.streams(&body, None, &[StreamFormat::JsonArray, StreamFormat::NdJson])
        } else {
            let mut media = json!({ "schema": body });
            if let Some(example) = Examples::new(schema).body(binding) {
                media["example"] = example;
            }
            json!({ "application/json": media })
        };
        Some(json!({ "required": required, "content": content }))
    }

    /// The whole message, without what the path says of it.
    fn whole_body(
        &mut self,
        method: &MethodData,
        binding: &Binding,
        side: Side,
        bound: &[&[u16]],
    ) -> (Value, bool) {
        if bound.is_empty() || self.schemas.schema.message(binding.input).well_known.is_special() {
            let required = self.demands_fields(&[], method);
            return (self.schemas.message(binding.input, side), required);
        }
        (self.schemas.object(binding.input, side, bound), self.demands_fields(bound, method))
    }

    /// Whether the request message has required fields beside those that the path binds.
    fn demands_fields(&self, bound: &[&[u16]], method: &MethodData) -> bool {
        let message = self.schemas.schema.message(method.input);
        (0_u16..).zip(&message.fields).any(|(index, field)| {
            (field.required || (field.rules.required && !field.rules.output_only))
                && !bound.iter().any(|path| path.first() == Some(&index))
        })
    }

    /// One field. A message that the path binds a part of is shown whole: it may repeat what the path says.
    fn field_body(
        &mut self,
        method: &MethodData,
        field: &Field,
        side: Side,
        bound: &[&[u16]],
    ) -> (Value, bool) {
        let accepted = self.view.forms == OpenApiForms::Accepted;
        // a message that the path binds a part of is there without a body
        let required = (field.required || field.rules.required) && (!accepted || bound.is_empty());
        let bound = if accepted { bound } else { &[] };
        let schema = self.schemas.field(field, side, bound);
        // of a stream every element is a value
        let null = accepted && !required && !method.client_streaming;
        (if null { nullable(schema) } else { schema }, required)
    }

    /// The content of a success.
    pub(super) fn success(&mut self, method: &MethodData, binding: &Binding) -> Value {
        let schema = self.schemas.schema;
        let output = schema.message(method.output);
        let field = binding.response_body.and_then(|index| output.field(index));
        let raw = match field {
            None => output.well_known == WellKnown::HttpBody,
            Some(field) => http_body_field(schema, field),
        };
        if raw {
            return json!({ "*/*": {} });
        }
        let body = match field {
            None => self.schemas.message(method.output, Side::Output),
            Some(field) => {
                let value = self.schemas.field(field, Side::Output, &[]);
                if self.may_be_null(field) { nullable(value) } else { value }
            }
        };
        if method.server_streaming {
            self.has_streams = true;
            let error = json!({ "$ref": "#/components/schemas/StreamError" });
            let all = [StreamFormat::JsonArray, StreamFormat::NdJson, StreamFormat::Sse];
            return self.streams(&body, Some(&error), &all);
        }
        json!({ "application/json": { "schema": body } })
    }

    /// Whether the form of the field alone, when it is not set, is null.
    fn may_be_null(&self, field: &Field) -> bool {
        let well_known = field.kind.message().map(|id| self.schemas.schema.message(id).well_known);
        field.shape == Shape::Single
            && match well_known {
                None => field.presence,
                Some(form) => form.is_special() && !matches!(form, WellKnown::Struct | WellKnown::Any),
            }
    }

    /// A stream of `item`s in these forms; with `error` as its last record where it may fail.
    fn streams(&self, item: &Value, error: Option<&Value>, formats: &[StreamFormat]) -> Value {
        let record = match error {
            Some(error) => json!({ "anyOf": [item, error] }),
            None => item.clone(),
        };
        let mut content = Map::new();
        let alone = error.is_none() && self.view.forms == OpenApiForms::Accepted;
        for format in formats {
            let media = match format {
                // of a stream up, values one after another do without the array
                StreamFormat::JsonArray if alone => {
                    json!({ "schema": { "anyOf": [{ "type": "array", "items": record }, record] } })
                }
                StreamFormat::JsonArray => json!({ "schema": { "type": "array", "items": record } }),
                StreamFormat::NdJson => self.sequence("One JSON value a line.", &record),
                StreamFormat::Sse => self.sequence(
                    "Events whose data is one JSON value each. If the stream fails, an event named `error` comes last.",
                    &events(item, error),
                ),
            };
            content.insert(format.content_type().to_owned(), media);
        }
        content.into()
    }

    /// A media type that is a sequence of items.
    fn sequence(&self, text: &str, item: &Value) -> Value {
        match self.view.version {
            OpenApiVersion::V3_1 => {
                json!({ "schema": { "type": "string", "description": text }, "x-itemSchema": item })
            }
            OpenApiVersion::V3_2 => json!({ "description": text, "itemSchema": item }),
        }
    }
}

/// Server-sent events (WHATWG HTML, 9.2) as OpenAPI 3.2 sees them: objects of their fields.
fn events(item: &Value, error: Option<&Value>) -> Value {
    let event = |name: Option<&str>, data: &Value| {
        let data = json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": data });
        match name {
            None => json!({ "type": "object", "properties": { "data": data }, "required": ["data"] }),
            Some(name) => json!({
                "type": "object",
                "properties": { "event": { "const": name }, "data": data },
                "required": ["event", "data"]
            }),
        }
    };
    match error {
        None => event(None, item),
        Some(error) => json!({ "anyOf": [event(None, item), event(Some("error"), error)] }),
    }
}
