//! The error body, rendered once for every refusal and failure.

use bytes::Bytes;
use http::Response;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http_body_util::Full;
use mesh::trace::code_name;
use serde_json::{Map, Value, json};
use tonic::body::Body;
use transcode::Method;

use crate::problem::Problem;

/// The form of error bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorForm {
    /// `google.rpc.Status` as JSON: `code`, `message`, `details`.
    #[default]
    Google,
    /// What every Toolforge client understands, and the same machine part (contract 2.4).
    Toolforge,
}

impl ErrorForm {
    /// The JSON Schema of these bodies; none for Google's form, which documents have anyway.
    pub(crate) fn schema(self) -> Option<String> {
        let Self::Toolforge = self else { return None };
        let texts = json!({ "type": "array", "items": { "type": "string" } });
        let lists = json!({ "error": texts, "info": texts, "warning": texts });
        let mut properties = json!({
            "messages": { "type": "object", "properties": lists },
            "message": { "type": "string" },
            "code": { "type": "integer" },
            "status": { "type": "string" },
            "details": { "type": "array", "items": { "type": "object" } },
        });
        for list in ["error", "info", "warning"] {
            properties[list] = texts.clone();
        }
        Some(
            json!({ "type": "object", "required": ["error", "messages"], "properties": properties })
                .to_string(),
        )
    }

    /// The JSON Schema of [`Render::record`]; none for Google's form, which documents have anyway.
    pub(crate) fn record_schema(self) -> Option<String> {
        match self {
            Self::Google => None,
            Self::Toolforge => Some(json!({ "$ref": "#/components/schemas/Error" }).to_string()),
        }
    }

    /// The body of a problem. Details of types that the schema does not know are left out.
    fn body(self, problem: &Problem, method: Option<&Method>) -> Vec<u8> {
        let code = i32::from(problem.code);
        let details = details(problem, method);
        let value = match self {
            Self::Google => json!({ "code": code, "message": problem.message, "details": details }),
            Self::Toolforge => {
                let lines: Vec<&str> = lines(&problem.message).collect();
                json!({
                    "error": lines,
                    "info": [],
                    "warning": [],
                    "messages": { "error": lines, "info": [], "warning": [] },
                    "message": lines.join("\n"),
                    "code": code,
                    "status": code_name(problem.code),
                    "details": details,
                })
            }
        };
        value.to_string().into_bytes()
    }
}

/// Renders problems: the form, and the method whose source knows the types of details.
#[derive(Clone, Debug)]
pub(crate) struct Render {
    form: ErrorForm,
    method: Option<Method>,
}

impl Render {
    pub(crate) fn new(form: ErrorForm, method: Option<Method>) -> Self {
        Self { form, method }
    }

    /// The body that tells a problem.
    pub(crate) fn body(&self, problem: &Problem) -> Vec<u8> {
        self.form.body(problem, self.method.as_ref())
    }

    /// The last record of a stream that failed: an object with a member `error`, which no message is taken for.
    pub(crate) fn record(&self, problem: &Problem) -> Vec<u8> {
        let body = self.body(problem);
        match self.form {
            ErrorForm::Google => [b"{\"error\":", &*body, b"}"].concat(),
            // its own member `error` is what former clients look for
            ErrorForm::Toolforge => body,
        }
    }

    /// The whole answer that tells a problem.
    pub(crate) fn response(&self, problem: &Problem) -> Response<Body> {
        let mut response = Response::new(Body::new(Full::new(Bytes::from(self.body(problem)))));
        *response.status_mut() = problem.http;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(allow) = problem.allow.as_ref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if let Some((name, value)) = problem.header.as_deref() {
            headers.insert(name, value.clone());
        }
        response
    }
}

/// The sentences of a message; never none, because a client takes the first (contract 2.4).
fn lines(message: &str) -> impl Iterator<Item = &str> {
    let message = message.trim_end_matches('\n');
    (if message.is_empty() { "unknown error" } else { message }).split('\n')
}

fn details(problem: &Problem, method: Option<&Method>) -> Vec<Value> {
    let print = |detail: &crate::problem::Detail| {
        let mut json = Vec::new();
        method?.any_to_json(&detail.type_url, &detail.value, &mut json).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&json).ok().map(Value::Object)
    };
    problem.details.iter().filter_map(print).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::StatusCode;
    use tonic::Code;

    use super::*;

    fn body(message: &str) -> Value {
        let problem = Problem::new(Code::NotFound, StatusCode::NOT_FOUND, message);
        serde_json::from_slice(&ErrorForm::Toolforge.body(&problem, None)).unwrap()
    }

    #[test]
    fn every_client_finds_its_text() {
        let body = body("Job 'a' does not exist\nsecond");
        assert_eq!(body["error"], json!(["Job 'a' does not exist", "second"]));
        assert_eq!(body["messages"]["error"], body["error"]);
        assert_eq!(body["message"], "Job 'a' does not exist\nsecond");
        assert_eq!((&body["code"], &body["status"]), (&json!(5), &json!("NOT_FOUND")));
    }

    #[test]
    fn the_list_is_never_empty() {
        assert_eq!(body("")["messages"]["error"], json!(["unknown error"]));
    }
}
