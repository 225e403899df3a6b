//! How a command ends when it does not end well, and with which exit status (contract 7.3).

use std::io;
use std::process::ExitCode;

use mesh::status::Problem;
use tonic::{Code, Status};

/// The class that the former client names in front of errors of the service.
pub(crate) const SERVICE_ERROR: &str = "JobsCliError";

/// The class that the former client names in front of its own errors.
pub(crate) const CLIENT_ERROR: &str = "ToolforgeError";

const DOWN: &str = "The jobs service seems to be down – please retry in a few minutes.";

/// Why a command failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Something that the user can put right: exit status 1.
    User(String),
    /// Something that the user cannot: exit status 2, and where to report it.
    Internal {
        /// Named in front of the text.
        class: &'static str,
        /// What happened.
        text: String,
        /// More for those who debug.
        detail: Option<String>,
    },
    /// Arguments that clap has refused, as it shows them: exit status 2.
    Usage(String),
    /// Everything has been said already.
    Told(u8),
    /// Whoever read our output has gone: nothing is wrong.
    Closed,
}

impl Failure {
    /// An error of the user.
    pub(crate) fn user(text: impl Into<String>) -> Self {
        Self::User(text.into())
    }

    /// An error of the service or of its replies.
    pub(crate) fn service(text: impl Into<String>) -> Self {
        Self::Internal { class: SERVICE_ERROR, text: text.into(), detail: None }
    }

    /// An error of this program.
    pub(crate) fn client(text: impl Into<String>) -> Self {
        Self::Internal { class: CLIENT_ERROR, text: text.into(), detail: None }
    }

    /// The service cannot be reached.
    pub(crate) fn down(detail: impl Into<String>) -> Self {
        Self::Internal { class: SERVICE_ERROR, text: DOWN.into(), detail: Some(detail.into()) }
    }

    /// The exit status.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::User(_) => 1,
            Self::Internal { .. } | Self::Usage(_) => 2,
            Self::Told(code) => *code,
            Self::Closed => 0,
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::client(format!("cannot write the output: {error}"))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let problem = Problem::read(&status);
        let text = sentences(&problem);
        match http_status(&problem) {
            502 | 503 => Self::down(text),
            400..500 => Self::User(text),
            _ => Self::service(text),
        }
    }
}

/// The sentence, what it does not say of the fields, and what helps.
fn sentences(problem: &Problem) -> String {
    let mut text = problem.message.clone();
    for (field, description) in &problem.violations {
        if !text.contains(description.as_str()) {
            add(&mut text, &format!("{field}: {description}"));
        }
    }
    for (description, url) in &problem.help {
        add(&mut text, &format!("{description}: {url}"));
    }
    if text.is_empty() { format!("the service answered {:?}", problem.code) } else { text }
}

fn add(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// The status that REST clients would see: the chosen one, else the standard table.
fn http_status(problem: &Problem) -> u16 {
    problem.chosen_http_status().unwrap_or(match problem.code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unimplemented => 501,
        Code::Ok | Code::Internal | Code::Unknown | Code::DataLoss => 500,
    })
}

#[cfg(test)]
mod tests {
    //! Which code ends how.

    use super::*;

    #[test]
    fn what_the_user_can_put_right_ends_with_one() {
        for code in [
            Code::InvalidArgument,
            Code::NotFound,
            Code::AlreadyExists,
            Code::PermissionDenied,
            Code::Unauthenticated,
            Code::FailedPrecondition,
            Code::Aborted,
            Code::ResourceExhausted,
        ] {
            assert_eq!(Failure::from(Status::new(code, "no")), Failure::user("no"), "{code:?}");
        }
    }

    #[test]
    fn a_chosen_http_status_decides() {
        let status = |code, http| Problem::new(code, "jobs", "R", "text").http_status(http).into_status();
        assert_eq!(Failure::from(status(Code::Internal, 409)), Failure::user("text"));
        assert_eq!(Failure::from(status(Code::NotFound, 500)), Failure::service("text"));
    }

    #[test]
    fn an_unreachable_service_has_its_own_sentence() {
        let Failure::Internal { class, text, detail } = Failure::from(Status::unavailable("refused")) else {
            panic!("not internal")
        };
        assert_eq!(class, "JobsCliError");
        assert_eq!(text, "The jobs service seems to be down – please retry in a few minutes.");
        assert_eq!(detail.as_deref(), Some("refused"));
    }

    #[test]
    fn fields_that_the_sentence_leaves_out_are_named() {
        let problem = Problem::new(Code::InvalidArgument, "jobs", "R", "bad port")
            .violation("port", "bad port")
            .violation("replicas", "at most 8")
            .help("naming rules", "https://w.wiki/6YL8");
        let expected = "bad port\nreplicas: at most 8\nnaming rules: https://w.wiki/6YL8";
        assert_eq!(Failure::from(problem.into_status()), Failure::user(expected));
    }
}
