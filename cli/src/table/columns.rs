//! Columns without borders, headings in capitals, as `kubectl` prints them.

/// Lays out a heading and rows; every row has as many cells as the heading. Without rows there is no heading either.
pub(crate) fn columns(headings: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let lines: Vec<String> = std::iter::once(&headings).chain(&rows).map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    cells.join("   ").trim_end().to_owned()
}

/// A cell on one line, without control characters: a row stays a row.
fn one_line(cell: &str) -> String {
    let text: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_empty() { "-".into() } else { text }
}

#[cfg(test)]
mod tests {
    //! Widths, and what would break a row.

    use super::columns;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".into(), "running".into()], vec!["longer".into(), String::new()]];
        assert_eq!(columns(&["NAME", "STATUS"], &rows), "NAME     STATUS\na        running\nlonger   -");
    }

    #[test]
    fn a_cell_stays_on_its_line() {
        assert_eq!(columns(&["C"], &[vec!["a\nb\x1b[2J".into()]]), "C\na b [2J");
    }

    #[test]
    fn nothing_has_no_heading() {
        assert_eq!(columns(&["NAME"], &[]), "");
    }
}
