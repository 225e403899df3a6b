//! An OpenAPI 3.1 document of the routes that the program serves, from the same bindings and the same schema.

mod operations;
mod paths;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::program::{Inner, Program};
use operations::Operations;
use schemas::Schemas;

/// What a document says that descriptors do not.
#[derive(Debug, Clone, Default)]
pub struct OpenApiInfo {
    /// The API's title.
    pub title: String,
    /// The API's version.
    pub version: String,
    /// A text about the API (`CommonMark`).
    pub description: String,
    /// Base URLs.
    pub servers: Vec<String>,
    /// The JSON Schema of error bodies, as JSON text; `google.rpc.Status` when absent or no JSON.
    pub error_schema: Option<String>,
}

impl Program {
    /// The document of all routes as JSON text, or of those whose path begins with `/{first_segment}/`.
    pub fn openapi(&self, info: &OpenApiInfo, first_segment: Option<&str>) -> String {
        document(self.inner(), info, first_segment).to_string()
    }

    /// The first segments of all routes that begin with a literal: the parts [`Program::openapi`] can be asked for.
    pub fn first_segments(&self) -> BTreeSet<String> {
        let bindings = self.inner().bindings.iter();
        bindings.filter_map(|b| b.template.first_literal().map(str::to_owned)).collect()
    }
}

fn document(inner: &Inner, info: &OpenApiInfo, first_segment: Option<&str>) -> Value {
    let schemas = Schemas::new(&inner.schema);
    let mut operations =
        Operations { inner, schemas, ids: BTreeMap::new(), paths: Map::new(), keys: BTreeMap::new() };
    for binding in &inner.bindings {
        let wanted = first_segment.is_none_or(|s| binding.template.first_literal() == Some(s));
        let hidden = inner.methods.get(binding.method as usize).is_none_or(|m| m.rules.hidden);
        if wanted && !hidden {
            operations.add(binding);
        }
    }
    let Operations { schemas, paths, .. } = operations;
    let mut components = schemas.finish();
    components.insert("Error".to_owned(), error_schema(info));
    let mut head = Map::new();
    head.insert("title".to_owned(), info.title.clone().into());
    head.insert("version".to_owned(), info.version.clone().into());
    if !info.description.is_empty() {
        head.insert("description".to_owned(), info.description.clone().into());
    }
    let servers: Vec<Value> = info.servers.iter().map(|url| json!({ "url": url })).collect();
    let mut document = Map::new();
    document.insert("openapi".to_owned(), "3.1.0".into());
    document.insert("info".to_owned(), head.into());
    if !servers.is_empty() {
        document.insert("servers".to_owned(), servers.into());
    }
    document.insert("paths".to_owned(), paths.into());
    document.insert("components".to_owned(), json!({ "schemas": components }));
    document.into()
}

/// The schema of errors: the caller's, else `google.rpc.Status`.
fn error_schema(info: &OpenApiInfo) -> Value {
    let given = info.error_schema.as_deref().and_then(|text| serde_json::from_str(text).ok());
    given.unwrap_or_else(|| {
        json!({
            "type": "object",
            "description": "A google.rpc.Status.",
            "properties": {
                "code": { "type": "integer", "format": "int32", "description": "A google.rpc.Code." },
                "message": { "type": "string" },
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "@type": { "type": "string" } },
                        "required": ["@type"],
                        "additionalProperties": true
                    }
                }
            }
        })
    })
}
