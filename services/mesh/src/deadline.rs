//! Deadlines: `grpc-timeout` in and out, the deadline of the running call, and what a call may take at most.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use tonic::Status;

use crate::trace;

/// The metadata that carries the time a caller still waits (gRPC over HTTP/2, "Timeout").
pub const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("grpc-timeout");

/// What a unary call may take when its caller does not say.
pub const DEFAULT_UNARY: Duration = Duration::from_secs(15);

/// What a unary call may take whatever its caller says.
pub const MAX_UNARY: Duration = Duration::from_mins(1);

/// A call that is made for another leaves its caller this share of the time, to answer in.
const RESERVE_DIVISOR: u32 = 20;

/// The reserve is at least this long, so that short deadlines leave time to answer too.
const MIN_RESERVE: Duration = Duration::from_millis(5);

tokio::task_local! {
    static DEADLINE: Instant;
}

/// When the call that is being handled must be answered; `None` outside of calls and in calls without a deadline.
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// The time that is left of the call that is being handled.
pub fn remaining() -> Option<Duration> {
    current().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Runs a future as part of a call with this deadline: calls it makes inherit what is left.
pub async fn scope<F: Future>(deadline: Option<Instant>, future: F) -> F::Output {
    match deadline {
        Some(deadline) => DEADLINE.scope(deadline, future).await,
        None => future.await,
    }
}

/// Runs a function (a body's poll) as part of a call with this deadline.
pub fn sync_scope<R>(deadline: Option<Instant>, run: impl FnOnce() -> R) -> R {
    match deadline {
        Some(deadline) => DEADLINE.sync_scope(deadline, run),
        None => run(),
    }
}

/// The `grpc-timeout` of a request. A value that is not one is an error, so that no call runs longer than its caller meant.
pub fn requested(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(TIMEOUT_HEADER) else { return Ok(None) };
    let text = value.to_str().ok().and_then(parse);
    text.map(Some).ok_or_else(|| {
        Status::invalid_argument("grpc-timeout: expected up to 8 digits and one of the units H M S m u n")
    })
}

/// What a call of this shape may take on the server: the caller's wish, with a default and a cap where it is unary.
pub fn server_limit(requested: Option<Duration>, unary: bool) -> Option<Duration> {
    if unary { Some(requested.unwrap_or(DEFAULT_UNARY).min(MAX_UNARY)) } else { requested }
}

/// What a call made for the running one may take: the rest of its time less 5 %, 5 ms at least.
pub fn inherited() -> Option<Duration> {
    let rest = remaining()?;
    Some(rest.saturating_sub((rest / RESERVE_DIVISOR).max(MIN_RESERVE)))
}

/// Reads the value of `grpc-timeout`: one to eight digits and a unit.
pub fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Writes the value of `grpc-timeout` in the finest unit whose number has at most eight digits, rounded down.
pub fn format(timeout: Duration) -> HeaderValue {
    const LIMIT: u64 = 100_000_000;
    const HOUR: u64 = 3_600_000_000_000;
    const UNITS: [(u64, u8); 5] =
        [(1, b'n'), (1_000, b'u'), (1_000_000, b'm'), (1_000_000_000, b'S'), (60_000_000_000, b'M')];
    let (mut amount, unit) = match u64::try_from(timeout.as_nanos()) {
        Ok(nanos) => {
            let fitting = UNITS.into_iter().find(|(size, _)| nanos / size < LIMIT);
            fitting.map_or((nanos / HOUR, b'H'), |(size, unit)| (nanos / size, unit))
        }
        Err(_) => ((timeout.as_secs() / 3600).min(LIMIT - 1), b'H'),
    };
    let mut text = [unit; 9];
    let mut first = text.len() - 1;
    while amount > 0 || first == text.len() - 1 {
        first -= 1;
        text[first] = b'0' + u8::try_from(amount % 10).unwrap_or_default();
        amount /= 10;
    }
    trace::once(HeaderValue::from_bytes(&text[first..]).unwrap_or(HeaderValue::from_static("0n")))
}

/// The status of a call whose time is over.
pub fn exceeded() -> Status {
    Status::deadline_exceeded("the deadline of the call has passed")
}

#[cfg(test)]
mod tests {
    //! Values of the header, defaults, caps and the share that is passed on.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_unit_is_read() {
        let millis = |text| parse(text).map(|time| time.as_millis());
        assert_eq!(millis("2H"), Some(7_200_000));
        assert_eq!(millis("2M"), Some(120_000));
        assert_eq!(millis("2S"), Some(2_000));
        assert_eq!(millis("99999999m"), Some(99_999_999));
        assert_eq!(parse("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parse("7n"), Some(Duration::from_nanos(7)));
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", " 1S", "1é", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let times = [0, 1, 99_999_999, 100_000_000, 15_000_000_000, 60_000_000_000, u64::MAX]
            .map(Duration::from_nanos);
        for time in times {
            let read = parse(format(time).to_str().unwrap()).unwrap();
            assert!(read <= time && time.abs_diff(read) <= time / 1_000_000, "{time:?} became {read:?}");
        }
        assert_eq!(parse(format(Duration::MAX).to_str().unwrap()), Some(Duration::from_hours(99_999_999)));
    }

    #[test]
    fn unary_calls_have_a_default_and_a_cap() {
        assert_eq!(server_limit(None, true), Some(DEFAULT_UNARY));
        assert_eq!(server_limit(Some(Duration::from_secs(99)), true), Some(MAX_UNARY));
        assert_eq!(server_limit(Some(Duration::from_secs(9)), true), Some(Duration::from_secs(9)));
        assert_eq!(server_limit(None, false), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_passes_on_what_is_left_less_a_reserve() {
        assert_eq!(inherited(), None);
        let at = |seconds| Some(Instant::now() + Duration::from_secs(seconds));
        scope(at(10), async { assert_eq!(inherited(), Some(Duration::from_millis(9_500))) }).await;
        scope(at(10), async {
            tokio::time::advance(Duration::from_millis(9_996)).await;
            assert_eq!(inherited(), Some(Duration::ZERO));
        })
        .await;
    }
}
