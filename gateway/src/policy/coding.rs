//! Content codings, and which of them a client takes (RFC 9110, 8.4.1 and 12.5.3).

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderValue};

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip` (RFC 1952).
    Gzip,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878), with windows of at most 8 MiB (RFC 9659).
    Zstd,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The coding of a name in a header.
    pub(super) fn named(name: &str) -> Option<Self> {
        // an old name of the same (RFC 9110, 8.4.1.3)
        let name = if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name };
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name()))
    }
}

/// The coding that a client likes best; of those that it likes alike, the one that stands first in `offered`. None
/// where it likes its answer as it is.
pub(super) fn choose(headers: &HeaderMap, offered: &[Coding]) -> Option<Coding> {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return None;
    }
    let (mut best, mut quality) = (None, 0);
    for coding in offered {
        let wish = wish(headers, *coding);
        if wish > quality {
            (best, quality) = (Some(*coding), wish);
        }
    }
    best
}

/// How much a client likes a coding, in thousandths.
fn wish(headers: &HeaderMap, coding: Coding) -> u16 {
    let (mut named, mut any) = (None, None);
    let texts = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    for element in texts.flat_map(|text| text.split(',')) {
        let (name, parameter) = element.split_once(';').unwrap_or((element, ""));
        let quality = quality(parameter);
        match name.trim() {
            "*" => any = any.or(Some(quality)),
            name if Coding::named(name) == Some(coding) => named = named.or(Some(quality)),
            _ => {}
        }
    }
    named.or(any).unwrap_or(0)
}

/// A weight in thousandths (RFC 9110, 12.4.2). What is not one counts as zero: nobody gets a coding by a mistake.
fn quality(parameter: &str) -> u16 {
    let parameter = parameter.trim();
    if parameter.is_empty() {
        return 1000;
    }
    let Some(weight) = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")) else {
        return 0;
    };
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let thousandths = format_args!("{fraction:0<3}").to_string().parse().unwrap_or(0);
    match whole {
        "0" => thousandths,
        "1" if thousandths == 0 => 1000,
        _ => 0,
    }
}

/// What a request that is refused for its coding is told (RFC 9110, 15.5.16).
pub(super) fn list(codings: &[Coding]) -> HeaderValue {
    let names: Vec<&str> = codings.iter().map(|coding| coding.name()).collect();
    let text = if names.is_empty() { "identity".to_owned() } else { names.join(", ") };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("identity"))
}

#[cfg(test)]
mod tests {
    //! Lists that clients send, and those that no client should.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::Coding::{Brotli, Gzip, Zstd};
    use super::*;

    fn chosen(lines: &[&str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        choose(&headers, &Coding::ALL)
    }

    #[test]
    fn the_clients_order_comes_before_ours() {
        let cases: [(&[&str], Option<Coding>); 20] = [
            (&[], None),
            (&[""], None),
            (&["identity"], None),
            (&["gzip"], Some(Gzip)),
            (&["X-GZIP"], Some(Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Zstd)),
            (&["gzip, deflate, br"], Some(Brotli)),
            (&["gzip", "br"], Some(Brotli)),
            (&["gzip;q=1.0, br;q=0.9, zstd;q=0.001"], Some(Gzip)),
            (&["zstd;q=0, br;q=0.000, gzip;q=0.001"], Some(Gzip)),
            (&["*"], Some(Zstd)),
            (&["*;q=0.5, gzip;q=0.7"], Some(Gzip)),
            (&["zstd;q=0, *"], Some(Brotli)),
            (&["*;q=0"], None),
            (&["gzip;q=1.001"], None),
            (&["gzip;q=-1"], None),
            (&["gzip;q=0.1234"], None),
            (&["gzip;q=nan"], None),
            (&["gzip;level=9"], None),
            (&["gz\u{e9}ip, br;q=2"], None),
        ];
        for (lines, coding) in cases {
            assert_eq!(chosen(lines), coding, "{lines:?}");
        }
    }
}
