//! OpenAPI 3.1 and 3.2 documents of the routes that the program serves, from the same bindings and the same schema.

mod bodies;
mod examples;
mod info;
mod operations;
mod parameters;
mod paths;
mod placed;
mod ranges;
mod responses;
mod schemas;
mod sides;
mod texts;
mod values;
mod words;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

pub use info::{OpenApiForms, OpenApiInfo, OpenApiVersion, OpenApiView, SecurityScheme};

use crate::program::{Inner, MethodData, Program};
use operations::Operations;
use responses::add_error_schemas;

impl Program {
    /// A document as JSON text: of all routes or a part of them, the same for the same program.
    pub fn openapi(&self, info: &OpenApiInfo, view: OpenApiView<'_>) -> String {
        document(self.inner(), info, view).to_string()
    }

    /// The first segments of all routes that begin with a literal: the parts [`Program::openapi`] can be asked for.
    pub fn first_segments(&self) -> BTreeSet<String> {
        let bindings = self.inner().bindings.iter();
        bindings.filter_map(|b| b.template.first_literal().map(str::to_owned)).collect()
    }
}

fn document(inner: &Inner, info: &OpenApiInfo, view: OpenApiView<'_>) -> Value {
    let mut operations = Operations::new(inner, view, !info.security.is_empty());
    for binding in &inner.bindings {
        operations.add(binding);
    }
    let tags = tags(inner, &operations.tags);
    let mut components = Map::new();
    let responses = operations.shared_responses();
    let Operations { schemas, placed, has_streams, .. } = operations;
    let mut found = schemas.finish();
    add_error_schemas(info, has_streams, &mut found);
    components.insert("schemas".to_owned(), found.into());
    components.insert("responses".to_owned(), responses);
    let mut document = Map::new();
    document.insert("openapi".to_owned(), view.version.number().into());
    document.insert("info".to_owned(), head(info));
    if !info.servers.is_empty() {
        let servers: Vec<Value> = info.servers.iter().map(|url| json!({ "url": url })).collect();
        document.insert("servers".to_owned(), servers.into());
    }
    if !info.security.is_empty() {
        let (schemes, any_of): (Map<_, _>, Vec<_>) = info.security.iter().map(security).unzip();
        components.insert("securitySchemes".to_owned(), schemes.into());
        document.insert("security".to_owned(), any_of.into());
    }
    if !tags.is_empty() {
        document.insert("tags".to_owned(), tags.into());
    }
    document.insert("paths".to_owned(), placed.paths.into());
    document.insert("components".to_owned(), components.into());
    document.into()
}

fn head(info: &OpenApiInfo) -> Value {
    let mut head = json!({ "title": info.title, "version": info.version });
    if !info.description.is_empty() {
        head["description"] = info.description.clone().into();
    }
    head
}

/// Services as tags, with what their comments say.
fn tags(inner: &Inner, methods: &[&MethodData]) -> Vec<Value> {
    let tag = |method: &&MethodData| {
        let service = &*method.service;
        match inner.schema(method.pool).comment(service).map(texts::public) {
            Some(text) if !text.is_empty() => json!({ "name": service, "description": text }),
            _ => json!({ "name": service }),
        }
    };
    methods.iter().map(tag).collect()
}

/// A scheme under its name, and the requirement of it.
fn security(scheme: &SecurityScheme) -> ((String, Value), Value) {
    let (name, scheme) = match scheme {
        SecurityScheme::MutualTls => {
            ("mutualTLS", json!({ "type": "mutualTLS", "description": "A client certificate." }))
        }
        SecurityScheme::Bearer => ("bearer", json!({ "type": "http", "scheme": "bearer" })),
        SecurityScheme::ApiKey(header) => {
            ("apiKey", json!({ "type": "apiKey", "in": "header", "name": header }))
        }
    };
    ((name.to_owned(), scheme), json!({ name: [] }))
}
