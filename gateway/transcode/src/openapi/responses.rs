//! Statuses: those that an operation may answer with, and the errors that all of them share.

use serde_json::{Map, Value, json};

use super::info::OpenApiInfo;
use super::operations::Operations;
use crate::bind::{Binding, BodyRule};
use crate::program::MethodData;

/// Statuses of errors with the names and texts that they have in a document.
const ERRORS: [(u16, &str, &str); 12] = [
    (
        400,
        "BadRequest",
        "The request is not what the method takes, or cannot be done in the state that things are in.",
    ),
    (401, "Unauthorized", "Nothing proves who calls."),
    (403, "Forbidden", "The caller may not do this."),
    (404, "NotFound", "There is no such thing."),
    (406, "NotAcceptable", "No form of the stream fits the Accept header."),
    (409, "Conflict", "The thing is there already, or changed meanwhile."),
    (413, "ContentTooLarge", "The body is too large."),
    (414, "UriTooLong", "Path and query are too long."),
    (415, "UnsupportedMediaType", "The body is of another content type or in an unknown coding."),
    (500, "InternalServerError", "The service failed."),
    (503, "ServiceUnavailable", "The service is not there now; please try again."),
    (504, "GatewayTimeout", "The service took too long."),
];

impl Operations<'_> {
    pub(super) fn responses(&mut self, method: &MethodData, binding: &Binding) -> Value {
        let content = self.success(method, binding);
        let status = method.rules.success_status.unwrap_or(200);
        let mut responses = Map::new();
        responses.insert(status.to_string(), json!({ "description": "Success.", "content": content }));
        let raw = content.get("*/*").is_some();
        for (code, name, _) in ERRORS {
            let possible = match code {
                401 | 403 => self.secured && !method.rules.public,
                406 => method.server_streaming && !raw,
                409 => binding.http_method != "GET",
                413 | 415 => binding.body != BodyRule::None,
                _ => true,
            };
            if possible {
                self.errors.insert(code);
                responses.insert(code.to_string(), response_reference(name));
            }
        }
        responses.insert("default".to_owned(), response_reference("Error"));
        responses.into()
    }

    /// The shared responses that were referred to.
    pub(super) fn shared_responses(&self) -> Value {
        let schema = json!({ "schema": { "$ref": "#/components/schemas/Error" } });
        let content = json!({ "application/json": schema });
        let mut shared = Map::new();
        for (_, name, text) in ERRORS.iter().filter(|(code, ..)| self.errors.contains(code)) {
            shared.insert((*name).to_owned(), json!({ "description": text, "content": content }));
        }
        shared.insert("Error".to_owned(), json!({ "description": "Any other error.", "content": content }));
        shared.into()
    }
}

fn response_reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{name}") })
}

/// Adds the schemas that documents have themselves: of errors, and of the last record of a stream that fails.
pub(super) fn add_error_schemas(info: &OpenApiInfo, streams: bool, schemas: &mut Map<String, Value>) {
    let given = |text: &Option<String>| serde_json::from_str(text.as_deref()?).ok();
    schemas.insert("Error".to_owned(), given(&info.error_schema).unwrap_or_else(rpc_status));
    if streams {
        let record = given(&info.stream_error_schema).unwrap_or_else(|| {
            json!({
                "type": "object",
                "description": "The last record of a stream that fails.",
                "properties": { "error": { "$ref": "#/components/schemas/Error" } },
                "required": ["error"]
            })
        });
        schemas.insert("StreamError".to_owned(), record);
    }
}

fn rpc_status() -> Value {
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
        },
        "required": ["code", "message"]
    })
}
