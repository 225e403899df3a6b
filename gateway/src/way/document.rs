//! OpenAPI documents: `/openapi.json` of everything and one for each first path segment (contract 1.2).
//!
//! `version=3.1` (the default) or `3.2`, and `forms=canonical` (the default) or `accepted`, choose among them.

use http::{Method, Request, StatusCode};
use tonic::Code;
use transcode::{OpenApiForms, OpenApiVersion};

use crate::problem::Problem;
use crate::schema::{Document, Schema};

/// The name of a document within its first path segment.
const NAME: &str = "openapi.json";

/// The document that a request asks for; none if it asks for something else.
pub(super) fn find<B>(schema: &Schema, request: &Request<B>) -> Option<Result<Document, Problem>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return None;
    }
    let place = request.uri().path().strip_prefix('/')?.strip_suffix(NAME)?;
    let first_segment = match place.strip_suffix('/') {
        None if place.is_empty() => None,
        Some(segment) if !segment.is_empty() && !segment.contains('/') => Some(segment),
        _ => return None,
    };
    match document(request.uri().query().unwrap_or_default(), first_segment) {
        Ok(document) => schema.has_document(&document).then_some(Ok(document)),
        Err(problem) => Some(Err(problem)),
    }
}

fn document(query: &str, first_segment: Option<&str>) -> Result<Document, Problem> {
    let mut document = Document {
        first_segment: first_segment.map(str::to_owned),
        version: OpenApiVersion::default(),
        forms: OpenApiForms::default(),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair {
            "version=3.1" => document.version = OpenApiVersion::V3_1,
            "version=3.2" => document.version = OpenApiVersion::V3_2,
            "forms=canonical" => document.forms = OpenApiForms::Canonical,
            "forms=accepted" => document.forms = OpenApiForms::Accepted,
            _ => {
                let text = format!(
                    "{pair:?}: a document has version=3.1 or version=3.2, and forms=canonical or forms=accepted"
                );
                return Err(Problem::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, text));
            }
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_query_chooses_and_nothing_else_is_taken() {
        assert_eq!(document("", Some("v1")).unwrap().first_segment.as_deref(), Some("v1"));
        let chosen = document("version=3.2&forms=accepted", None).unwrap();
        assert_eq!((chosen.version, chosen.forms), (OpenApiVersion::V3_2, OpenApiForms::Accepted));
        for bad in ["version=4", "version", "x=1", "forms=all"] {
            assert_eq!(document(bad, None).unwrap_err().http, StatusCode::BAD_REQUEST);
        }
    }
}
