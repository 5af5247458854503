//! The editor of a payload: its lines with their numbers, JSON in its tones, and what is wrong with it.

use ratatui::layout::Rect;

use super::{
    pen::{Line, Pen, columns, row, wrap},
    words,
};
use crate::{
    console::{
        layout::Areas,
        state::payload::{Found, Payload},
        theme::Role,
    },
    model::visible,
};

/// Columns for a line's number and a blank.
const NUMBER: u16 = 6;
/// Rows for what is wrong.
const FOUND: u16 = 2;

/// The lines and columns of the text that can be seen.
pub(super) fn room(areas: &Areas) -> (usize, usize) {
    let area = text(areas);
    (
        usize::from(area.height).max(1),
        usize::from(area.width.saturating_sub(NUMBER + 1)).max(1),
    )
}

fn text(areas: &Areas) -> Rect {
    Rect {
        height: areas.body.height.saturating_sub(FOUND),
        ..areas.body
    }
}

pub(super) fn draw(pen: &mut Pen<'_>, areas: &Areas, payload: &Payload) {
    let head = Line::of(Role::Heading, "PAYLOAD ")
        .and(
            Role::Text,
            words::safe(payload.sample.as_str()).into_owned(),
        )
        .and(
            Role::Warning,
            if payload.edited().is_some() {
                "  EDITED: its answers are not part of a review"
            } else {
                ""
            },
        );
    pen.line(areas.head, 1, &head);
    let area = text(areas);
    let (top, left) = payload.corner;
    let (cursor, _) = payload.cursor();
    let wrong = match &payload.found {
        Found::Broken { at, .. } => at.map(|(line, _)| line),
        Found::Fits | Found::Doubtful(_) => None,
    };
    let lines = payload.lines().iter().enumerate().skip(top);
    for (place, (number, line)) in area.rows().zip(lines) {
        let bad = wrong == Some(number);
        let role = if bad { Role::Error } else { Role::Muted };
        pen.cell_right(place, 0, NUMBER - 2, &(number + 1).to_string(), role);
        if bad {
            pen.put(place, NUMBER - 2, "x", Role::Error);
        }
        let shown = Rect {
            x: place.x + NUMBER,
            width: place.width.saturating_sub(NUMBER),
            ..place
        };
        one(pen, shown, line, left);
        if number == cursor {
            mark(pen, shown, payload, line, left);
        }
    }
    found(pen, areas, &payload.found);
}

/// A line of JSON from a column on.
fn one(pen: &mut Pen<'_>, place: Rect, line: &str, left: usize) {
    let mut at = 0;
    let mut skipped = 0;
    for (role, part) in tones(line) {
        let characters: Vec<char> = part.chars().collect();
        let hidden = left.saturating_sub(skipped).min(characters.len());
        skipped += characters.len();
        // No more is put into words than can be seen.
        let shown: String = characters
            .into_iter()
            .skip(hidden)
            .take(usize::from(place.width))
            .collect();
        at = pen.put(place, at, &visible(&shown, shown.len()), role);
        if at >= place.width {
            break;
        }
    }
}

/// The cursor, over the character that it stands before.
fn mark(pen: &mut Pen<'_>, place: Rect, payload: &Payload, line: &str, left: usize) {
    let (_, column) = payload.cursor();
    let before: String = line
        .chars()
        .skip(left)
        .take(column.saturating_sub(left))
        .collect();
    let before = columns(&visible(&before, before.len()));
    let under: String = line.chars().skip(column).take(1).collect();
    let under = if under.is_empty() {
        " ".to_owned()
    } else {
        under
    };
    let column = u16::try_from(before).unwrap_or(u16::MAX);
    pen.put(place, column, &visible(&under, 2), Role::Cursor);
}

/// The parts of a line of JSON. Strings do not go over its end, so that each line stands for itself.
fn tones(line: &str) -> Vec<(Role, &str)> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest),
            '{' | '}' | '[' | ']' | ',' | ':' | ' ' => first.len_utf8(),
            _ => rest
                .find(|character: char| "{}[],: \"".contains(character))
                .unwrap_or(rest.len()),
        };
        let (part, behind) = rest.split_at(length);
        let role = match first {
            '"' if behind.trim_start().starts_with(':') => Role::Heading,
            '"' => Role::Text,
            '{' | '}' | '[' | ']' | ',' | ':' | ' ' => Role::Muted,
            '0'..='9' | '-' => Role::Info,
            _ if matches!(part, "true" | "false" | "null") => Role::Info,
            _ => Role::Error,
        };
        parts.push((role, part));
        rest = behind;
    }
    parts
}

/// The bytes of a string, quotes included; of the rest, when it does not end.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn found(pen: &mut Pen<'_>, areas: &Areas, found: &Found) {
    let area = Rect {
        y: areas.body.bottom().saturating_sub(FOUND),
        height: FOUND.min(areas.body.height),
        ..areas.body
    };
    let (mark, role, text) = match found {
        Found::Fits => (
            "+",
            Role::Success,
            "fits the family and both routes".to_owned(),
        ),
        Found::Doubtful(doubts) => ("!", Role::Warning, doubts.join("; ")),
        Found::Broken { why, at } => {
            let place = at.map_or_else(String::new, |(line, column)| {
                format!("line {}, column {}: ", line + 1, column + 1)
            });
            ("x", Role::Error, format!("{place}{why}"))
        }
    };
    let width = usize::from(area.width.saturating_sub(4));
    let lines = wrap(&words::safe(&text), width);
    let more = lines.len() > usize::from(area.height);
    for (index, place) in area.rows().enumerate() {
        let Some(line) = lines.get(index) else { break };
        if index == 0 {
            pen.put(row(place, 0), 1, mark, role);
        }
        let last = more && index + 1 == usize::from(area.height);
        let cut = if last { pen.glyphs.cut } else { "" };
        pen.put(place, 3, &format!("{line}{cut}"), role);
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, tones};

    #[test]
    fn json_has_its_tones() {
        for (line, expected) in [
            (
                r#"  "a\"b": -1.5,"#,
                &[
                    (Role::Muted, " "),
                    (Role::Muted, " "),
                    (Role::Heading, r#""a\"b""#),
                    (Role::Muted, ":"),
                    (Role::Muted, " "),
                    (Role::Info, "-1.5"),
                    (Role::Muted, ","),
                ][..],
            ),
            (r#""open"#, &[(Role::Text, r#""open"#)]),
            (
                "[true,nul]",
                &[
                    (Role::Muted, "["),
                    (Role::Info, "true"),
                    (Role::Muted, ","),
                    (Role::Error, "nul"),
                    (Role::Muted, "]"),
                ],
            ),
        ] {
            assert_eq!(tones(line), expected, "{line}");
        }
    }
}
