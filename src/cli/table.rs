//! Aligned tables for people. Every cell passes the border for outside text.

use unicode_width::UnicodeWidthStr;

use super::output::{self, Paint, Tone};
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
        if output::are_only_lines() {
            return self.spoken();
        }
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

    /// For somebody who listens: every value with its name beside it, nothing that is empty, no alignment.
    fn spoken(&self) -> String {
        let mut lines = Vec::new();
        if let [name, value] = self.header.as_slice() {
            lines.push(format!("{}: {value}", name.to_lowercase()));
        }
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(|(_, cell)| cell.as_str()).collect();
            lines.push(match cells.as_slice() {
                ["", value] => (*value).to_owned(),
                [name, value] => format!("{name}: {value}"),
                cells => {
                    let named = self.header.iter().zip(cells).enumerate();
                    let named = named.filter(|(_, (_, cell))| !cell.is_empty());
                    let said = named.map(|(column, (name, cell))| match column {
                        0 => (*cell).to_owned(),
                        _ => format!("{} {cell}", name.to_lowercase()),
                    });
                    said.collect::<Vec<_>>().join(", ")
                }
            });
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_who_listens_hears_every_value_with_its_name() {
        let mut table = Table::new(&["ST", "WORKLOAD", "ERR", "TTFT"]);
        table.row(Tone::Bad, &["x FL", "support-chat", "52%", ""]);
        table.row(Tone::Good, &["+ OK", "a\u{1b}[2J", "", "0.2s"]);
        assert_eq!(
            table.spoken(),
            "x FL, workload support-chat, err 52%\n+ OK, workload a\u{241b}[2J, ttft 0.2s"
        );
        let mut table = Table::new(&["WORKLOAD", "support-chat"]);
        table.row(Tone::Plain, &["state", "x FL"]);
        table.row(Tone::Plain, &["", "and why"]);
        assert_eq!(
            table.spoken(),
            "workload: support-chat\nstate: x FL\nand why"
        );
    }
}
