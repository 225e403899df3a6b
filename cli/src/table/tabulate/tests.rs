//! Compared with what tabulate has printed; the whole tables of the commands are in `tests/`.

use super::*;

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[test]
fn cells_may_have_several_lines() {
    let expected = "\
+-----------+----------+---+
| Job name: | Command: | S |
+-----------+----------+---+
|    j1     |    a     |   |
|           |  bbb c   |   |
|           |          |   |
|           |    x     |   |
+-----------+----------+---+";
    assert_eq!(pretty(&["Job name:", "Command:", "S"], &[row(&["j1", "a\nbbb c\n\nx", ""])]), expected);
}

#[test]
fn no_rows_leave_the_headings() {
    let expected = "+-----------+-----------+\n| shortname | imagename |\n+-----------+-----------+\n+-----------+-----------+";
    assert_eq!(pretty(&["shortname", "imagename"], &[]), expected);
}

#[test]
fn a_grid_strips_cells_and_aligns_numbers_at_the_point() {
    let rows = [row(&["a", "x\nyy"]), row(&["bb", "3"]), row(&["c", ""]), row(&["d", "  lead"])];
    let expected = "\
+----+------+
| a  | x    |
|    | yy   |
+----+------+
| bb | 3    |
+----+------+
| c  |      |
+----+------+
| d  | lead |
+----+------+";
    assert_eq!(grid(&rows), expected);
    let rows = [row(&["a", "1"]), row(&["bb", "3"]), row(&["c", "10.5"]), row(&["d", "1e3"])];
    let expected = "\
+----+--------+
| a  |    1   |
+----+--------+
| bb |    3   |
+----+--------+
| c  |   10.5 |
+----+--------+
| d  | 1000   |
+----+--------+";
    assert_eq!(grid(&rows), expected);
}

#[test]
fn simple_tables_align_numbers_and_leave_missing_cells_empty() {
    let cells = |cells: &[Option<&str>]| cells.iter().map(|cell| cell.map(str::to_owned)).collect::<Vec<_>>();
    let rows =
        [cells(&[Some("a"), Some("-1")]), cells(&[Some("bb"), Some("2.5")]), cells(&[Some("c"), None])];
    assert_eq!(simple(&["x", "yyyy"], &rows), "x      yyyy\n---  ------\na      -1\nbb      2.5\nc");
    let rows = [cells(&[Some("a"), Some("")]), cells(&[Some("bb"), Some("2")])];
    assert_eq!(simple(&["x", "yyyy"], &rows), "x    yyyy\n---  ------\na\nbb   2");
    let rows = [cells(&[Some("a"), Some("1_000")]), cells(&[Some("bb"), Some("2")])];
    assert_eq!(simple(&["x", "yyyy"], &rows), "x      yyyy\n---  ------\na     1_000\nbb        2");
}

#[test]
fn wide_and_hostile_characters_do_not_panic() {
    for text in ["\u{2028}", "\r\n", "ü𝄞\u{1b}[2J", "\n\n\n", "\u{85}x"] {
        assert!(!pretty(&["h"], &[row(&[text])]).is_empty());
        assert!(!grid(&[row(&[text])]).is_empty());
    }
}
