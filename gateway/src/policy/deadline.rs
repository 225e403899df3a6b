//! How long a call may take: what its client asks for, within what is allowed.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use mesh::deadline::{TIMEOUT_HEADER, parse as grpc_timeout};

use crate::problem::Problem;

/// The time that a client waits: seconds, or a number with a unit.
const REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout");

/// What a unary call may take where nobody says: as long as Toolforge's jobs client waits (contract 2.1).
const UNARY: Duration = Duration::from_mins(1);

/// How long calls over REST may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Whether clients may ask, by `grpc-timeout` or `X-Request-Timeout`.
    pub asked: bool,
    /// A unary call whose client does not ask.
    pub unary: Duration,
    /// The most that a client may ask for; a stream without a wish has no end.
    pub most: Option<Duration>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { asked: false, unary: UNARY, most: None }
    }
}

impl Deadlines {
    /// How long the call of a request may take; none for a stream that nobody bounds. `said` is what its method has where
    /// the client does not ask.
    pub(crate) fn of(
        &self,
        headers: &HeaderMap,
        stream: bool,
        said: Option<Duration>,
    ) -> Result<Option<Duration>, Problem> {
        let asked = if self.asked { asked(headers)? } else { None };
        let asked = asked.map(|asked| self.most.map_or(asked, |most| asked.min(most)));
        Ok(asked.or(said).or((!stream).then_some(self.unary)))
    }
}

/// The smaller of what the two headers say.
fn asked(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let read = |name: &HeaderName, parse: fn(&str) -> Option<Duration>, expected: &str| {
        let mut values = headers.get_all(name).into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        let time = value.to_str().ok().filter(|_| values.next().is_none()).and_then(parse);
        time.map(Some).ok_or_else(|| Problem::invalid(format!("{name}: expected {expected}")))
    };
    let grpc = read(&TIMEOUT_HEADER, grpc_timeout, "up to 8 digits and one of the units H M S m u n")?;
    let plain = read(
        &REQUEST_TIMEOUT,
        request_timeout,
        "seconds such as 5 or 1.5, or a number with one of the units h m s ms us ns",
    )?;
    Ok([grpc, plain].into_iter().flatten().min())
}

/// A decimal number with at most nine digits on each side of the point, in seconds or in its unit.
fn request_timeout(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let nanos: u128 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" | "" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (number, ""),
    };
    let digits = |text: &str| text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let billionths: u128 = format!("{fraction:0<9}").parse().ok()?;
    let nanos = whole * nanos + billionths * nanos / 1_000_000_000;
    Some(Duration::from_nanos_u128(nanos))
}

#[cfg(test)]
mod tests {
    //! Values of every kind, and what becomes of wishes.

    use http::HeaderValue;

    use super::*;

    #[test]
    fn numbers_with_and_without_units() {
        let millis = |text| request_timeout(text).map(|time| time.as_millis());
        for (text, expected) in [
            ("5", 5_000),
            ("0", 0),
            ("1.5", 1_500),
            ("1.5s", 1_500),
            ("200ms", 200),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
        assert_eq!(request_timeout("7us"), Some(Duration::from_micros(7)));
        assert_eq!(request_timeout("0.5us"), Some(Duration::from_nanos(500)));
        assert!(request_timeout("999999999h").is_some());
        for bad in [
            "", "s", "-1", "+1", "-1s", "1.", ".5", "1.5.5", "1e3", "1 s", " 1", "1s2", "1d", "NaN", "inf",
            "1S", "é",
        ] {
            assert_eq!(request_timeout(bad), None, "{bad}");
        }
        for long in ["1234567890", "0.1234567890", "99999999999999999999999999s"] {
            assert_eq!(request_timeout(long), None, "{long}");
        }
    }

    #[test]
    fn wishes_are_capped_and_the_smaller_wins() {
        let deadlines =
            Deadlines { asked: true, unary: Duration::from_secs(15), most: Some(Duration::from_mins(1)) };
        let of = |lines: &[(&'static str, &'static str)], stream| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            deadlines
                .of(&headers, stream, None)
                .map(|time| time.map(|time| time.as_secs()))
                .map_err(|problem| problem.http)
        };
        assert_eq!(of(&[], false), Ok(Some(15)));
        assert_eq!(of(&[], true), Ok(None));
        assert_eq!(of(&[("grpc-timeout", "5S"), ("x-request-timeout", "9")], true), Ok(Some(5)));
        assert_eq!(of(&[("x-request-timeout", "999")], false), Ok(Some(60)));
        assert_eq!(of(&[("grpc-timeout", "99999999H")], false), Ok(Some(60)));
        for bad in [
            ("grpc-timeout", "5"),
            ("grpc-timeout", "999999999S"),
            ("grpc-timeout", "-1S"),
            ("x-request-timeout", "-1"),
        ] {
            assert_eq!(of(&[bad], false), Err(http::StatusCode::BAD_REQUEST), "{bad:?}");
        }
        let twice = [("x-request-timeout", "1"), ("x-request-timeout", "2")];
        assert_eq!(of(&twice, false), Err(http::StatusCode::BAD_REQUEST));
    }
}
