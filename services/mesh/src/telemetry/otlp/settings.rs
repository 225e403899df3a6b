//! The `OTEL_*` variables that are read, by the OpenTelemetry specification.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

/// How spans are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `grpc`
    Grpc,
    /// `http/protobuf`, the default of the specification.
    HttpProtobuf,
}

/// Where spans go, and which.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// The collector; for HTTP with the path.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Headers of every export, credentials among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long one export may take.
    pub timeout: Duration,
    /// How long spans wait for others.
    pub delay: Duration,
    /// `service.name`.
    pub service: String,
    /// Other attributes of the resource.
    pub attributes: Vec<(String, String)>,
    /// The share of new traces that is recorded; what a caller has decided holds.
    pub ratio: f64,
}

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OtlpError {
    /// A variable has a value that is not one.
    #[error("{name}: {problem}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What is wrong, without the value.
        problem: &'static str,
    },
    /// The exporter cannot be made.
    #[error("span exporter: {0}")]
    Exporter(String),
    /// The process exports spans already.
    #[error("spans are exported already")]
    Twice,
}

impl Otlp {
    /// Reads the variables through `lookup`; `None` where nothing is to be exported: no endpoint, or switched off.
    pub fn read(service: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, OtlpError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let either = |own: &str, all: &str| get(own).or_else(|| get(all));
        let off = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || get("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let protocol = either("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
        let protocol = protocol_of(protocol.as_deref())?;
        let own = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let Some(endpoint) = own.or_else(|| Some(base(&get("OTEL_EXPORTER_OTLP_ENDPOINT")?, protocol)))
        else {
            return Ok(None);
        };
        if off {
            return Ok(None);
        }
        let headers = either("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS");
        let timeout = either("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT");
        let mut attributes = pairs("OTEL_RESOURCE_ATTRIBUTES", get("OTEL_RESOURCE_ATTRIBUTES").as_deref())?;
        let named = attributes.iter().position(|(name, _)| name == "service.name");
        let named = named.map(|at| attributes.remove(at).1);
        Ok(Some(Self {
            endpoint,
            protocol,
            headers: headers_of(headers.as_deref())?,
            timeout: millis("OTEL_EXPORTER_OTLP_TIMEOUT", timeout.as_deref(), 10_000)?,
            delay: millis("OTEL_BSP_SCHEDULE_DELAY", get("OTEL_BSP_SCHEDULE_DELAY").as_deref(), 5_000)?,
            service: get("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| service.to_owned()),
            attributes,
            ratio: ratio(get("OTEL_TRACES_SAMPLER").as_deref(), get("OTEL_TRACES_SAMPLER_ARG").as_deref())?,
        }))
    }

    /// Reads the variables of the process.
    pub fn from_env(service: &str) -> Result<Option<Self>, OtlpError> {
        Self::read(service, |name| std::env::var(name).ok())
    }
}

fn base(endpoint: &str, protocol: Protocol) -> String {
    match protocol {
        Protocol::Grpc => endpoint.to_owned(),
        Protocol::HttpProtobuf => format!("{}/v1/traces", endpoint.trim_end_matches('/')),
    }
}

fn protocol_of(text: Option<&str>) -> Result<Protocol, OtlpError> {
    match text {
        None | Some("http/protobuf") => Ok(Protocol::HttpProtobuf),
        Some("grpc") => Ok(Protocol::Grpc),
        Some(_) => Err(problem("OTEL_EXPORTER_OTLP_PROTOCOL", "expected grpc or http/protobuf")),
    }
}

fn problem(name: &'static str, problem: &'static str) -> OtlpError {
    OtlpError::Variable { name, problem }
}

fn millis(name: &'static str, text: Option<&str>, default: u64) -> Result<Duration, OtlpError> {
    let parsed = text.map_or(Ok(default), str::parse);
    let parsed = parsed.ok().filter(|millis| *millis > 0);
    parsed.map(Duration::from_millis).ok_or_else(|| problem(name, "expected milliseconds, at least 1"))
}

/// Comma-separated `name=value` (the W3C baggage form without properties), percent-encoded.
fn pairs(name: &'static str, text: Option<&str>) -> Result<Vec<(String, String)>, OtlpError> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        Some((key.trim().to_owned(), percent_decoded(value.trim())?))
    };
    let parts = text.unwrap_or_default().split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| pair(part).ok_or_else(|| problem(name, "expected name=value, separated by commas")))
        .collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

fn headers_of(text: Option<&str>) -> Result<Vec<(HeaderName, HeaderValue)>, OtlpError> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    let header = |(name, value): (String, String)| {
        let name = HeaderName::try_from(name).ok()?;
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    };
    let pairs = pairs(NAME, text)?.into_iter();
    pairs
        .map(|pair| header(pair).ok_or_else(|| problem(NAME, "a name or value cannot be a header")))
        .collect()
}

fn ratio(sampler: Option<&str>, argument: Option<&str>) -> Result<f64, OtlpError> {
    match sampler.map(|name| name.strip_prefix("parentbased_").unwrap_or(name)) {
        None | Some("always_on") => Ok(1.0),
        Some("always_off") => Ok(0.0),
        Some("traceidratio") => {
            let share =
                argument.map_or(Ok(1.0), str::parse::<f64>).ok().filter(|share| (0.0..=1.0).contains(share));
            share.ok_or_else(|| problem("OTEL_TRACES_SAMPLER_ARG", "expected a number from 0 to 1"))
        }
        Some(_) => Err(problem(
            "OTEL_TRACES_SAMPLER",
            "expected always_on, always_off or traceidratio, or parentbased_ of one",
        )),
    }
}

#[cfg(test)]
mod tests {
    //! Variables, good and bad.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Otlp>, OtlpError> {
        Otlp::read("jobs", |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[test]
    fn without_an_endpoint_or_switched_off_there_is_nothing() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(None));
        assert_eq!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]), Ok(None));
        assert_eq!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
    }

    #[test]
    fn defaults_are_those_of_the_specification() {
        let otlp = read(&[ENDPOINT]).unwrap().unwrap();
        assert_eq!(otlp.endpoint, "http://collector:4318/v1/traces");
        assert_eq!((otlp.protocol, otlp.service.as_str()), (Protocol::HttpProtobuf, "jobs"));
        assert_eq!((otlp.timeout.as_secs(), otlp.delay.as_secs()), (10, 5));
        assert!(otlp.ratio > 0.99);
    }

    #[test]
    fn everything_can_be_set() {
        let otlp = read(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc, x-a=b"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        let otlp = otlp.unwrap().unwrap();
        assert_eq!((otlp.endpoint.as_str(), otlp.protocol), ("http://traces:4317", Protocol::Grpc));
        assert_eq!(otlp.headers[0].1, "Basic abc");
        assert!(!format!("{otlp:?}").contains("Basic"), "headers are credentials");
        assert_eq!(otlp.service, "other");
        assert_eq!(otlp.attributes, [("deployment.environment.name".into(), "test".into())]);
        assert!((otlp.ratio - 0.25).abs() < 1e-9);
    }

    #[test]
    fn mistakes_name_their_variable_and_not_its_value() {
        let mistakes = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
        ];
        for (name, value) in mistakes {
            let text = read(&[ENDPOINT, (name, value)]).unwrap_err().to_string();
            assert!(text.starts_with(name) && !text.contains(&format!(": {value}")), "{text}");
        }
    }
}
