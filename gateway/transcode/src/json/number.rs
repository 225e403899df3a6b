//! JSON numbers: exact integers in every spelling that denotes one, and exactly rounded floating point.

#[cfg(test)]
mod tests;

use super::{Scan, Scanner};

impl<'i> Scanner<'i> {
    /// A number as it stands, checked against the grammar of RFC 8259.
    pub(crate) fn number(&mut self) -> Scan<&'i str> {
        let start = self.pos;
        self.eat(b"-");
        match self.peek() {
            b'0' => self.pos += 1,
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
            self.pos += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.pos += 1;
            }
            self.some_digits()?;
        }
        Ok(self.slice(start, self.pos))
    }

    fn digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.pos += 1;
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
        let negative = rest.first() == Some(&b'-');
        let digits = rest.get(usize::from(negative)..)?;
        let mut value = 0_i64;
        let mut len = 0;
        while let Some(digit) = digits.get(len).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
            if len == 18 {
                return None;
            }
            value = value * 10 + i64::from(digit);
            len += 1;
        }
        let plain = len > 0
            && (len == 1 || digits.first() != Some(&b'0'))
            && !matches!(digits.get(len), Some(b'.' | b'e' | b'E'));
        if !plain {
            return None;
        }
        self.pos += usize::from(negative) + len;
        Some(if negative { -value } else { value })
    }
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
