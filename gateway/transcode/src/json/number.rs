//! JSON numbers: exact integers in every spelling that denotes one, and exactly rounded floating point.

#[cfg(test)]
mod tests;

use super::{Scan, Scanner};

impl<'i> Scanner<'i> {
    /// A number as it stands, checked against the grammar of RFC 8259.
    pub(crate) fn number(&mut self) -> Scan<&'i str> {
        let start = self.position();
        self.eat(b"-");
        match self.peek() {
            b'0' => self.step(1),
            b'1'..=b'9' => self.digits(),
            _ => return Err(self.unexpected("a digit")),
        }
        if self.peek().is_ascii_digit() {
            return Err(self.unexpected("no digit after a leading zero"));
        }
        if self.eat(b".") {
            self.some_digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.step(1);
            if matches!(self.peek(), b'+' | b'-') {
                self.step(1);
            }
            self.some_digits()?;
        }
        Ok(self.slice(start, self.position()))
    }

    fn digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.step(1);
        }
    }

    fn some_digits(&mut self) -> Scan<()> {
        if !self.peek().is_ascii_digit() {
            return Err(self.unexpected("a digit"));
        }
        self.digits();
        Ok(())
    }

    /// A short plain integer at the position, stepped over; nothing (and no step) for every other spelling.
    #[inline]
    pub(crate) fn plain_integer(&mut self) -> Option<i64> {
        let rest = self.rest();
        let (negative, digits) = match rest {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (value, len) = leading_digits(digits, 0);
        let leading_zero = len > 1 && digits.first() == Some(&b'0');
        if len == 0 || len > 18 || leading_zero || matches!(digits.get(len), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.step(usize::from(negative) + len);
        let value = value.cast_signed();
        Some(if negative { -value } else { value })
    }

    /// As [`Self::plain_integer`], in quotes.
    #[inline]
    pub(crate) fn quoted_integer(&mut self) -> Option<i64> {
        let start = self.ahead.clone();
        self.step(1);
        let value = self.plain_integer().filter(|_| self.peek() == b'"');
        if value.is_some() {
            self.step(1);
        } else {
            self.ahead = start;
        }
        value
    }

    /// A decimal of few digits without exponent, stepped over: its digits as an integer, with the sign apart, and how
    /// many of them stand after the point. Nothing (and no step) for every other spelling.
    #[inline]
    pub(crate) fn plain_decimal(&mut self) -> Option<Decimal> {
        let rest = self.rest();
        let (negative, digits) = match rest {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (whole, len) = leading_digits(digits, 0);
        if len == 0 || (len > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        let (mut value, mut scale, mut end) = (whole, 0, len);
        if digits.get(len) == Some(&b'.') {
            (value, scale) = leading_digits(digits.get(len + 1..)?, whole);
            end = len + 1 + scale;
            if scale == 0 {
                return None;
            }
        }
        if len + scale > 18 || matches!(digits.get(end), Some(b'e' | b'E')) {
            return None;
        }
        self.step(usize::from(negative) + end);
        Some(Decimal { negative, digits: value, scale })
    }
}

/// A short decimal: `digits` divided by ten to the power of `scale`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal {
    negative: bool,
    digits: u64,
    scale: usize,
}

impl Decimal {
    /// The nearest double, where one division of two exact doubles gives it (W. D. Clinger, 1990).
    #[inline]
    #[allow(clippy::cast_precision_loss, reason = "checked to be exact")]
    pub(crate) fn double(self) -> Option<f64> {
        const POWERS: [f64; 19] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
            1e18,
        ];
        let power = POWERS.get(self.scale).filter(|_| self.digits <= 1 << 53)?;
        let value = self.digits as f64 / power;
        Some(if self.negative { -value } else { value })
    }

    /// The nearest single, likewise.
    #[inline]
    #[allow(clippy::cast_precision_loss, reason = "checked to be exact")]
    pub(crate) fn single(self) -> Option<f32> {
        const POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];
        let power = POWERS.get(self.scale).filter(|_| self.digits <= 1 << 24)?;
        let value = self.digits as f32 / power;
        Some(if self.negative { -value } else { value })
    }
}

/// `before` with the digits at the front of `bytes` behind its own, and how many there are; wrong beyond 19 in all.
#[inline]
fn leading_digits(bytes: &[u8], before: u64) -> (u64, usize) {
    let (mut value, mut len) = (before, 0);
    while let Some(digit) = bytes.get(len).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        len += 1;
    }
    (value, len)
}

/// The integer that a number of JSON's grammar denotes, `1.0` and `1e3` included; nothing when it is not an integer
/// or is beyond 64 bits either way.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0');
    let kept = significant.trim_end_matches('0');
    if kept.is_empty() {
        return Some(0);
    }
    let exponent: i64 = exponent.parse().ok()?;
    let shift = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(i64::try_from(significant.len() - kept.len()).ok()?)?;
    let shift = u32::try_from(shift).ok().filter(|s| *s <= 20)?;
    if kept.len() + shift as usize > 20 {
        return None;
    }
    let value = kept.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(shift)?)?;
    Some(if negative { -value } else { value })
}

/// Whether the whole of `text` is one number of JSON's grammar.
pub(crate) fn is_number(text: &str) -> bool {
    let mut scanner = Scanner::of_text(text);
    scanner.number().is_ok_and(|n| n.len() == text.len())
}

/// The nearest double; nothing when it would be infinite.
pub(crate) fn double(text: &str) -> Option<f64> {
    fast_float2::parse::<f64, _>(text).ok().filter(|v| v.is_finite())
}

/// The nearest single; nothing when it would be infinite.
pub(crate) fn float(text: &str) -> Option<f32> {
    fast_float2::parse::<f32, _>(text).ok().filter(|v| v.is_finite())
}
