//! Tables without borders: columns two blanks apart, numbers to the right.

use crate::render::paint;
use unicode_width::UnicodeWidthStr;

/// How a column stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// To the left.
    Text(&'static str),
    /// To the right.
    Number(&'static str),
}

/// Between two columns.
const GAP: usize = 2;

/// Heads and rows, one line each, no blanks at the ends of lines.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let head = columns.iter().map(|column| match column {
        Column::Text(head) | Column::Number(head) => (*head).to_owned(),
    });
    let head: Vec<String> = head.collect();
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|row| row.get(i));
        cells.chain(head.get(i)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = format!("{}\n", paint::dim(line(columns, &widths, &head)));
    for row in &rows {
        text.push_str(&line(columns, &widths, row));
        text.push('\n');
    }
    text
}

fn line(columns: &[Column], widths: &[usize], cells: &[String]) -> String {
    let mut line = String::with_capacity(widths.iter().map(|width| width + GAP).sum());
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        let blanks = width.saturating_sub(cell.width());
        let before = if let Column::Number(_) = column { blanks } else { 0 };
        line.extend(std::iter::repeat_n(' ', before));
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', blanks - before + GAP));
    }
    line.truncate(line.trim_end().len());
    line
}
