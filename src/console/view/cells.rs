//! A row of a table whose columns stand in fixed places: the last one takes what is left.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::console::theme::Role;

/// Title and width, from left to right.
pub(super) type Columns = &'static [(&'static str, u16)];

/// Writes a row from a column on; `text` answers what stands in the column of a title.
pub(super) fn cells(
    pen: &mut Pen<'_>,
    area: Rect,
    from: u16,
    columns: Columns,
    text: impl Fn(&str) -> (String, Role),
) {
    let mut at = from;
    for (index, (title, width)) in columns.iter().enumerate() {
        let last = index + 1 == columns.len();
        let width = if last {
            area.width.saturating_sub(at)
        } else {
            *width
        };
        let (text, role) = text(title);
        pen.cell(area, at, width, &text, role);
        at += width + 1;
    }
}

/// The heads of the columns.
pub(super) fn heads(pen: &mut Pen<'_>, area: Rect, from: u16, columns: Columns) {
    cells(pen, area, from, columns, |title| {
        (title.to_owned(), Role::Heading)
    });
}
