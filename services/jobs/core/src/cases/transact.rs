//! Load, check, commit; and again when somebody else was faster.

use sha2::{Digest, Sha256};

use super::{ANSWERS_KEPT, Jobs, Options};
use crate::{
    Answer, Change, CommitError, Error, Job, Limits, Outcome, ToolName, ToolState, Usage, Violations, clock,
};

/// So often others may be faster before it is an error.
const TRIES: u32 = 16;
/// The longest request id, in bytes.
const REQUEST_ID_MAX: usize = 128;

/// How a request that may be a repetition went.
#[derive(Debug)]
pub(crate) enum Done<T> {
    /// It was done now.
    Now(T),
    /// It had been done before.
    Before(Outcome),
}

/// A request as it is remembered.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    id: Option<&'a str>,
    fingerprint: String,
    validate_only: bool,
}

impl<'a> Request<'a> {
    /// A request for something; `what` and the debug form of `about` tell it from other requests.
    pub(crate) fn new(options: &'a Options, what: &str, about: &impl std::fmt::Debug) -> Result<Self, Error> {
        let id = options.request_id.as_deref();
        if id.is_some_and(|id| id.is_empty() || id.len() > REQUEST_ID_MAX) {
            let text = format!("request_id must have 1 to {REQUEST_ID_MAX} characters");
            return Err(Violations::schema("request_id", text).into());
        }
        let digest = id.map(|_| Sha256::digest(format!("{what} {about:?}")));
        let fingerprint = digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect());
        let fingerprint = fingerprint.unwrap_or_default();
        Ok(Self { id, fingerprint, validate_only: options.validate_only })
    }
}

impl Jobs {
    /// Decides on the state of a tool and commits what was decided, as one step.
    pub(crate) async fn transact<T>(
        &self,
        tool: &ToolName,
        mut decide: impl FnMut(&ToolState) -> Result<(T, Vec<Change>), Error> + Send,
    ) -> Result<T, Error> {
        let _turn = self.inner.tools.lock(tool.as_str()).await;
        for _ in 0..TRIES {
            let state = self.inner.repository.load(tool).await?;
            let (value, changes) = decide(&state)?;
            if changes.is_empty() || self.commit(tool, &state, changes).await? {
                return Ok(value);
            }
        }
        Err(Error::Busy)
    }

    /// The same for a request that may be a repetition, or only a question whether it would succeed.
    pub(crate) async fn transact_request<T>(
        &self,
        tool: &ToolName,
        request: &Request<'_>,
        mut decide: impl FnMut(&ToolState) -> Result<(T, Outcome, Vec<Change>), Error> + Send,
    ) -> Result<Done<T>, Error> {
        let _turn = self.inner.tools.lock(tool.as_str()).await;
        for _ in 0..TRIES {
            let state = self.inner.repository.load(tool).await?;
            if let Some(outcome) = self.recall(tool, request).await? {
                return Ok(Done::Before(outcome));
            }
            let (value, outcome, mut changes) = decide(&state)?;
            if request.validate_only {
                return Ok(Done::Now(value));
            }
            changes.extend(request.id.map(|id| {
                Change::Remember(Answer {
                    request: id.to_owned(),
                    fingerprint: request.fingerprint.clone(),
                    outcome,
                    at: self.inner.clock.now(),
                })
            }));
            if changes.is_empty() || self.commit(tool, &state, changes).await? {
                return Ok(Done::Now(value));
            }
        }
        Err(Error::Busy)
    }

    /// Commits; false when the state is no longer what it was.
    async fn commit(&self, tool: &ToolName, state: &ToolState, changes: Vec<Change>) -> Result<bool, Error> {
        match self.inner.repository.commit(tool, &state.revision, changes).await {
            Ok(()) => {
                self.inner.board.poke(tool);
                Ok(true)
            }
            Err(CommitError::Stale) => Ok(false),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }

    async fn recall(&self, tool: &ToolName, request: &Request<'_>) -> Result<Option<Outcome>, Error> {
        let Some(id) = request.id else { return Ok(None) };
        let answer = self.inner.repository.recall(tool, id).await?;
        let now = self.inner.clock.now();
        match answer.filter(|answer| clock::since(answer.at, now) <= ANSWERS_KEPT) {
            Some(answer) if answer.fingerprint == request.fingerprint => Ok(Some(answer.outcome)),
            Some(_) => Err(Error::RequestIdReused),
            None => Ok(None),
        }
    }

    /// Refuses a use that exceeds the tool's quota.
    pub(crate) fn check_quota(&self, tool: &ToolName, before: &Usage, after: &Usage) -> Result<(), Error> {
        let resources = after.exceeded(before, &self.limits(tool));
        if resources.is_empty() { Ok(()) } else { Err(Error::OutOfQuota { resources }) }
    }

    pub(crate) fn limits(&self, tool: &ToolName) -> Limits {
        self.inner.site.limits_of(tool)
    }
}

/// Refuses a job that is no longer as the caller saw it.
pub(crate) fn check_etag(options: &Options, job: &Job) -> Result<(), Error> {
    match &options.etag {
        Some(etag) if *etag != job.etag() => Err(Error::EtagMismatch),
        _ => Ok(()),
    }
}
