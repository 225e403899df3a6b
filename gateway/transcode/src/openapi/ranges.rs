//! Patterns of decimal integers within a range: JSON Schema has bounds for numbers, not for numbers in strings.

/// Decimal integers from `-low` to `high`, each given by its digits; not negative when `low` is empty.
pub(super) fn integers(low: &str, high: &str) -> String {
    if low.is_empty() {
        return format!("^{}$", up_to(high));
    }
    // the limits differ in their last digit only, as those of two's complement do
    format!("^(?:-?{}|-{low})$", up_to(high))
}

/// A group that matches the integers from 0 to the one with these digits, without leading zeros.
fn up_to(digits: &str) -> String {
    let bytes = digits.as_bytes();
    let mut parts = vec!["0".to_owned()];
    if let Some(more) = bytes.len().checked_sub(2) {
        parts.push(format!("[1-9]{}", any_digits_up_to(more)));
    }
    for (at, digit) in bytes.iter().enumerate() {
        let first = if at == 0 { b'1' } else { b'0' };
        if *digit > first {
            let class = class(first, digit - 1);
            let head = digits.get(..at).unwrap_or_default();
            parts.push(format!("{head}{class}{}", any_digits(bytes.len() - at - 1)));
        }
    }
    parts.push(digits.to_owned());
    format!("(?:{})", parts.join("|"))
}

fn class(from: u8, to: u8) -> String {
    if from == to {
        char::from(from).to_string()
    } else {
        format!("[{}-{}]", char::from(from), char::from(to))
    }
}

fn any_digits(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        n => format!("[0-9]{{{n}}}"),
    }
}

fn any_digits_up_to(count: usize) -> String {
    if count == 0 { String::new() } else { format!("[0-9]{{0,{count}}}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_the_range_digit_by_digit() {
        assert_eq!(integers("", "9"), "^(?:0|[1-8]|9)$");
        assert_eq!(integers("128", "127"), "^(?:-?(?:0|[1-9][0-9]{0,1}|1[0-1][0-9]|12[0-6]|127)|-128)$");
    }
}
