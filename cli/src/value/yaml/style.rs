//! How a string may be written: plain where YAML 1.1 reads it as the same string, else quoted.

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes, with escapes.
    Double,
}

/// Breaks of a line, but for carriage returns.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The style of a string; a key stays on one line.
pub(super) fn style(text: &str, is_key: bool) -> Style {
    let chars: Vec<char> = text.chars().collect();
    let (needs_quotes, needs_escapes) = (needs_quotes(&chars), needs_escapes(&chars));
    if !needs_quotes && !needs_escapes && !is_other_type(text) {
        Style::Plain
    } else if needs_escapes || (is_key && text.contains(is_break)) {
        Style::Double
    } else {
        Style::Single
    }
}

/// Characters that are not ASCII text, spaces in front of a break, or behind one.
fn needs_escapes(chars: &[char]) -> bool {
    let special = |c: &char| !(*c == '\n' || (' '..='~').contains(c));
    let beside_break =
        |pair: &[char]| (pair[0] == ' ' && is_break(pair[1])) || (is_break(pair[0]) && pair[1] == ' ');
    chars.iter().any(special) || chars.windows(2).any(beside_break)
}

/// Empty, white space at an end, breaks, and characters that mean something where they stand.
fn needs_quotes(chars: &[char]) -> bool {
    let (Some(first), Some(last)) = (chars.first(), chars.last()) else { return true };
    let is_edge = |c: &char| *c == ' ' || is_break(*c);
    let is_document = chars.starts_with(&['-', '-', '-']) || chars.starts_with(&['.', '.', '.']);
    let has_break = chars.iter().any(|c| is_break(*c));
    if is_edge(first) || is_edge(last) || is_document || has_break {
        return true;
    }
    let is_blank = |c: Option<&char>| c.is_none_or(|c| is_break(*c) || matches!(c, '\0' | ' ' | '\t' | '\r'));
    if "#,[]{}&*!|>'\"%@`".contains(*first) || (matches!(first, '?' | ':' | '-') && is_blank(chars.get(1))) {
        return true;
    }
    let means = |at: usize| match chars[at] {
        ':' => is_blank(chars.get(at + 1)),
        '#' => is_blank(chars.get(at - 1)),
        _ => false,
    };
    (1..chars.len()).any(means)
}

/// Whether YAML 1.1 reads the plain text as something else than a string.
fn is_other_type(text: &str) -> bool {
    const WORDS: &[&str] = &["", "~", "null", "<<", "=", "yes", "no", "true", "false", "on", "off"];
    let word = match text {
        _ if text.chars().all(|c| c.is_ascii_uppercase()) => text.to_ascii_lowercase(),
        _ if text.chars().skip(1).all(|c| c.is_ascii_lowercase()) => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    };
    WORDS.contains(&word.as_str()) || is_int(text) || is_float(text) || is_timestamp(text)
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn all(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(fits)
}

fn is_digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// Whole numbers in four bases, and in base 60.
fn is_int(text: &str) -> bool {
    let text = unsigned(text);
    if let Some(digits) = text.strip_prefix("0b") {
        return all(digits, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(digits) = text.strip_prefix('0') {
        return digits.is_empty() || all(digits, |b| matches!(b, b'0'..=b'7' | b'_'));
    }
    text.starts_with(|c: char| c.is_ascii_digit()) && (all(text, is_digit_or_line) || is_sexagesimal(text))
}

/// Digits, then one or more of a colon and a number below 60.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    let is_part = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && all(first, is_digit_or_line)
        && rest.peek().is_some()
        && rest.all(is_part)
}

/// Numbers with a point; the exponent needs a sign.
fn is_float(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    let (digits, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    let has_exponent =
        exponent.is_none_or(|text| text.starts_with(['+', '-']) && all(&text[1..], |b| b.is_ascii_digit()));
    let fraction_fits = digits.bytes().all(is_digit_or_line) && has_exponent;
    let starts_with_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if whole.is_empty() {
        return fraction_fits && number == text && starts_with_digit(digits);
    }
    fraction_fits
        && starts_with_digit(whole)
        && (all(whole, is_digit_or_line) || (exponent.is_none() && is_sexagesimal(whole)))
}

/// A date, or a date and a time.
fn is_timestamp(text: &str) -> bool {
    let mut rest = text;
    let digits = |least: usize, most: usize, rest: &mut &str| {
        let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        *rest = &rest[count..];
        count >= least
    };
    let skip = |c: char, rest: &mut &str| rest.strip_prefix(c).map(|after| *rest = after).is_some();
    let day =
        digits(4, 4, &mut rest) && skip('-', &mut rest) && digits(1, 2, &mut rest) && skip('-', &mut rest);
    if !day || !digits(1, 2, &mut rest) {
        return false;
    }
    if rest.is_empty() {
        return text.len() == 10;
    }
    let time = rest.trim_start_matches([' ', '\t']);
    if time.len() == rest.len() && !skip('T', &mut rest) && !skip('t', &mut rest) {
        return false;
    }
    rest = rest.trim_start_matches([' ', '\t']);
    let clock = digits(1, 2, &mut rest)
        && skip(':', &mut rest)
        && digits(2, 2, &mut rest)
        && skip(':', &mut rest)
        && digits(2, 2, &mut rest);
    if clock && skip('.', &mut rest) {
        digits(0, usize::MAX, &mut rest);
    }
    let zone = rest.trim_start_matches([' ', '\t']);
    clock && (rest.is_empty() || is_zone(zone))
}

fn is_zone(zone: &str) -> bool {
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return zone == "Z" };
    let two = |text: &str| text.len() == 2 && all(text, |b| b.is_ascii_digit());
    match offset.split_once(':') {
        Some((hours, minutes)) => {
            (two(hours) || (hours.len() == 1 && all(hours, |b| b.is_ascii_digit()))) && two(minutes)
        }
        None => two(offset) || (offset.len() == 1 && all(offset, |b| b.is_ascii_digit())),
    }
}
