//! Operations: parameters, request bodies and responses of each binding.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::paths::DocumentedPath;
use super::schemas::Schemas;
use crate::bind::place::from_text;
use crate::bind::{Binding, BodyRule, http_body_field};
use crate::program::{Inner, MethodData};
use crate::schema::{Field, MessageId, Shape, WellKnown};
use crate::stream::StreamFormat;

/// Collects the operations of one document.
pub(super) struct Operations<'o> {
    pub(super) inner: &'o Inner,
    pub(super) schemas: Schemas<'o>,
    /// How often each operation id is taken.
    pub(super) ids: BTreeMap<String, u32>,
    pub(super) paths: Map<String, Value>,
    /// For each shape of path, its key and the names of its parameters.
    pub(super) keys: BTreeMap<String, (String, Vec<String>)>,
}

/// How deep query parameters go into messages.
const QUERY_DEPTH: u32 = 4;

impl Operations<'_> {
    pub(super) fn add(&mut self, binding: &Binding) {
        let Some(method) = self.inner.methods.get(binding.method as usize) else { return };
        let path = DocumentedPath::new(&binding.template);
        let own_names = || path.parameters.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        let (key, names) = self
            .keys
            .entry(path.shape.clone())
            .or_insert_with(|| {
                let names = own_names();
                (path.with_names(&names), names)
            })
            .clone();
        for http_method in documented_methods(&binding.http_method) {
            let operation = self.operation(method, binding, &path, &names);
            let item = self.paths.entry(key.clone()).or_insert_with(|| json!({}));
            if http_method.starts_with(|c: char| c.is_ascii_uppercase()) {
                item["x-additionalOperations"][http_method] = operation;
            } else {
                item[http_method] = operation;
            }
        }
    }

    fn operation(
        &mut self,
        method: &MethodData,
        binding: &Binding,
        path: &DocumentedPath,
        names: &[String],
    ) -> Value {
        let mut operation = Map::new();
        let taken = self.ids.entry(method.full_name.to_string()).or_insert(0);
        *taken += 1;
        let id =
            if *taken == 1 { method.full_name.to_string() } else { format!("{}_{taken}", method.full_name) };
        operation.insert("operationId".to_owned(), id.into());
        operation.insert("tags".to_owned(), json!([&*method.service]));
        if let Some(comment) = self.inner.schema.comment(&method.full_name) {
            let first = comment.split("\n\n").next().unwrap_or_default().replace('\n', " ");
            operation.insert("summary".to_owned(), first.into());
            operation.insert("description".to_owned(), comment.into());
        }
        let mut parameters = self.path_parameters(binding, path, names);
        let input = self.inner.schema.message(binding.input);
        for (index, field) in (0_u16..).zip(&input.fields) {
            let in_body = match binding.body {
                BodyRule::None => false,
                BodyRule::Whole => true,
                BodyRule::Field(body) => body == index,
            };
            if !in_body {
                self.query_parameters(binding, field, "", &mut vec![index], &mut parameters);
            }
        }
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = self.request_body(binding) {
            operation.insert("requestBody".to_owned(), body);
        }
        operation.insert("responses".to_owned(), self.responses(method, binding));
        operation.into()
    }

    fn path_parameters(&mut self, binding: &Binding, path: &DocumentedPath, names: &[String]) -> Vec<Value> {
        let mut out = Vec::new();
        for (parameter, name) in path.parameters.iter().zip(names) {
            let variable = parameter.variable.and_then(|i| binding.variables.get(i));
            let field = variable.and_then(|v| v.place.field(&self.inner.schema));
            let schema = match field {
                Some(field) if !parameter.partial => self.schemas.value(field.kind),
                _ => json!({ "type": "string" }),
            };
            let mut entry = json!({ "name": name, "in": "path", "required": true, "schema": schema });
            let mut notes: Vec<String> = Vec::new();
            if let Some(text) = field.and_then(|f| self.field_comment(binding, variable?.name.as_str(), f)) {
                notes.push(text);
            }
            if let Some(variable) = variable.filter(|_| parameter.partial) {
                notes.push(format!("Part of `{}`.", variable.name));
            }
            if parameter.many {
                notes.push("May hold slashes.".to_owned());
            }
            if !notes.is_empty() {
                entry["description"] = notes.join(" ").into();
            }
            out.push(entry);
        }
        out
    }

    fn field_comment(&self, binding: &Binding, path: &str, field: &Field) -> Option<String> {
        if path.contains('.') {
            return None;
        }
        let message = &self.inner.schema.message(binding.input).full_name;
        self.inner.schema.comment(&format!("{message}.{}", field.name)).map(str::to_owned)
    }

    /// The parameters of one field and, through single messages, of the fields inside it.
    fn query_parameters(
        &mut self,
        binding: &Binding,
        field: &Field,
        prefix: &str,
        steps: &mut Vec<u16>,
        out: &mut Vec<Value>,
    ) {
        if binding.variables.iter().any(|v| v.place.steps() == steps.as_slice())
            || field.rules.unknown_field_paths
        {
            return;
        }
        let own = field.rules.query_name.as_deref().unwrap_or_else(|| field.output_name());
        let name = format!("{prefix}{own}");
        let schema = &self.inner.schema;
        if field.shape == Shape::Map {
            let value = field.kind.message().and_then(|id| schema.map_entry(id)).map(|(_, v)| v.kind);
            if let Some(kind) = value.filter(|k| from_text(schema, *k)) {
                let value = self.schemas.value(kind);
                let object = json!({ "type": "object", "additionalProperties": value });
                out.push(json!({ "name": name, "in": "query", "style": "deepObject", "explode": true, "schema": object }));
            }
            return;
        }
        if !from_text(schema, field.kind) {
            let Some(id) = field.kind.message().filter(|_| field.shape == Shape::Single) else { return };
            return self.nested_parameters(binding, id, &name, steps, out);
        }
        let value = self.schemas.value(field.kind);
        let repeated = field.shape == Shape::Repeated;
        let value = if repeated { json!({ "type": "array", "items": value }) } else { value };
        let mut parameter = json!({ "name": name, "in": "query", "schema": value });
        if field.rules.required || field.required {
            parameter["required"] = true.into();
        }
        if let Some(text) = self.field_comment(binding, &name, field) {
            parameter["description"] = text.into();
        }
        out.push(parameter);
    }

    fn nested_parameters(
        &mut self,
        binding: &Binding,
        id: MessageId,
        name: &str,
        steps: &mut Vec<u16>,
        out: &mut Vec<Value>,
    ) {
        let message = self.inner.schema.message(id);
        if message.well_known != WellKnown::None || steps.len() >= QUERY_DEPTH as usize {
            return;
        }
        for (index, field) in (0_u16..).zip(&message.fields) {
            // a type that contains itself is shown one level deep; the binder goes deeper
            if field.kind.message() == Some(id) {
                continue;
            }
            steps.push(index);
            self.query_parameters(binding, field, &format!("{name}."), steps, out);
            steps.pop();
        }
    }

    fn request_body(&mut self, binding: &Binding) -> Option<Value> {
        let schema = &self.inner.schema;
        let raw = json!({ "required": true, "content": { "*/*": {} } });
        let body = match binding.body {
            BodyRule::None => return None,
            BodyRule::Whole if schema.message(binding.input).well_known == WellKnown::HttpBody => {
                return Some(raw);
            }
            BodyRule::Whole => self.schemas.message(binding.input),
            BodyRule::Field(index) => {
                let field = schema.message(binding.input).field(index)?;
                if http_body_field(schema, field) {
                    return Some(raw);
                }
                self.schemas.field(field)
            }
        };
        Some(json!({ "required": true, "content": { "application/json": { "schema": body } } }))
    }

    fn responses(&mut self, method: &MethodData, binding: &Binding) -> Value {
        let schema = &self.inner.schema;
        let output = schema.message(method.output);
        let field = binding.response_body.and_then(|index| output.field(index));
        let raw = match field {
            None => output.well_known == WellKnown::HttpBody,
            Some(field) => http_body_field(schema, field),
        };
        let body = match field {
            None => self.schemas.message(method.output),
            Some(field) => self.schemas.field(field),
        };
        let content = match (raw, method.server_streaming) {
            (true, _) => json!({ "*/*": {} }),
            (false, false) => json!({ "application/json": { "schema": body } }),
            (false, true) => streams(&body),
        };
        let status = method.rules.success_status.unwrap_or(200).to_string();
        let error = json!({ "schema": { "$ref": "#/components/schemas/Error" } });
        let mut responses = Map::new();
        responses.insert(status, json!({ "description": "Success.", "content": content }));
        responses.insert(
            "default".to_owned(),
            json!({ "description": "An error.", "content": { "application/json": error } }),
        );
        responses.into()
    }
}

/// A stream in each of its forms.
fn streams(item: &Value) -> Value {
    let mut content = Map::new();
    for format in [StreamFormat::JsonArray, StreamFormat::NdJson, StreamFormat::Sse] {
        let schema = match format {
            StreamFormat::JsonArray => json!({ "type": "array", "items": item }),
            StreamFormat::NdJson => item.clone(),
            StreamFormat::Sse => json!({
                "type": "string",
                "description": "Events whose data is one message each; an event named error comes last if the stream fails.",
                "contentMediaType": "application/json",
                "contentSchema": item
            }),
        };
        content.insert(format.content_type().to_owned(), json!({ "schema": schema }));
    }
    content.into()
}

/// The keys of a path item for an HTTP method; methods that OpenAPI 3.1 has no key for stay in capitals.
fn documented_methods(http_method: &str) -> Vec<&str> {
    match http_method {
        "GET" => vec!["get"],
        "PUT" => vec!["put"],
        "POST" => vec!["post"],
        "DELETE" => vec!["delete"],
        "PATCH" => vec!["patch"],
        "OPTIONS" => vec!["options"],
        "HEAD" => vec!["head"],
        "TRACE" => vec!["trace"],
        "*" => vec!["get", "put", "post", "delete", "patch"],
        other => vec![other],
    }
}
