//! A drawn screen as lines of text with colours, for standard output.
//!
//! Called by `cli`. It moves no cursor, so that it can go through a pipe or into a file.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr as _;

use super::{paint::Paint, view};

/// The rows of a buffer, each ended by a line feed and in the terminal's own style again. Without colours and
/// attributes when `plain`: then nothing trails either.
#[must_use]
pub fn lines(buffer: &Buffer, plain: bool) -> Vec<u8> {
    if plain {
        return view::text_of(buffer).into_bytes();
    }
    let mut paint = Paint::new(buffer.area.width, buffer.area.height);
    let mut out = Vec::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut covered = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let cell = &buffer[(x, y)];
            if covered == 0 {
                paint.append(cell);
            }
            covered = cell.symbol().width().max(covered).saturating_sub(1);
        }
        paint.end_line(&mut out);
    }
    out
}
