//! The layouts `pretty`, `grid` and `simple` of Python's tabulate 0.9, as far as the former clients use them.

mod number;

use number::Kind;

/// Room that `simple` and `grid` leave in a column beside its heading.
const HEADING_ROOM: usize = 2;

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
    Center,
}

/// Everything centred in a frame; cells may have several lines.
pub(crate) fn pretty(headings: &[&str], rows: &[Vec<String>]) -> String {
    let text = headings.iter().any(|text| is_multiline(text))
        || rows.iter().flatten().any(|text| is_multiline(text));
    let mut columns: Vec<Vec<String>> = transpose(headings.len(), rows);
    for column in &mut columns {
        for cell in column {
            *cell = cell.trim().to_owned();
        }
    }
    let widths: Vec<usize> =
        columns.iter().zip(headings).map(|(column, heading)| width(column).max(width(&[*heading]))).collect();
    let rule = rule("+", "-", &widths);
    let mut lines = vec![rule.clone()];
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    frame(&mut lines, &headings, &widths, &vec![Align::Center; widths.len()], text);
    lines.push(rule.clone());
    for index in 0..rows.len() {
        let row: Vec<String> = columns.iter().map(|column| column[index].clone()).collect();
        frame(&mut lines, &row, &widths, &vec![Align::Center; widths.len()], text);
    }
    lines.push(rule);
    lines.join("\n")
}

/// Rows in a frame with lines between them and no heading; columns of numbers are aligned at the point.
pub(crate) fn grid(rows: &[Vec<String>]) -> String {
    let text = rows.iter().flatten().any(|text| is_multiline(text));
    let count = rows.first().map_or(0, Vec::len);
    let cells: Vec<Vec<Option<String>>> =
        transpose(count, rows).into_iter().map(|column| column.into_iter().map(Some).collect()).collect();
    let (columns, aligns): (Vec<_>, Vec<_>) = cells.iter().map(|column| format(column)).unzip();
    let widths: Vec<usize> = columns.iter().map(|column: &Vec<String>| width(column)).collect();
    let rule = rule("+", "-", &widths);
    let mut lines = vec![rule.clone()];
    for index in 0..rows.len() {
        let row: Vec<String> = columns.iter().map(|column| column[index].clone()).collect();
        frame(&mut lines, &row, &widths, &aligns, text);
        lines.push(rule.clone());
    }
    lines.join("\n")
}

/// Columns under a line of dashes; columns of numbers are aligned at the point. `None` is an empty cell.
pub(crate) fn simple(headings: &[&str], rows: &[Vec<Option<String>>]) -> String {
    let cells: Vec<Vec<Option<String>>> = transpose(headings.len(), rows);
    let (columns, aligns): (Vec<_>, Vec<_>) = cells.iter().map(|column| format(column)).unzip();
    let widths: Vec<usize> = columns
        .iter()
        .zip(headings)
        .map(|(column, heading): (&Vec<String>, _)| width(column).max(width(&[*heading]) + HEADING_ROOM))
        .collect();
    let line = |cells: Vec<String>| cells.join("  ").trim_end().to_owned();
    let row = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).zip(&aligns).map(|((cell, &width), &align)| pad(cell, width, align));
        line(padded.collect())
    };
    let mut lines = vec![
        row(&mut headings.iter().copied()),
        line(widths.iter().map(|&width| "-".repeat(width)).collect()),
    ];
    for index in 0..rows.len() {
        lines.push(row(&mut columns.iter().map(|column| column[index].as_str())));
    }
    lines.join("\n")
}

/// Cells as they are shown, numbers formatted anew where the whole column is numbers, and how they are aligned.
fn format(column: &[Option<String>]) -> (Vec<String>, Align) {
    let kind = Kind::of(column.iter().flatten().map(String::as_str));
    let cells = column.iter().map(|cell| cell.as_deref().map_or_else(String::new, |cell| kind.format(cell)));
    if kind == Kind::Text {
        return (cells.map(|cell| cell.trim().to_owned()).collect(), Align::Left);
    }
    (number::align(cells.collect()), Align::Right)
}

/// One row, on as many lines as its highest cell has.
fn frame(lines: &mut Vec<String>, row: &[String], widths: &[usize], aligns: &[Align], multiline: bool) {
    let cells: Vec<Vec<&str>> =
        row.iter().map(|cell| if multiline { split(cell) } else { vec![&**cell] }).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for index in 0..height {
        let padded = cells.iter().zip(widths).zip(aligns).map(|((cell, &width), &align)| {
            format!(" {} ", pad(cell.get(index).copied().unwrap_or_default(), width, align))
        });
        lines.push(format!("|{}|", padded.collect::<Vec<_>>().join("|")));
    }
}

fn rule(corner: &str, fill: &str, widths: &[usize]) -> String {
    let parts: Vec<String> = widths.iter().map(|width| fill.repeat(width + 2)).collect();
    format!("{corner}{}{corner}", parts.join(corner))
}

fn pad(cell: &str, width: usize, align: Align) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
        Align::Center => format!("{cell:^width$}"),
    }
}

fn transpose<T: Clone>(count: usize, rows: &[Vec<T>]) -> Vec<Vec<T>> {
    (0..count).map(|index| rows.iter().filter_map(|row| row.get(index).cloned()).collect()).collect()
}

fn is_multiline(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

fn width<S: AsRef<str>>(cells: &[S]) -> usize {
    let lines = cells.iter().flat_map(|cell| cell.as_ref().split(['\n', '\r']));
    lines.map(|line| line.chars().count()).max().unwrap_or_default()
}

/// Lines as Python's `str.splitlines` finds them.
fn split(text: &str) -> Vec<&str> {
    let ends = ['\n', '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        lines.push(&rest[..at]);
        let end = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests;
