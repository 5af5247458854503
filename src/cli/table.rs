//! Aligned tables for people. Every cell passes the border for outside text.

use unicode_width::UnicodeWidthStr;

use super::output::{Paint, Tone};
use crate::model::visible;

/// Longest cell.
const CELL: usize = 120;

/// A table under construction.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self {
            header: header
                .iter()
                .map(|cell| visible(cell, CELL).into_owned())
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of plain cells, the first in a tone.
    pub(super) fn row(&mut self, tone: Tone, cells: &[&str]) {
        let cells = cells.iter().enumerate().map(|(column, cell)| {
            let tone = if column == 0 { tone } else { Tone::Plain };
            (tone, visible(cell, CELL).into_owned())
        });
        self.rows.push(cells.collect());
    }

    /// The table, a line per row, without a last line end; nothing trails.
    pub(super) fn render(&self, paint: Paint) -> String {
        let mut widths: Vec<usize> = self.header.iter().map(|cell| cell.width()).collect();
        for row in &self.rows {
            for (width, (_, cell)) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let line = |cells: Vec<(Tone, &str)>| {
            let mut out = String::new();
            let mut missing = 0;
            for ((tone, cell), width) in cells.iter().zip(&widths) {
                if !cell.is_empty() {
                    out.extend(std::iter::repeat_n(' ', missing));
                    missing = 0;
                    out.push_str(&paint.paint(*tone, cell));
                }
                missing += width - cell.width() + 2;
            }
            out
        };
        let header = self.header.iter().map(|cell| (Tone::Strong, cell.as_str()));
        let mut lines = vec![line(header.collect())];
        for row in &self.rows {
            lines.push(line(
                row.iter()
                    .map(|(tone, cell)| (*tone, cell.as_str()))
                    .collect(),
            ));
        }
        lines.join("\n")
    }
}
