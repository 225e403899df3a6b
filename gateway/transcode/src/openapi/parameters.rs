//! Parameters of an operation: every wildcard of its path, and every name that its query may have.

use serde_json::{Value, json};

use super::info::{OpenApiForms, OpenApiVersion};
use super::operations::Operations;
use super::paths::{DocumentedPath, PathParameter};
use super::sides::Side;
use super::texts;
use crate::bind::Binding;
use crate::bind::place::from_text;
use crate::bind::query;
use crate::rules::{MethodRules, UnknownParameters};
use crate::schema::{Field, Kind, Message, MessageId, Shape, WellKnown};

/// How deep query parameters go into messages. The binder goes deeper.
const QUERY_DEPTH: usize = 4;

/// Most query parameters of one operation: messages that hold each other would give them without end.
const MOST: usize = 200;

/// A query that is described.
#[derive(Clone, Copy)]
struct Asked<'a> {
    binding: &'a Binding,
    /// How its texts are read.
    side: Side,
}

impl Operations<'_> {
    pub(super) fn path_parameters(
        &mut self,
        rules: &MethodRules,
        binding: &Binding,
        path: &DocumentedPath,
        names: &[String],
    ) -> Vec<Value> {
        let parameters = path.parameters.iter().zip(names);
        parameters.map(|(parameter, name)| self.path_parameter(rules, binding, parameter, name)).collect()
    }

    fn path_parameter(
        &mut self,
        rules: &MethodRules,
        binding: &Binding,
        parameter: &PathParameter,
        name: &str,
    ) -> Value {
        let variable = parameter.variable.and_then(|i| binding.variables.get(i));
        let field = variable.and_then(|v| v.place.field(self.schemas.schema));
        let lenient = field.is_some_and(|f| f.rules.lenient_bool);
        let side = Side::of_text(rules);
        let part = parameter.partial || parameter.many;
        let mut schema = match field {
            Some(field) if !part => self.schemas.text(field.kind, lenient, side),
            _ => self.schemas.text(Kind::String, false, side),
        };
        if schema["type"] == "string" && schema.get("format").is_none() && schema.get("enum").is_none() {
            schema["minLength"] = 1.into();
            if self.view.forms == OpenApiForms::Canonical && parameter.partial && !parameter.many {
                schema["pattern"] = "^[^/]+$".into();
            }
        }
        let mut entry = json!({ "name": name, "in": "path", "required": true, "schema": schema });
        let mut text = String::new();
        if let Some((owner, field)) = variable.and_then(|v| self.owner(binding.input, v.place.steps())) {
            text = self.schemas.field_text(owner, field).unwrap_or_default();
            if field.deprecated {
                entry["deprecated"] = true.into();
            }
        }
        if let Some(variable) = variable.filter(|_| parameter.partial) {
            texts::add(&mut text, &format!("A part of `{}`, which is `{}`.", variable.name, parameter.whole));
        }
        if parameter.many {
            texts::add(&mut text, "May hold slashes.");
            if self.view.version == OpenApiVersion::V3_2 {
                entry["allowReserved"] = true.into();
            }
        }
        if !text.is_empty() {
            entry["description"] = text.into();
        }
        entry
    }

    /// The field at the end of these steps, and its message.
    fn owner(&self, root: MessageId, steps: &[u16]) -> Option<(&Message, &Field)> {
        let (last, before) = steps.split_last()?;
        let mut message = self.schemas.schema.message(root);
        for step in before {
            message = self.schemas.schema.message(message.field(*step)?.kind.message()?);
        }
        Some((message, message.field(*last)?))
    }

    pub(super) fn query_parameters(&mut self, rules: &MethodRules, binding: &Binding) -> Vec<Value> {
        let mut out = Vec::new();
        if !binding.is_whole_body() {
            let asked = Asked { binding, side: Side::of_text(rules) };
            self.message_parameters(asked, binding.input, "", &mut Vec::new(), &mut out);
        }
        if self.view.forms == OpenApiForms::Accepted {
            ignored_parameters(rules, &mut out);
        }
        out
    }

    /// The parameters of the fields of a message and, through single messages, of those inside it.
    fn message_parameters(
        &mut self,
        asked: Asked<'_>,
        id: MessageId,
        prefix: &str,
        inside: &mut Vec<MessageId>,
        out: &mut Vec<Value>,
    ) {
        let message = self.schemas.schema.message(id);
        inside.push(id);
        for field in &message.fields {
            if field.rules.unknown_field_paths || out.len() >= MOST {
                continue;
            }
            let own = field.rules.query_name.as_deref().unwrap_or_else(|| field.output_name());
            let name = format!("{prefix}{own}");
            match field.kind.message().filter(|_| field.shape == Shape::Single) {
                Some(inner) if !from_text(self.schemas.schema, field.kind) => {
                    let plain = self.schemas.schema.message(inner).well_known == WellKnown::None;
                    // a type that contains itself is shown once
                    if plain && inside.len() < QUERY_DEPTH && !inside.contains(&inner) {
                        self.message_parameters(asked, inner, &format!("{name}."), inside, out);
                    }
                }
                _ => out.extend(self.query_parameter(asked, message, field, &name)),
            }
        }
        inside.pop();
    }

    /// A parameter, if the binder takes it by this name.
    fn query_parameter(
        &mut self,
        asked: Asked<'_>,
        message: &Message,
        field: &Field,
        name: &str,
    ) -> Option<Value> {
        let schema = self.schemas.schema;
        let map = field.shape == Shape::Map;
        let kind = if map {
            field.kind.message().and_then(|id| schema.map_entry(id)).map(|(_, value)| value.kind)?
        } else {
            field.kind
        };
        let taken = if map { format!("{name}[key]") } else { name.to_owned() };
        let depth = self.inner.options.depth;
        let found = query::place(schema, asked.binding, depth, &taken).ok()?;
        let same = found.field(schema).is_some_and(|other| std::ptr::eq(other, field));
        if !same || !from_text(schema, kind) {
            return None;
        }
        let mut parameter = self.query_schema(field, kind, name, asked.side);
        if (field.rules.required && !field.rules.output_only) || field.required {
            parameter["required"] = true.into();
        }
        if field.deprecated {
            parameter["deprecated"] = true.into();
        }
        if let Some(text) = self.schemas.field_text(message, field) {
            parameter["description"] = text.into();
        }
        Some(parameter)
    }

    fn query_schema(&mut self, field: &Field, kind: Kind, name: &str, side: Side) -> Value {
        let well_known = kind.message().map(|id| self.schemas.schema.message(id).well_known);
        let json = matches!(well_known, Some(WellKnown::Struct | WellKnown::Value | WellKnown::ListValue));
        let value = self.schemas.text(kind, field.rules.lenient_bool, side);
        match field.shape {
            Shape::Map => {
                let mut object = json!({ "type": "object", "additionalProperties": value });
                let key = field
                    .kind
                    .message()
                    .and_then(|id| self.schemas.schema.map_entry(id))
                    .map(|(k, _)| k.kind);
                match key.map(|key| (key, self.schemas.key_pattern(key))) {
                    Some((Kind::Bool, _)) => object["propertyNames"] = json!({ "enum": ["true", "false"] }),
                    Some((_, Some(pattern))) => object["propertyNames"] = json!({ "pattern": pattern }),
                    _ => {}
                }
                json!({ "name": name, "in": "query", "style": "deepObject", "explode": true, "schema": object })
            }
            Shape::Repeated => {
                json!({ "name": name, "in": "query", "schema": { "type": "array", "items": value } })
            }
            Shape::Single if json => {
                json!({ "name": name, "in": "query", "content": { "application/json": { "schema": value } } })
            }
            Shape::Single => json!({ "name": name, "in": "query", "schema": value }),
        }
    }
}

/// What a query may have beside the fields of the message, and what means nothing.
fn ignored_parameters(rules: &MethodRules, out: &mut Vec<Value>) {
    let ignored = |name: &str, schema: Value| json!({ "name": name, "in": "query", "description": "It is ignored.", "schema": schema });
    for name in &rules.ignored_parameters {
        if !out.iter().any(|known| known["name"] == **name) {
            out.push(ignored(name, json!({ "type": "string" })));
        }
    }
    if rules.unknown_parameters == UnknownParameters::Ignore {
        // exploded, the members of an object are parameters, and its own name is none
        let mut rest =
            ignored("*", json!({ "type": "object", "additionalProperties": { "type": "string" } }));
        (rest["style"], rest["explode"]) = ("form".into(), true.into());
        rest["description"] = "Any other parameter is ignored.".into();
        out.push(rest);
    }
}
