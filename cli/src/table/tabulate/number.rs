//! Which cells tabulate takes for numbers, and how it prints them.

/// What all cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// No cell says anything else.
    Nothing,
    /// Whole numbers.
    Whole,
    /// Numbers.
    Number,
    /// Anything.
    Text,
}

impl Kind {
    /// The kind that all of them fit.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let kind = cells.map(Self::of_one).max().unwrap_or(Self::Nothing);
        if kind == Self::Nothing { Self::Text } else { kind }
    }

    fn of_one(cell: &str) -> Self {
        if cell == "True" || cell == "False" {
            Self::Text
        } else if is_whole(cell) {
            Self::Whole
        } else if number(cell).is_some() {
            Self::Number
        } else {
            Self::Text
        }
    }

    /// A cell in a column of this kind: in columns of numbers that are not all whole, six digits that count (`%g`).
    pub(super) fn format(self, cell: &str) -> String {
        match (self, number(cell)) {
            (Self::Number, Some(value)) => general(value),
            _ => cell.to_owned(),
        }
    }
}

/// Fills up behind the point, so that points are under each other when cells are aligned to the right.
pub(super) fn align(cells: Vec<String>) -> Vec<String> {
    let decimals: Vec<usize> = cells.iter().map(|cell| behind_point(cell)).collect();
    let most = decimals.iter().copied().max().unwrap_or_default();
    cells.into_iter().zip(decimals).map(|(cell, own)| cell + &" ".repeat(most - own)).collect()
}

/// Characters behind and with the point, or behind and with the `e`.
fn behind_point(cell: &str) -> usize {
    if is_whole(cell) || number(cell).is_none() {
        return 0;
    }
    let at = cell.rfind('.').or_else(|| cell.to_lowercase().rfind('e'));
    at.map_or(0, |at| cell.len() - at)
}

/// What Python's `int` takes: white space around it, a sign, digits with single underscores between them.
fn is_whole(cell: &str) -> bool {
    let cell = cell.trim();
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    !digits.is_empty()
        && digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// What Python's `float` takes, without infinities: they are text in practice.
fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    let plain = cell.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if !plain || cell.is_empty() {
        return None;
    }
    cell.parse().ok().filter(|value: &f64| value.is_finite())
}

/// C's `%g`: six digits that count, no zeros at the end, an exponent where it is below -4 or above 5.
fn general(value: f64) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    let scientific = format!("{value:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or_default();
        return without_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(digits), exponent.abs())
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    //! Numbers as Python prints them.

    use super::*;

    #[test]
    fn six_digits_count() {
        let shown = [
            0.0,
            16.0,
            0.25,
            3.125,
            1_234_567.0,
            123_456.0,
            0.000_012_34,
            0.000_123_4,
            1e100,
            -2.5,
            2.0 / 3.0,
        ];
        let expected = [
            "0",
            "16",
            "0.25",
            "3.125",
            "1.23457e+06",
            "123456",
            "1.234e-05",
            "0.0001234",
            "1e+100",
            "-2.5",
            "0.666667",
        ];
        assert_eq!(shown.map(general), expected);
    }

    #[test]
    fn kinds_of_columns() {
        let kind = |cells: &[&str]| Kind::of(cells.iter().copied());
        assert_eq!(kind(&["3", "50"]), Kind::Whole);
        assert_eq!(kind(&["3", "0.5"]), Kind::Number);
        assert_eq!(kind(&["3", "8Gi"]), Kind::Text);
        assert_eq!(kind(&[]), Kind::Text);
        assert_eq!(kind(&["inf", "1"]), Kind::Text);
        assert_eq!(kind(&[" 1_000 ", "+3"]), Kind::Whole);
        assert_eq!(kind(&["1__0"]), Kind::Text);
    }
}
