//! What a request's `Content-Type` says about the form of its body.

use crate::error::{RequestError, RequestErrorKind as K};

/// The form of a streamed request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputFormat {
    /// `application/json`: the elements of one array when the first byte that is not white space is `[`, else JSON values
    /// one after another, with white space between them or without.
    Json,
    /// `application/x-ndjson`, `application/ndjson`, `application/jsonl`: one JSON value a line, empty lines mean nothing.
    NdJson,
}

impl InputFormat {
    /// The form by `Content-Type`; JSON without one. Refuses everything else, server-sent events too, with 415.
    pub fn of(content_type: Option<&str>) -> Result<Self, RequestError> {
        let Some(given) = content_type else { return Ok(Self::Json) };
        let essence = essence(given);
        match essence.as_str() {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::NdJson),
            json if is_json(json) => Ok(Self::Json),
            _ => Err(RequestError::new(
                K::MediaType,
                "the content type application/json or application/x-ndjson",
            )
            .got_text(given)),
        }
    }
}

/// Only JSON is read as JSON; a body without a type is taken for it.
pub(crate) fn check_json(content_type: Option<&str>) -> Result<(), RequestError> {
    match content_type {
        Some(given) if !is_json(&essence(given)) => {
            let error = RequestError::new(K::MediaType, "the content type application/json");
            Err(error.got_text(given))
        }
        _ => Ok(()),
    }
}

/// Type and subtype without parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(essence: &str) -> bool {
    matches!(essence, "" | "application/json" | "text/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}
