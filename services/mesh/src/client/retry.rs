//! Repeating calls (gRFC A6): which, how often, when, and never so much that it becomes the load.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use options::{Idempotency, MethodRule};
use tonic::Code;

/// Attempts of one call, the first included.
pub(super) const MAX_ATTEMPTS: u32 = 3;

/// The pause before the first repetition, doubled for the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// No pause is longer, whatever a server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Tokens in thousandths: ten at most, one is taken by a failure, a tenth comes back with a success.
const MAX_TOKENS: i64 = 10_000;
const FAILURE: i64 = 1_000;
const SUCCESS: i64 = 100;

/// Whether a method may be repeated after it may have been processed. One that needs a request id to be so is not:
/// the channel does not see whether it has one.
pub(super) fn is_repeatable(rule: Option<&MethodRule>) -> bool {
    rule.is_some_and(|rule| matches!(rule.idempotency(), Idempotency::Safe | Idempotency::Idempotent))
}

/// The pause that a server asks for: `Err` where it asks not to be called again.
pub(super) fn pushback(headers: &HeaderMap) -> Result<Option<Duration>, ()> {
    let Some(value) = headers.get("grpc-retry-pushback-ms") else { return Ok(None) };
    let millis = value.to_str().ok().and_then(|text| text.parse::<u32>().ok()).ok_or(())?;
    Ok(Some(Duration::from_millis(millis.into()).min(MAX_PAUSE)))
}

/// The pause after so many failed attempts, within 20 %.
pub(super) fn pause(failed: u32, random: u64) -> Duration {
    let grown = (FIRST_PAUSE * 2u32.saturating_pow(failed.saturating_sub(1))).min(MAX_PAUSE);
    grown / 1000 * (800 + u32::try_from(random % 401).unwrap_or(200))
}

/// Stops repetitions while more than half of the recent calls fail.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: AtomicI64,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { tokens: AtomicI64::new(MAX_TOKENS) }
    }

    /// Counts an attempt; says whether another may follow.
    pub(super) fn count(&self, code: Code) -> bool {
        let step = if code == Code::Unavailable { -FAILURE } else { SUCCESS };
        let change = |tokens: i64| Some((tokens + step).clamp(0, MAX_TOKENS));
        let before =
            self.tokens.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).unwrap_or_default();
        (before + step).clamp(0, MAX_TOKENS) > MAX_TOKENS / 2
    }
}

#[cfg(test)]
mod tests {
    //! The budget and the pauses.

    use super::*;

    #[test]
    fn repetitions_stop_when_most_calls_fail_and_come_back_with_successes() {
        let budget = Budget::new();
        let allowed = (0..20).filter(|_| budget.count(Code::Unavailable)).count();
        assert_eq!(allowed, 4);
        let successes = (0..1000).take_while(|_| !budget.count(Code::Ok)).count();
        assert_eq!(successes, 50);
    }

    #[test]
    fn a_server_may_set_the_pause_or_forbid() {
        let headers = |text: &'static str| {
            HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-retry-pushback-ms"),
                http::HeaderValue::from_static(text),
            )])
        };
        assert_eq!(pushback(&HeaderMap::new()), Ok(None));
        assert_eq!(pushback(&headers("250")), Ok(Some(Duration::from_millis(250))));
        assert_eq!(pushback(&headers("9999999")), Ok(Some(MAX_PAUSE)));
        assert_eq!(pushback(&headers("-1")), Err(()));
        assert_eq!(pushback(&headers("soon")), Err(()));
    }

    #[test]
    fn pauses_double() {
        assert_eq!(pause(1, 200), Duration::from_millis(50));
        assert_eq!(pause(2, 200), Duration::from_millis(100));
        assert_eq!(pause(1, 0), Duration::from_millis(40));
        assert_eq!(pause(99, 400), Duration::from_millis(1200));
    }
}
