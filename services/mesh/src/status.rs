//! Rich statuses (`google.rpc`): one builder for services, one reader for whoever shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, HelpLink, QuotaViolation, StatusExt};

/// The key in [`Problem::metadata`] that chooses another HTTP status than the standard table does.
pub const HTTP_STATUS: &str = "http_status";

/// A refusal with everything a caller can act on. The same struct is what is read back from a status.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Problem {
    /// The gRPC code.
    pub code: Code,
    /// One of the service's documented reasons, `UPPER_SNAKE`; empty where a status carries none.
    pub reason: String,
    /// Who defines the reason, for example `jobs.toolforge`.
    pub domain: String,
    /// The sentence for the user.
    pub message: String,
    /// More about the reason; see [`HTTP_STATUS`].
    pub metadata: BTreeMap<String, String>,
    /// Fields and what is wrong with each.
    pub violations: Vec<(String, String)>,
    /// Subjects of a quota and how it is exceeded.
    pub quota: Vec<(String, String)>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Descriptions and URLs of what helps.
    pub help: Vec<(String, String)>,
}

impl Problem {
    /// A problem with a code, a reason and a sentence.
    pub fn new(
        code: Code,
        domain: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            reason: reason.into(),
            domain: domain.into(),
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            quota: Vec::new(),
            retry_after: None,
            help: Vec::new(),
        }
    }

    /// Chooses the HTTP status that the gateway answers with.
    pub fn http_status(self, status: u16) -> Self {
        self.metadata(HTTP_STATUS, status.to_string())
    }

    /// Adds to the metadata.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Adds a field and what is wrong with it.
    pub fn violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.violations.push((field.into(), description.into()));
        self
    }

    /// Adds a quota and how it is exceeded.
    pub fn quota(mut self, subject: impl Into<String>, description: impl Into<String>) -> Self {
        self.quota.push((subject.into(), description.into()));
        self
    }

    /// Says when to try again.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds a link that helps.
    pub fn help(mut self, description: impl Into<String>, url: impl Into<String>) -> Self {
        self.help.push((description.into(), url.into()));
        self
    }

    /// The status, with details for what is there.
    pub fn into_status(self) -> Status {
        let Self { code, reason, domain, message, metadata, violations, quota, retry_after, help } = self;
        let mut details = ErrorDetails::new();
        if !reason.is_empty() {
            let metadata: std::collections::HashMap<_, _> = metadata.into_iter().collect();
            details.set_error_info(reason, domain, metadata);
        }
        for (field, description) in violations {
            details.add_bad_request_violation(field, description);
        }
        for (subject, description) in quota {
            details.add_quota_failure_violation(subject, description);
        }
        if let Some(delay) = retry_after {
            details.set_retry_info(Some(delay));
        }
        for (description, url) in help {
            details.add_help_link(description, url);
        }
        Status::with_error_details(code, message, details)
    }

    /// Reads a status. Details that are missing or broken leave their parts empty: code and message are always there.
    pub fn read(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let bad: &[FieldViolation] = details.bad_request().map_or(&[], |bad| &bad.field_violations);
        let quota: &[QuotaViolation] = details.quota_failure().map_or(&[], |quota| &quota.violations);
        let links: &[HelpLink] = details.help().map_or(&[], |help| &help.links);
        Self {
            code: status.code(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            domain: info.map(|info| info.domain.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            metadata: info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
            violations: bad.iter().map(|one| (one.field.clone(), one.description.clone())).collect(),
            quota: quota.iter().map(|one| (one.subject.clone(), one.description.clone())).collect(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            help: links.iter().map(|link| (link.description.clone(), link.url.clone())).collect(),
        }
    }

    /// The HTTP status that was chosen, if it is one.
    pub fn chosen_http_status(&self) -> Option<u16> {
        self.metadata.get(HTTP_STATUS)?.parse().ok().filter(|status| (400..600).contains(status))
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        problem.into_status()
    }
}

#[cfg(test)]
mod tests {
    //! There and back.

    use super::*;

    #[test]
    fn a_problem_comes_back_whole() {
        let problem =
            Problem::new(Code::ResourceExhausted, "jobs.toolforge", "QUOTA_EXCEEDED", "too many jobs")
                .http_status(409)
                .metadata("limit", "16")
                .violation("replicas", "at most 8")
                .quota("tool:alpha", "16 of 16 jobs")
                .retry_after(Duration::from_secs(3))
                .help("quotas", "https://example.org/quota");
        let read = Problem::read(&problem.clone().into_status());
        assert_eq!(read, problem);
        assert_eq!(read.chosen_http_status(), Some(409));
    }

    #[test]
    fn a_status_without_details_is_read_too() {
        let read = Problem::read(&Status::not_found("no such job"));
        assert_eq!((read.code, &*read.message, &*read.reason), (Code::NotFound, "no such job", ""));
        assert_eq!(read.chosen_http_status(), None);
    }

    #[test]
    fn broken_details_leave_code_and_message() {
        let status =
            Status::with_details(Code::Aborted, "changed meanwhile", bytes::Bytes::from_static(b"\xff\xff"));
        let read = Problem::read(&status);
        assert_eq!((read.code, &*read.message), (Code::Aborted, "changed meanwhile"));
    }

    #[test]
    fn only_errors_can_be_chosen() {
        for status in [0, 200, 399, 600] {
            let problem = Problem::new(Code::Internal, "d", "R", "m").http_status(status);
            assert_eq!(problem.chosen_http_status(), None);
        }
    }
}
