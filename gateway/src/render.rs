//! The error body, rendered once for every refusal and failure.

use serde_json::{Map, Value, json};
use transcode::Program;

use crate::problem::{Problem, code_name};

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

    /// The body of a problem. Details of types that the schema does not know are left out.
    pub(crate) fn body(self, problem: &Problem, program: Option<&Program>) -> Vec<u8> {
        let code = i32::from(problem.code);
        let details = details(problem, program);
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

/// The sentences of a message; never none, because a client takes the first (contract 2.4).
fn lines(message: &str) -> impl Iterator<Item = &str> {
    let message = message.trim_end_matches('\n');
    (if message.is_empty() { "unknown error" } else { message }).split('\n')
}

fn details(problem: &Problem, program: Option<&Program>) -> Vec<Value> {
    let print = |detail: &crate::problem::Detail| {
        let mut json = Vec::new();
        program?.any_to_json(&detail.type_url, &detail.value, &mut json).ok()?;
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
